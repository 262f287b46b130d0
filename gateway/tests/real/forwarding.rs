//! What does a replica learn of a request, and a client of an answer? What is theirs, and what the
//! gateway adds; nothing of the other hop.

use http::{HeaderValue, Response};

use crate::client::Raw;
use crate::replica::{Replica, Seen, full};
use crate::world::{Folder, Gateway, web};

/// What a replica sees of a request with these header `lines`, before a gateway with these `flags`.
async fn seen(lines: &str, flags: &[&str]) -> Seen {
    let (replica, mut told) = Replica::telling().await;
    let file = web("", &[replica.address]);
    let gateway = Gateway::serve_with(&file, Folder::new(), flags).await;
    let mut raw = Raw::connect(gateway.address).await;
    raw.send(format!("GET /x HTTP/1.1\r\nHost: example.com\r\n{lines}\r\n")).await;
    assert_eq!(raw.answer().await.status, 200);
    told.next().await
}

#[tokio::test]
async fn headers_of_the_hop_do_not_reach_the_replica() {
    let lines = "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Own: mine\r\n\
                 Proxy-Connection: keep-alive\r\nTE: trailers, deflate\r\nUpgrade: h2c\r\n\
                 Proxy-Authorization: Basic eA==\r\nMetaparticle-Shard: forged\r\n\
                 Metaparticle-Deadline: 1\r\n";
    let seen = seen(lines, &[]).await;
    for gone in ["connection", "x-hop", "keep-alive", "proxy-connection", "upgrade"] {
        assert_eq!(seen.header(gone), None, "{gone}");
    }
    assert_eq!(seen.header("proxy-authorization"), None);
    assert_eq!(seen.header("metaparticle-shard"), None);
    assert_eq!(seen.header("te"), Some("trailers"));
    assert_eq!(seen.header("x-own"), Some("mine"));
    let left = seen.header("metaparticle-deadline").expect("it").parse::<u64>().expect("a number");
    assert!((1000..=30_000).contains(&left), "{left} ms");
}

#[tokio::test]
async fn headers_of_the_hop_do_not_reach_the_client() {
    let replica = Replica::start(|_| async {
        let mut response = Response::new(full("ok"));
        for (name, value) in [
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authenticate", "Basic"),
            ("x-own", "mine"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    })
    .await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut raw = Raw::connect(gateway.address).await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = raw.answer().await;
    assert_eq!(answer.header("x-own"), Some("mine"));
    for gone in ["connection", "x-hop", "keep-alive", "proxy-authenticate"] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
}

const FORGED: &str = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n\
                      X-Forwarded-Host: forged\r\nForwarded: for=6.6.6.6\r\n";

#[tokio::test]
async fn what_a_stranger_says_of_others_is_overwritten() {
    let seen = seen(FORGED, &[]).await;
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    assert_eq!(seen.header("x-forwarded-host"), Some("example.com"));
    assert_eq!(seen.header("forwarded"), Some("for=127.0.0.1;proto=http"));
}

#[tokio::test]
async fn what_a_trusted_proxy_says_is_added_to() {
    let seen = seen(FORGED, &["--trusted-proxies", "10.0.0.0/8,127.0.0.0/8"]).await;
    assert_eq!(seen.header("x-forwarded-for"), Some("6.6.6.6, 127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("https"));
    assert_eq!(seen.header("x-forwarded-host"), Some("forged"));
    assert_eq!(seen.header("forwarded"), Some("for=6.6.6.6, for=127.0.0.1;proto=http"));
}

#[tokio::test]
async fn a_request_has_a_name_that_replica_and_client_learn() {
    let (replica, mut told) = Replica::telling().await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut raw = Raw::connect(gateway.address).await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (answer, seen) = (raw.answer().await, told.next().await);
    let id = seen.header("x-request-id").expect("an id");
    assert_eq!(answer.header("x-request-id"), Some(id));
    let trace = seen.header("traceparent").expect("a trace");
    assert_eq!(trace.split('-').nth(1), Some(id));
    raw.send("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n\r\n").await;
    assert_eq!(raw.answer().await.header("x-request-id"), Some("mine"));
    assert_eq!(told.next().await.header("x-request-id"), Some("mine"));
}

#[tokio::test]
async fn a_refusal_is_a_problem_that_names_its_request() {
    let gateway = Gateway::serve(&web("", &[])).await;
    let mut raw = Raw::connect(gateway.address).await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n\r\n").await;
    let answer = raw.answer().await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem: serde_json::Value = serde_json::from_str(answer.text()).expect("JSON");
    assert_eq!((&problem["status"], &problem["request-id"]), (&503.into(), &"mine".into()));
}
