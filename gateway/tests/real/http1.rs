//! Is HTTP/1 spoken as it should be? To clients of both versions, with and without bodies.

use futures::stream;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::Raw;
use crate::replica::{Body, BoxError, Replica, full};
use crate::world::{Gateway, web};

/// A replica that says the path it was asked for.
async fn echoing() -> Replica {
    Replica::start(|request| async move { Response::new(full(request.uri().path().to_owned())) })
        .await
}

#[tokio::test]
async fn a_connection_carries_many_requests_one_after_the_other() {
    let replica = echoing().await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut raw = Raw::connect(gateway.address).await;
    for count in 0..10 {
        raw.send(format!("GET /{count} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(raw.answer().await.text(), format!("/{count}"));
    }
}

#[tokio::test]
async fn requests_in_a_pipeline_are_answered_in_order() {
    let replica = echoing().await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut raw = Raw::connect(gateway.address).await;
    let get = |count| format!("GET /{count} HTTP/1.1\r\nHost: a\r\n\r\n");
    let post = "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    raw.send(format!("{}{}{post}{}", get(1), get(2), get(3))).await;
    for expected in ["/1", "/2", "/post", "/3"] {
        assert_eq!(raw.answer().await.text(), expected);
    }
}

#[tokio::test]
async fn http_1_0_is_answered_and_its_connection_ended() {
    let replica = echoing().await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut raw = Raw::connect(gateway.address).await;
    raw.send("GET /old HTTP/1.0\r\n\r\n").await;
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.text()), (200, "/old"));
    assert!(raw.closed().await.is_empty());
    let mut raw = Raw::connect(gateway.address).await;
    for path in ["/a", "/b"] {
        raw.send(format!("GET {path} HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")).await;
        assert_eq!(raw.answer().await.text(), path);
    }
}

#[tokio::test]
async fn an_unending_answer_reaches_http_1_0_without_chunks() {
    let replica = Replica::start(|_| async { Response::new(pieces(["one ", "two"], None)) }).await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut raw = Raw::connect(gateway.address).await;
    raw.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
    let answer = raw.answer().await;
    assert_eq!((answer.text(), answer.header("transfer-encoding")), ("one two", None));
}

#[tokio::test]
async fn answers_that_have_no_body_have_none() {
    let replica = Replica::start(|request| async move {
        let mut response = Response::new(full("four"));
        match request.uri().path() {
            "/204" => *response.status_mut() = StatusCode::NO_CONTENT,
            "/304" => *response.status_mut() = StatusCode::NOT_MODIFIED,
            _ => return response,
        }
        *response.body_mut() = full("");
        response.headers_mut().insert("etag", HeaderValue::from_static("\"v1\""));
        response
    })
    .await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut raw = Raw::connect(gateway.address).await;
    let ask = |method, path| format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    // What would follow as a body would be read as the next answer.
    raw.send(ask("HEAD", "/200") + &ask("GET", "/204") + &ask("GET", "/304")).await;
    raw.send(ask("GET", "/200")).await;
    let head = raw.head().await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("4")));
    let empty = raw.answer().await;
    assert_eq!((empty.status, empty.header("content-length")), (204, None));
    let same = raw.answer().await;
    assert_eq!((same.status, same.header("etag")), (304, Some("\"v1\"")));
    assert_eq!(raw.answer().await.text(), "four");
}

/// A body in pieces, with or without trailers.
pub(crate) fn pieces<const N: usize>(
    pieces: [&'static str; N],
    trailers: Option<HeaderMap>,
) -> Body {
    let data = pieces.map(|piece| Frame::data(piece.into()));
    let frames = data.into_iter().chain(trailers.map(Frame::trailers)).map(Ok::<_, BoxError>);
    StreamBody::new(stream::iter(frames.collect::<Vec<_>>())).boxed_unsync()
}

pub(crate) fn sum() -> HeaderMap {
    HeaderMap::from_iter([("x-sum".parse().expect("a name"), HeaderValue::from_static("42"))])
}

#[tokio::test]
async fn trailers_reach_a_client_that_takes_them() {
    let replica = Replica::start(|_| async {
        let mut response = Response::new(pieces(["one ", "two"], Some(sum())));
        response.headers_mut().insert("trailer", HeaderValue::from_static("x-sum"));
        response
    })
    .await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut raw = Raw::connect(gateway.address).await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n").await;
    let answer = raw.answer().await;
    assert_eq!(answer.text(), "one two");
    assert_eq!(answer.trailers, [("x-sum".to_owned(), "42".to_owned())]);
}

#[tokio::test]
async fn trailers_of_a_request_reach_an_h2c_replica() {
    let (replica, mut told) = Replica::telling().await;
    let gateway = Gateway::serve(&web("protocol: h2c", &[replica.address])).await;
    let mut raw = Raw::connect(gateway.address).await;
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n";
    raw.send(format!("{head}5\r\nhello\r\n0\r\nx-sum: 42\r\n\r\n")).await;
    assert_eq!(raw.answer().await.status, 200);
    let seen = told.next().await;
    assert_eq!(seen.head.version, http::Version::HTTP_2);
    assert_eq!(seen.body.expect("whole"), "hello");
    assert_eq!(seen.trailers, Some(sum()));
}

#[tokio::test]
async fn who_expects_to_be_told_to_go_on_is_told_if_admitted() {
    let (replica, mut told) = Replica::telling().await;
    let gateway = Gateway::serve(&web("max-body: 1KiB", &[replica.address])).await;
    let head = |size| {
        format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    let mut raw = Raw::connect(gateway.address).await;
    raw.send(head(5)).await;
    assert_eq!(raw.head().await.status, 100);
    raw.send("hello").await;
    assert_eq!(raw.answer().await.status, 200);
    let seen = told.next().await;
    assert_eq!((seen.header("expect"), seen.body.as_deref()), (None, Ok(&b"hello"[..])));
    // On the same connection: one that is too large is refused without being asked for.
    raw.send(head(2048)).await;
    assert_eq!(raw.answer().await.status, 413);
    raw.closed().await;
    told.nothing_more();
}

#[tokio::test]
async fn an_answer_with_two_lengths_is_told_with_one() {
    let replica = Replica::raw(|mut stream| async move {
        stream.read_u8().await.ok();
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n\
                      5\r\nhello\r\n0\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.ok();
        stream.read_to_end(&mut Vec::new()).await.ok();
    })
    .await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut raw = Raw::connect(gateway.address).await;
    for _ in 0..2 {
        raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(raw.answer().await.text(), "hello");
    }
}

#[tokio::test]
async fn a_whole_url_without_a_path_asks_for_the_root() {
    for protocol in ["", "protocol: h2c"] {
        let (replica, mut told) = Replica::telling().await;
        let gateway = Gateway::serve(&web(protocol, &[replica.address])).await;
        let mut raw = Raw::connect(gateway.address).await;
        raw.send("GET http://a?b=c HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(raw.answer().await.status, 200);
        let target = told.next().await.head.uri;
        assert_eq!(target.path_and_query().map(|target| target.as_str()), Some("/?b=c"));
    }
}

#[tokio::test]
async fn who_does_not_wait_to_be_told_to_go_on_keeps_its_connection() {
    let replica = echoing().await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut raw = Raw::connect(gateway.address).await;
    let head = "HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    for path in ["/a", "/b"] {
        raw.send(format!("POST {path} {head}hello")).await;
        let answer = raw.answer().await;
        assert_eq!((answer.text(), answer.header("connection")), (path, None));
    }
}

#[tokio::test]
async fn http_1_0_cannot_ask_to_speak_something_else() {
    let (replica, mut told) = Replica::telling().await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut raw = Raw::connect(gateway.address).await;
    raw.send("GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        .await;
    assert_eq!(raw.answer().await.status, 200);
    let seen = told.next().await;
    assert_eq!((seen.header("connection"), seen.header("upgrade")), (None, None));
}
