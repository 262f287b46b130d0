//! How does a body come as a stream without a socket? hyper reads it from a pipe in memory.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Mutex;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;

use metaparticle_gateway::request::Body;
use metaparticle_gateway::tasks::Tasks;

/// A request's body of these chunks, its length unknown; without an end, the client stalls.
pub(crate) async fn streamed(chunks: &[&str], ends: bool) -> Body {
    let mut text = String::from("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n");
    for chunk in chunks {
        text += &format!("{:x}\r\n{chunk}\r\n", chunk.len());
    }
    if ends {
        text += "0\r\n\r\n";
    }
    let (mut client, server) = tokio::io::duplex(64 << 10);
    let (give, take) = oneshot::channel();
    let give = Mutex::new(Some(give));
    let serve = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let give = give.lock().expect("no panic").take().expect("one request");
        give.send(Body::incoming(request.into_body())).ok();
        pending::<Result<http::Response<Empty<Bytes>>, Infallible>>()
    });
    Tasks::default().spawn(async move {
        client.write_all(text.as_bytes()).await.expect("room in the pipe");
        let served = http1::Builder::new().serve_connection(TokioIo::new(server), serve).await;
        drop((client, served));
    });
    take.await.expect("a request")
}
