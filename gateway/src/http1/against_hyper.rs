//! The judge is hyper: on a request without fault, both must see the same body at the same place in
//! the row of requests.

use std::convert::Infallible;
use std::sync::Mutex;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::io::AsyncWriteExt;

use super::Fault;
use super::tests::Observer;

/// What hyper gives its handler: the body of each request, `None` where the body was broken.
async fn handled(pieces: &[&[u8]]) -> Vec<Option<Bytes>> {
    let bodies = Mutex::new(Vec::new());
    let handle = |request: http::Request<Incoming>| {
        let bodies = &bodies;
        async move {
            let at = {
                let mut bodies = bodies.lock().expect("no one panicked");
                bodies.push(None);
                bodies.len() - 1
            };
            let body = request.into_body().collect().await;
            let body = body.ok().map(http_body_util::Collected::to_bytes);
            bodies.lock().expect("no one panicked")[at] = body;
            Ok::<_, Infallible>(http::Response::new(Full::<Bytes>::default()))
        }
    };
    let (mut client, server) = tokio::io::duplex(1 << 20);
    let mut builder = http1::Builder::new();
    builder.half_close(true);
    let connection = builder.serve_connection(TokioIo::new(server), service_fn(handle));
    let write = async {
        for piece in pieces {
            // The server may have hung up on what it did not like.
            if client.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        client.shutdown().await.ok();
        client
    };
    let (_client, _outcome) = tokio::join!(write, connection);
    bodies.into_inner().expect("no one panicked")
}

/// What we take for bodies, and the first fault.
fn followed(bytes: &[u8]) -> (Vec<Vec<u8>>, Option<(u64, Fault)>) {
    let mut observer = Observer::default();
    observer.observe(bytes);
    let fault = observer.fault();
    (observer.bodies, fault)
}

/// On every request that hyper hands out and that has no fault, both see the same body.
fn agree(bytes: &[u8], pieces: &[&[u8]]) -> Result<usize, TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let handed = runtime.block_on(handled(pieces));
    let (bodies, fault) = followed(bytes);
    let clean = fault.map_or(u64::MAX, |(request, _)| request - 1);
    for (at, body) in handed.iter().enumerate().take_while(|&(at, _)| (at as u64) < clean) {
        let ours = bodies.get(at);
        prop_assert!(ours.is_some(), "request {} unseen: {}", at + 1, bytes.escape_ascii());
        if let Some(body) = body {
            prop_assert_eq!(
                Some(&body[..]),
                ours.map(|ours| &ours[..]),
                "{}",
                bytes.escape_ascii()
            );
        }
    }
    Ok(handed.len())
}

const LINES: [&str; 5] = [
    "GET /a HTTP/1.1\r\n",
    "POST /b HTTP/1.1\r\n",
    "\r\nPUT http://c/d HTTP/1.1\r\n",
    "CONNECT a:1 HTTP/1.1\r\n",
    "POST /e HTTP/1.0\r\nConnection: keep-alive\r\n",
];

const FIELDS: [&str; 12] = [
    "Host: a\r\n",
    "Expect: 100-continue\r\n",
    "Content-Length: 3\r\n",
    "content-length:\t7 \r\n",
    "Content-Length: +3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "X: y\r\n z\r\n",
    "X: y\n",
    "Upgrade: x\r\n",
    "X:\r\n",
];

const BODIES: [&str; 14] = [
    "",
    "abc",
    "abcdefg",
    "GET / H",
    "3\r\nabc\r\n0\r\n\r\n",
    "3;a=b\r\nabc\r\n12\r\nGET / HTTP/1.1\r\n\r\n\r\n0\r\n\r\n",
    "0\r\nX: y\r\n\r\n",
    "0\r\nX: y\n\r\n\r\n",
    "3 \r\nabc\r\n0\r\n\r\n",
    "00000000000000003\r\nabc\r\n0\r\n\r\n",
    "3\nabc\r\n0\r\n\r\n",
    "3;\rabc\r\n0\r\n\r\n",
    "3\r\nabcd\r\n0\r\n\r\n",
    "0\r\n\n",
];

fn loose_request() -> impl Strategy<Value = String> {
    let ends = select(vec!["\r\n", "\r\n", "\r\n", "\n"]);
    (select(&LINES[..]), vec(select(&FIELDS[..]), 0..3), ends, select(&BODIES[..]))
        .prop_map(|(line, fields, end, body)| [line, &fields.concat(), end, body].concat())
}

/// As a careful client would write it.
fn strict_request() -> impl Strategy<Value = String> {
    (select(&LINES[..3]), select(&FIELDS[..2]), vec("[ -~\r\n]{1,20}", 0..4), any::<bool>())
        .prop_map(|(line, field, parts, chunked)| {
            let whole = parts.concat();
            if !chunked {
                return format!("{line}{field}Content-Length: {}\r\n\r\n{whole}", whole.len());
            }
            let chunks: String =
                parts.iter().map(|part| format!("{:x};a=b\r\n{part}\r\n", part.len())).collect();
            format!("{line}{field}Transfer-Encoding: Chunked\r\n\r\n{chunks}0\r\nX: y\r\n\r\n")
        })
}

/// Puts a byte in the place of another, between two, or takes one away.
fn mutate(bytes: &mut Vec<u8>, mutations: &[(prop::sample::Index, u8, u8)]) {
    for (at, kind, byte) in mutations {
        if bytes.is_empty() {
            return;
        }
        let at = at.index(bytes.len());
        match kind {
            0 => bytes[at] = *byte,
            1 => bytes.insert(at, *byte),
            _ => drop(bytes.remove(at)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn hyper_reads_the_same(
        requests in vec(prop_oneof![loose_request(), strict_request()], 1..5),
        mutations in vec((any::<prop::sample::Index>(), 0..3_u8, select(&b"\r\n \t\0:;,0159aAx\xff"[..])), 0..3),
        size in 1..200_usize,
    ) {
        let mut bytes = requests.concat().into_bytes();
        mutate(&mut bytes, &mutations);
        agree(&bytes, &bytes.chunks(size).collect::<Vec<_>>())?;
    }

    #[test]
    fn careful_clients_are_followed_to_the_end(
        requests in vec(strict_request(), 1..5),
        size in 1..200_usize,
    ) {
        let bytes = requests.concat().into_bytes();
        let handed = agree(&bytes, &bytes.chunks(size).collect::<Vec<_>>())?;
        let (bodies, fault) = followed(&bytes);
        prop_assert_eq!((handed, bodies.len(), fault), (requests.len(), requests.len(), None));
    }
}
