//! What is asked for, and by whom?

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::percent_decode_str;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::access::Access;
use super::answer::{Answer, Refusal};
use super::desk::Desk;

/// How long a head may take to come, a connection to rest, and a body to come.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
const BODY_WITHIN: Duration = Duration::from_secs(30);

/// The largest spec: what a ConfigMap holds.
const BODY_MOST: usize = 1 << 20;

/// Answers all requests of one connection.
pub(super) async fn connection(
    stream: TcpStream,
    desk: &Desk,
    access: &Access,
    stop: &CancellationToken,
) {
    let answers = service_fn(|request| async move {
        let answer = Box::pin(answer(desk, access, request)).await;
        Ok::<_, Infallible>(answer.unwrap_or_else(|refusal| refusal.answer()))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .serve_connection(TokioIo::new(stream), answers);
    let mut connection = pin!(connection);
    tokio::select! {
        // Done, or broken off by who asked: there is nobody left to tell.
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    drop(connection.await);
}

async fn answer(
    desk: &Desk,
    access: &Access,
    request: Request<Incoming>,
) -> Result<Answer, Refusal> {
    let (head, body) = request.into_parts();
    access.admit(&head.headers)?;
    let path = head.uri.path().trim_end_matches('/');
    let parts: Vec<_> = path.split('/').skip(1).collect();
    let named = |name: &str| percent_decode_str(name).decode_utf8_lossy().into_owned();
    match (&head.method, parts.as_slice()) {
        (&Method::GET, ["services"]) => desk.all().await,
        (_, ["services"]) => Err(Refusal::NoMethod("GET lists all services")),
        (&Method::GET, ["services", name]) => desk.one(&named(name)).await,
        (&Method::PUT, ["services", name]) => {
            let rehearsal =
                head.uri.query().is_some_and(|query| query.split('&').any(|it| it == "dryRun=All"));
            desk.put(&named(name), &read(body).await?, rehearsal).await
        }
        (&Method::DELETE, ["services", name]) => desk.delete(&named(name)).await,
        (_, ["services", _]) => Err(Refusal::NoMethod("GET, PUT or DELETE a service")),
        (&Method::GET, ["services", name, "status"]) => desk.status(&named(name)).await,
        (&Method::GET, ["services", name, "logs"]) => desk.logs(&named(name)).await,
        (_, ["services", _, "status" | "logs"]) => Err(Refusal::NoMethod("GET it")),
        _ => Err(Refusal::NoPath),
    }
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    let whole = timeout(BODY_WITHIN, Limited::new(body, BODY_MOST).collect()).await;
    Ok(whole.map_err(|_| Refusal::Body)?.map_err(|_| Refusal::Body)?.to_bytes())
}
