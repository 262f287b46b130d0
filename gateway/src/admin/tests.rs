//! Do operators see what is there, and nobody more than they asked for?

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{Admin, Mistakes, Ready, State, explain};
use crate::file;
use crate::metrics::Facts;
use crate::snapshot::{Latest, channel};
use crate::tasks::{Clock, Tasks};

const WORLD: &str = "
services:
  users:
    pattern: shard
    retries: 2
    replicas:
      - { name: users-0, address: 127.0.0.1:9001 }
      - { name: users-1, address: 127.0.0.1:9002 }
      - { name: users-2, address: 127.0.0.1:9003, ready: false }
  web: { replicas: [] }
routes:
  - { path: /all, path-type: Exact, service: users, pattern: scatter }
  - { host: \"*.example.com\", service: web }
  - { path: /users, service: users }
";

fn latest() -> Latest {
    let (mut publisher, latest) = channel();
    publisher.publish(&file::read(WORLD).expect("a right world"));
    latest
}

fn admin() -> Admin {
    Admin {
        latest: latest(),
        ready: Ready::default(),
        clock: Clock::start(),
        facts: Arc::new(Facts::default),
        mistakes: Mistakes::default(),
    }
}

/// What `admin` answers to a GET of `target`: its status and its text.
async fn get(admin: &Admin, target: &str) -> (StatusCode, String) {
    let target = target.parse().expect("a target");
    let answer = admin.answer(&Method::GET, &target, &HeaderMap::new());
    let status = answer.status();
    let body = answer.into_body().collect().await.expect("a whole body").to_bytes();
    (status, String::from_utf8(body.into()).expect("text"))
}

async fn get_json(admin: &Admin, target: &str) -> (StatusCode, Value) {
    let (status, text) = get(admin, target).await;
    (status, serde_json::from_str(&text).expect("JSON"))
}

#[tokio::test]
async fn probes_are_told_how_far_it_is() {
    let admin = admin();
    assert_eq!(get(&admin, "/healthz").await, (StatusCode::OK, "ok\n".into()));
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(get(&admin, "/readyz").await, (unavailable, "starting\n".into()));
    admin.ready.set(State::Ready);
    assert_eq!(get(&admin, "/readyz").await, (StatusCode::OK, "ready\n".into()));
    admin.ready.set(State::Draining);
    assert_eq!(get(&admin, "/readyz").await, (unavailable, "draining\n".into()));
    assert_eq!(get(&admin, "/healthz").await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_snapshot_shows_what_there_is() {
    let admin = admin();
    admin.mistakes.set(vec!["3:1: routes: found `x`; allowed: a list".into()]);
    let (status, view) = get_json(&admin, "/snapshot").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(view["version"], 1);
    assert_eq!(view["mistakes"].as_array().unwrap().len(), 1);
    let users = &view["services"][0];
    assert_eq!(users["policy"]["shard-algorithm"], "rendezvous");
    assert_eq!(users["said"], json!({"pattern": "shard", "retries": "2"}));
    assert_eq!(users["shards"][1], json!({"name": "users-1", "replicas": ["users-1"]}));
    let expected = json!({
        "name": "users-2", "address": "127.0.0.1:9003", "shard": "users-2", "ready": false,
        "ejected": false, "in_flight": 0, "requests": 0, "failures": 0,
    });
    assert_eq!(users["replicas"][2], expected);
    let routes: Vec<_> = view["routes"].as_array().unwrap().iter().collect();
    let expected = json!({
        "host": "*", "path": "/all", "path_type": "Exact", "service": "users",
        "pattern": "scatter", "overrides": {"pattern": "scatter"},
    });
    assert_eq!(routes[1], &expected);
    assert_eq!((&routes[0]["host"], &routes[0]["path"]), (&"*.example.com".into(), &"/".into()));
    assert_eq!(routes[2]["overrides"], json!({}));
}

#[tokio::test]
async fn mistakes_are_counted_in_the_metrics() {
    let admin = admin();
    admin.mistakes.set(vec!["one".into(), "two".into()]);
    let (status, page) = get(&admin, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("\nmetaparticle_source_mistakes 2\n"), "{page}");
}

#[tokio::test]
async fn a_key_is_explained() {
    let (status, told) = get_json(&admin(), "/explain?service=users&key=a%20b&count=2").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(told["key"], "a b");
    assert_eq!(told["owner"], told["candidates"][0]["shard"]);
    assert_eq!(told["candidates"].as_array().unwrap().len(), 2);
    assert_eq!(told["shards"], 3);
}

#[tokio::test]
async fn a_wrong_question_is_told_what_is_right() {
    let admin = admin();
    let detail = async |target: &str| {
        let (status, told) = get_json(&admin, target).await;
        (status.as_u16(), told["detail"].as_str().expect("a detail").to_owned())
    };
    let (status, told) = detail("/explain?service=user&key=x").await;
    assert_eq!(status, 404);
    assert!(told.contains("`user`") && told.contains("`users`"), "{told}");
    for target in ["/explain", "/explain?service=users", "/explain?service=users&key="] {
        let (status, told) = detail(target).await;
        assert_eq!(status, 400);
        assert!(told.contains("service=S&key=K"), "{told}");
    }
    assert_eq!(detail("/explain?service=users&key=%ff").await.0, 400);
    assert_eq!(detail("/explain?service=users&key=x&count=-1").await.0, 400);
    let (status, told) = detail("/metric").await;
    assert_eq!(status, 404);
    assert!(told.contains("/metrics"), "{told}");
    let answer = admin.answer(&Method::POST, &"/".parse().unwrap(), &HeaderMap::new());
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn a_terminal_is_told_who_owns_a_key_and_who_stands_in() {
    let snapshot = latest().load();
    let owned_by = |shard: &str| {
        let mut keys = (0..100).map(|count| format!("key-{count}"));
        let owner = |key: &String| {
            let owner = snapshot.service("users").unwrap().ring.owner(key.as_bytes());
            snapshot.service("users").unwrap().shard(owner.unwrap()).name.as_str().to_owned()
        };
        keys.find(|key| owner(key) == shard).unwrap()
    };
    let now = Duration::from_secs(1);
    let away = explain(&snapshot, "users", &owned_by("users-2"), 9, now).unwrap();
    assert_eq!(away.owner.as_deref(), Some("users-2"));
    assert_eq!(away.serves.as_ref(), Some(&away.candidates[1].shard));
    let text = away.to_string();
    assert!(text.contains("1. users-2  users-2 at 127.0.0.1:9003 (not ready)\n"), "{text}");
    assert!(text.contains("now at   users-"), "{text}");

    let here = explain(&snapshot, "users", &owned_by("users-0"), 1, now).unwrap();
    assert_eq!(here.serves, here.owner);
    let text = here.to_string();
    assert!(text.ends_with("(ready)\n         and 2 more\n"), "{text}");

    snapshot.service("users").unwrap().replicas[0].live.eject(now);
    let ejected = explain(&snapshot, "users", &here.key, 9, now).unwrap();
    assert_eq!(ejected.serves.as_deref(), Some("users-1"));

    let nobody = explain(&snapshot, "web", "x", 9, now).unwrap();
    assert_eq!((nobody.owner, nobody.serves), (None, None));
}

#[tokio::test]
async fn whoever_connects_is_answered_until_it_stops() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tasks, stop) = (Tasks::default(), CancellationToken::new());
    tasks.spawn(admin().serve(listener, tasks.clone(), stop.clone()));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut begin = [0; 15];
    client.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200 OK");
    stop.cancel();
    tasks.wait().await;
    let mut rest = String::new();
    client.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("\r\n\r\nok\n"), "{rest}");
    assert!(TcpStream::connect(address).await.is_err());
}
