//! Does every path of the demo show what it says?

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{Demo, start};
use crate::file;
use crate::model::{Path, Replica};
use crate::tasks::Tasks;

/// What `replica` answers to a GET of `path`.
async fn get(tasks: &Tasks, replica: &Replica, path: &str) -> (StatusCode, String) {
    let stream = TcpStream::connect(replica.address).await.expect("it listens");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("it speaks HTTP");
    tasks.spawn(async {
        connection.await.ok();
    });
    let request = Request::get(path).header("host", "demo").body(Empty::<Bytes>::new());
    let response = sender.send_request(request.expect("a request")).await.expect("it answers");
    let status = response.status();
    let body = response.into_body().collect().await.expect("a whole answer").to_bytes();
    (status, String::from_utf8(body.into()).expect("text"))
}

fn replicas<'d>(demo: &'d Demo, service: &str) -> &'d [Replica] {
    let found = demo.world.services.iter().find(|one| one.name.as_str() == service);
    &found.expect("a service").replicas
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[tokio::test]
async fn every_replica_answers_in_its_own_name() {
    let tasks = Tasks::default();
    let demo = start(&tasks).await.unwrap();
    for (service, count, path, key) in [
        ("spread", 3, "/spread/x", "replica"),
        ("users", 5, "/shard/users/alice/x", "shard"),
        ("samples", 10, "/scatter/who", "shard"),
    ] {
        let replicas = replicas(&demo, service);
        assert_eq!(replicas.len(), count);
        for replica in replicas {
            let (status, text) = get(&tasks, replica, path).await;
            assert_eq!(status, StatusCode::OK);
            assert_eq!(json_of(&text)[key], replica.name.as_str());
        }
    }
    let (_, text) = get(&tasks, &replicas(&demo, "users")[3], "/shard/users/alice").await;
    assert_eq!(json_of(&text), json!({"shard": "users-3", "user": "alice"}));
}

#[tokio::test]
async fn the_samples_have_a_hundred_numbers_each_and_one_fails_where_it_should() {
    let tasks = Tasks::default();
    let demo = start(&tasks).await.unwrap();
    for replica in replicas(&demo, "samples") {
        let (status, text) = get(&tasks, replica, "/scatter/samples").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(json_of(&text)["n"].as_array().unwrap().len(), 100);
        assert_eq!(get(&tasks, replica, "/scatter/samples").await.1, text);
        for path in ["/scatter/partial", "/scatter/strict"] {
            let (status, _) = get(&tasks, replica, path).await;
            assert_eq!(status == 500, replica.name.as_str() == "samples-7");
        }
        let (_, lines) = get(&tasks, replica, "/scatter/lines").await;
        assert_eq!(lines.lines().count(), 3);
        assert!(lines.lines().all(|line| json_of(line)["shard"] == replica.name.as_str()));
        assert_eq!(get(&tasks, replica, "/scatter/first").await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn what_is_there_to_try_has_a_route() {
    let tasks = Tasks::default();
    let Demo { world, config, text, tries } = start(&tasks).await.unwrap();
    let read = file::read(&config).unwrap();
    assert_eq!(read.services.len(), world.services.len());
    for (path, _) in tries {
        let has = |prefix: &Path| match prefix {
            Path::Prefix(prefix) => path.starts_with(&**prefix),
            Path::Exact(exact) => **exact == *path,
        };
        assert!(world.routes.iter().any(|route| has(&route.path)), "{path}");
    }
    for service in &world.services {
        for replica in &service.replicas {
            assert!(text.contains(&replica.address.port().to_string()), "{text}");
        }
    }
}
