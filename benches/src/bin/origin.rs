//! A fast server to measure with: one thread, one answer, made once.
//!
//! ```text
//! origin --listen 127.0.0.1:9001 --listen 127.0.0.1:9002 --bytes 128 --mode text
//! ```
//!
//! Each answer says in `x-origin` which port gave it.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use clap::{Parser, ValueEnum};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};

/// A fast server to measure with.
#[derive(Debug, Parser)]
struct Settings {
    /// Where to listen; may be given several times
    #[arg(long, value_name = "ADDRESS", required = true)]
    listen: Vec<SocketAddr>,
    /// How long an answer is, about
    #[arg(long, value_name = "N", default_value_t = 128)]
    bytes: usize,
    /// What an answer is
    #[arg(long, value_enum, default_value_t = Mode::Text)]
    mode: Mode,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// The letter x, again and again
    Text,
    /// A JSON array of numbers
    Json,
}

fn main() -> anyhow::Result<()> {
    let Settings { listen, bytes, mode } = Settings::parse();
    let (body, kind) = match mode {
        Mode::Text => ("x".repeat(bytes), "text/plain"),
        Mode::Json => (format!("[{}0]", "1000,".repeat(bytes / 5)), "application/json"),
    };
    let runtime = Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        for address in listen {
            let listener = TcpListener::bind(address).await?;
            let mut answer = Response::new(Full::new(Bytes::from(body.clone())));
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            answer.headers_mut().insert("x-origin", HeaderValue::from(address.port()));
            Handle::current().spawn(accept(listener, answer));
        }
        std::future::pending().await
    })
}

async fn accept(listener: TcpListener, answer: Response<Full<Bytes>>) {
    while let Ok((stream, _)) = listener.accept().await {
        Handle::current().spawn(serve(stream, answer.clone()));
    }
}

async fn serve(stream: TcpStream, answer: Response<Full<Bytes>>) {
    stream.set_nodelay(true).ok();
    let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
        drop(request);
        std::future::ready(Ok::<_, Infallible>(answer.clone()))
    });
    // How a connection ends is the client's affair.
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}
