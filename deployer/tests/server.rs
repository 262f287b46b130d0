//! Does the server answer as the original's API says, let in only who may ask, and deploy what is put? The API server
//! is in memory here, and knows specs; one test, ignored without a cluster, has a real one.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use k8s_openapi::api::apps::v1::Deployment;
use kube::client::Body;
use metaparticle::cluster::{self, Cluster, Kept, Target};
use metaparticle::server::{Fault, Options, Server};
use metaparticle_testbed::in_namespace;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::service_fn;

const TOKEN: &str = "0123456789abcdef";

/// What an API server says that knows two specs, and no class of Ingresses.
async fn known(request: Request<Body>) -> Result<Response<Full<Bytes>>, Infallible> {
    let spec = |name: &str| {
        let document = json!({ "name": name, "guid": 1 });
        let kept = Kept { name: name.to_owned(), application: name.to_owned(), document };
        kept.object().body().clone()
    };
    let (status, body) = match request.uri().path() {
        "/api/v1/namespaces/shop/configmaps" => {
            let items = [spec("web"), spec("api")];
            (
                200,
                json!({ "kind": "ConfigMapList", "apiVersion": "v1", "metadata": {}, "items": items }),
            )
        }
        path => {
            let said = format!("{path} is not there");
            (
                404,
                json!({ "kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound", "message": said }),
            )
        }
    };
    let mut answer = Response::new(Full::from(body.to_string()));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    Ok(answer)
}

/// A request without a body; `more` is lines of its head.
fn head(line: &str, more: &str) -> String {
    let host = if more.contains("host:") { "" } else { "host: localhost\r\n" };
    format!("{line} HTTP/1.1\r\n{host}{more}connection: close\r\n\r\n")
}

fn put(path: &str, body: &str) -> String {
    let length = body.len();
    let head = format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    format!("{head}content-length: {length}\r\n\r\n{body}")
}

/// Starts a server, says each request to it, and gives the statuses and bodies of its answers.
async fn answers(cluster: Cluster, token: Option<&str>, requests: &[String]) -> Vec<(u16, String)> {
    let stop = CancellationToken::new();
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        token: token.map(str::to_owned),
        stop: stop.clone(),
        ..Options::default()
    };
    let server = Server::bind(cluster, options, Arc::new(|_| {})).await.expect("it listens");
    let address = server.address();
    let asking = async {
        let mut answers = Vec::new();
        for request in requests {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.write_all(request.as_bytes()).await.expect("it reads");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("it answers");
            let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
            let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
            answers.push((status.expect("a status"), body.expect("a body")));
        }
        stop.cancel();
        answers
    };
    futures::join!(server.run(), asking).1
}

/// One request to a server that is asked without a token.
async fn check(request: String, status: u16, body: &str) -> Value {
    let cluster = Cluster::of(service_fn(known), "shop");
    let answers = answers(cluster, None, std::slice::from_ref(&request)).await;
    let (found, said) = &answers[0];
    assert_eq!(*found, status, "{request}: {said}");
    assert!(said.contains(body), "{request}: {said}");
    serde_json::from_str(said).unwrap_or_default()
}

#[tokio::test]
async fn specs_are_listed_and_found_as_they_were_put() {
    let all = check(head("GET /services", ""), 200, "").await;
    assert_eq!(all, json!([{ "name": "api", "guid": 1 }, { "name": "web", "guid": 1 }]));
    let one = check(head("GET /services/web", ""), 200, "").await;
    assert_eq!(one, json!({ "name": "web", "guid": 1 }));
    let none = check(head("GET /services/shop%20x", ""), 404, "there is no service `shop x`").await;
    assert_eq!(none["code"], 404);
    check(head("DELETE /services/nothing", ""), 204, "").await;
    check(head("GET /services/nothing/status", ""), 404, "").await;
    check(head("GET /services/nothing/logs", ""), 404, "").await;
}

#[tokio::test]
async fn what_is_asked_wrongly_is_told_how_it_is_right() {
    check(head("GET /", ""), 404, "services are at /services/NAME").await;
    check(head("GET /service/web", ""), 404, "").await;
    check(head("POST /services", "content-length: 0\r\n"), 405, "GET lists all").await;
    check(head("POST /services/web", "content-length: 0\r\n"), 405, "GET, PUT or DELETE").await;
    check(head("DELETE /services/web/logs", ""), 405, "GET it").await;
}

#[tokio::test]
async fn a_spec_with_mistakes_is_refused_with_all_of_them() {
    let mistakes = include_str!("golden/specs/mistakes.json");
    let told = check(put("/services/a", mistakes), 422, "services[0].ports[0].number").await;
    let each = told["mistakes"].as_array().expect("mistakes");
    assert!(each.len() > 8, "{each:?}");
    assert!(each.iter().all(|one| one["place"].is_string() && one["allowed"].is_string()));
    check(put("/services/a", "{"), 400, "the spec is no JSON").await;
    check(put("/services/a", ""), 400, "the spec is empty").await;
    check(put("/services/a", "null"), 400, "`null`").await;
    let nothing = include_str!("golden/specs/go-nothing.json");
    check(put("/services/a", nothing), 422, "nothing to deploy").await;
    let large = put("/services/a", &format!("\"{}\"", "x".repeat(1 << 20)));
    check(large, 413, "larger than 1 MiB").await;
}

#[tokio::test]
async fn without_a_token_nobody_asks_by_another_name() {
    for host in ["evil.example", "127.0.0.1.evil.example:80"] {
        check(head("GET /services", &format!("host: {host}\r\n")), 403, "for this machine").await;
    }
    check(head("GET /services", "host: 127.0.0.1:99\r\n"), 200, "").await;
}

#[tokio::test]
async fn with_a_token_everybody_says_it() {
    let right = format!("authorization: Bearer {TOKEN}\r\nhost: shop.example\r\n");
    let requests = [
        head("GET /services", ""),
        head("GET /services", "authorization: Bearer 0123456789abcdee\r\n"),
        put("/services/a", "{}"),
        head("GET /services", &right),
    ];
    let cluster = Cluster::of(service_fn(known), "shop");
    let answers = answers(cluster, Some(TOKEN), &requests).await;
    let statuses: Vec<_> = answers.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [401, 401, 401, 200]);
}

#[tokio::test]
async fn it_does_not_listen_where_everybody_could_deploy() {
    for (listen, token, expected) in [
        (([0, 0, 0, 0], 0), None, "could deploy whatever they like"),
        (([0, 0, 0, 0], 0), Some("short"), "fewer than 16 signs"),
    ] {
        let options = Options {
            listen: listen.into(),
            token: token.map(str::to_owned),
            ..Options::default()
        };
        let cluster = Cluster::of(service_fn(known), "shop");
        let fault =
            Server::bind(cluster, options, Arc::new(|_| {})).await.expect_err("it is refused");
        assert!(fault.to_string().contains(expected), "{fault}");
        assert!(matches!(fault, Fault::NoToken(_) | Fault::ShortToken));
    }
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn what_is_put_is_deployed_and_what_is_deleted_goes() {
    in_namespace("server", async |space| {
        let namespace = Some(space.name().to_owned());
        let cluster = cluster::connect(&Target { namespace, ..Target::default() }).await?;
        let service = json!({ "name": "web", "replicas": 1, "containers": [{ "image": "127.0.0.1:5000/none:1" }] });
        let spec = json!({ "name": "web", "guid": 1, "services": [service] }).to_string();
        let requests = [
            put("/services/shop?dryRun=All", &spec),
            head("GET /services/shop", ""),
            put("/services/shop", &spec),
            put("/services/shop", &spec),
            head("GET /services/shop", ""),
            head("GET /services/shop/status", ""),
            head("GET /services/shop/logs", ""),
        ];
        let all = answers(cluster.clone(), None, &requests).await;
        let statuses: Vec<_> = all.iter().map(|(status, _)| *status).collect();
        anyhow::ensure!(statuses == [200, 404, 200, 200, 200, 200, 200], "{all:?}");
        let deployed = space.api::<Deployment>().get("web").await?;
        let generation = deployed.metadata.generation;
        anyhow::ensure!(generation == Some(1), "put again, it was changed: {generation:?}");
        let status: Value = serde_json::from_str(&all[5].1)?;
        anyhow::ensure!(status["ready"] == false && status["application"] == "shop", "{status}");
        // Whoever comes later finds it.
        let requests = [head("DELETE /services/shop", ""), head("DELETE /services/shop", "")];
        let all = answers(cluster, None, &requests).await;
        anyhow::ensure!(all.iter().all(|(status, _)| *status == 204), "{all:?}");
        space.until("no deployment", "", |all: &[Deployment]| all.is_empty().then_some(())).await
    })
    .await;
}
