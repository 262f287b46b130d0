//! What is the smallest program that is worth deploying? It greets, says that it is well, and ends without
//! letting go of anybody whom it is talking to.

use std::convert::Infallible;
use std::io;
use std::pin::pin;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut end = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind("0.0.0.0:8080").await?;
    let (graceful, mut talks) = (GracefulShutdown::new(), JoinSet::new());
    let mut ended = pin!(end.recv());
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            _ = &mut ended => break,
        };
        let talk = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(greet));
        talks.spawn(graceful.watch(talk));
        // Those that ended are forgotten.
        while talks.try_join_next().is_some() {}
    }
    graceful.shutdown().await;
    Ok(())
}

async fn greet(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let answer = match request.uri().path() {
        "/healthz" => "well\n".to_owned(),
        _ => format!("{{\"says\": \"hello, world\", \"replica\": \"{}\"}}\n", name()),
    };
    Ok(Response::new(Full::from(answer)))
}

/// The pod's name.
fn name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim_end().to_owned()
}
