//! How does a replica of the demo answer? As any small HTTP/1.1 server.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::demo::leaf::{Leaf, Said};
use crate::tasks::Tasks;

/// Connections at a time; more wait to be accepted.
const CONNECTIONS_MOST: usize = 1024;
/// Bytes of a request's body that are read, and thrown away.
const BODY_MOST: usize = 1 << 20;
/// Between two attempts to accept, when the process has no more files to open.
const BREATH: Duration = Duration::from_millis(100);

/// Answers as `leaf` whoever connects.
pub(super) async fn serve(leaf: Arc<Leaf>, listener: TcpListener, tasks: Tasks) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MOST));
    loop {
        let place = Arc::clone(&room).acquire_owned().await.expect("nobody closes it");
        let Ok((stream, _)) = listener.accept().await else {
            sleep(BREATH).await;
            continue;
        };
        // An answer is one small write: there is nothing to wait for. Without it all still works.
        stream.set_nodelay(true).ok();
        let leaf = Arc::clone(&leaf);
        tasks.spawn(async move {
            connection(leaf, stream).await;
            drop(place);
        });
    }
}

async fn connection(leaf: Arc<Leaf>, stream: TcpStream) {
    let answer = |request| answer(Arc::clone(&leaf), request);
    // The gateway keeps connections for as long as it likes: who is idle is not sent away.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    // Broken off by who asked: nobody is left to tell.
    connection.await.ok();
}

async fn answer(
    leaf: Arc<Leaf>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // Read to its end, so that the connection can be used again; a longer one closes it.
    Limited::new(body, BODY_MOST).collect().await.ok();
    let Said { status, content_type, body, after } = leaf.say(head.uri.path(), fastrand::u64(..));
    if !after.is_zero() {
        sleep(after).await;
    }
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(response)
}
