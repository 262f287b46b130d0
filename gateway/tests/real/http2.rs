//! Is HTTP/2 spoken as it should be? To clients, to replicas, and between the two versions.

use futures::future::join_all;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;

use crate::client::{Client, Raw, ask};
use crate::http1::{pieces, sum};
use crate::replica::{Replica, full};
use crate::world::{Gateway, soon, web};

#[tokio::test]
async fn many_streams_of_one_connection_are_answered() {
    let replica = Replica::start(|request| async move {
        Response::new(request.into_body().map_err(Into::into).boxed_unsync())
    })
    .await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let clients = join_all((0..4).map(|_| Client::http2(gateway.address))).await;
    let asked = clients.into_iter().enumerate().map(|(number, mut client)| async move {
        for count in 0..25 {
            let said = format!("{number} {count}");
            let (status, body) = client.whole(ask("POST", "/", full(said.clone()))).await;
            assert_eq!((status.as_u16(), body), (200, said.into()));
        }
    });
    join_all(asked).await;
}

#[tokio::test]
async fn clients_of_both_versions_reach_an_h2c_replica() {
    let (replica, mut told) = Replica::telling().await;
    let gateway = Gateway::serve(&web("protocol: h2c", &[replica.address])).await;
    let mut raw = Raw::connect(gateway.address).await;
    raw.send("GET /one?x=1 HTTP/1.1\r\nHost: example.com\r\n\r\n").await;
    assert_eq!(raw.answer().await.text(), "ok\n");
    let mut client = Client::http2(gateway.address).await;
    assert_eq!(client.whole(ask("GET", "/two", full(""))).await.0, 200);
    for expected in ["http://example.com/one?x=1", "http://example.com/two"] {
        let seen = told.next().await;
        assert_eq!(seen.head.version, http::Version::HTTP_2);
        assert_eq!(seen.head.uri, expected);
    }
}

#[tokio::test]
async fn an_http2_client_reaches_an_http1_replica() {
    let (replica, mut told) = Replica::telling().await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut client = Client::http2(gateway.address).await;
    assert_eq!(client.whole(ask("PUT", "/x?y=z", full("hello"))).await.0, 200);
    let seen = told.next().await;
    assert_eq!(seen.head.version, http::Version::HTTP_11);
    assert_eq!(seen.head.uri, "/x?y=z");
    assert_eq!(seen.header("host"), Some("example.com"));
    assert_eq!(seen.body.expect("whole"), "hello");
}

#[tokio::test]
async fn trailers_pass_from_end_to_end() {
    let replica = Replica::start(|request| async move {
        let trailers = request.into_body().collect().await.expect("whole").trailers().cloned();
        Response::new(pieces(["one ", "two"], trailers))
    })
    .await;
    let gateway = Gateway::serve(&web("protocol: h2c", &[replica.address])).await;
    let mut client = Client::http2(gateway.address).await;
    let response = client.send(ask("POST", "/", pieces(["three"], Some(sum())))).await;
    let body = soon("a body", response.into_body().collect()).await.expect("whole");
    assert_eq!(body.trailers(), Some(&sum()));
    assert_eq!(body.to_bytes(), "one two");
}

#[tokio::test]
async fn answers_without_body_have_none() {
    let replica = Replica::start(|request| async move {
        let mut response = Response::new(full(""));
        match request.uri().path() {
            "/204" => *response.status_mut() = StatusCode::NO_CONTENT,
            "/304" => *response.status_mut() = StatusCode::NOT_MODIFIED,
            _ => {
                response.headers_mut().insert("content-length", HeaderValue::from_static("4"));
            }
        }
        response
    })
    .await;
    for words in ["", "protocol: h2c"] {
        let gateway = Gateway::serve(&web(words, &[replica.address])).await;
        let mut client = Client::http2(gateway.address).await;
        for (method, path, status) in
            [("HEAD", "/head", 200), ("GET", "/204", 204), ("GET", "/304", 304)]
        {
            let (answered, body) = client.whole(ask(method, path, full(""))).await;
            assert_eq!((answered.as_u16(), body.len()), (status, 0), "{method} {path} {words}");
        }
    }
}

#[tokio::test]
async fn the_gateways_own_answers_to_head_have_no_body_either() {
    let replica = Replica::start(|_| async { Response::new(full("{\"n\":[1]}")) }).await;
    let words = "pattern: scatter\nscatter-merge: concat:/n";
    let file = web(words, &[replica.address]).replace("path: /", "path: /merged");
    let gateway = Gateway::serve(&file).await;
    for (path, status) in [("/merged", 200), ("/nowhere", 404)] {
        let mut raw = Raw::connect(gateway.address).await;
        raw.send(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
        assert_eq!(raw.head().await.status, status);
        assert!(raw.closed().await.is_empty(), "{path}");
        let mut client = Client::http2(gateway.address).await;
        let (answered, body) = client.whole(ask("HEAD", path, full(""))).await;
        assert_eq!((answered.as_u16(), body.len()), (status, 0), "{path}");
    }
}
