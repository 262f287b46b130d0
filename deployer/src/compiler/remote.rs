//! How is a spec put on a server, and got from one? As the original's client did (`--host`, `--port`).

use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::settings;

/// A server deploys what it is given, which takes a while.
const WITHIN: Duration = Duration::from_secs(60);

/// The largest answer that is read.
const ANSWER_MOST: usize = 4 << 20;

/// Why a server does not have, or take, a spec.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Nobody answers.
    #[error("nobody answers at {at}: is `metaparticle serve` running there? (--host, --port)")]
    Silent {
        /// Where.
        at: String,
        /// Why.
        source: io::Error,
    },
    /// It says no.
    #[error("{at} says {status}: {said}")]
    Refused {
        /// Where.
        at: String,
        /// How.
        status: StatusCode,
        /// What.
        said: String,
    },
}

/// The spec called `name`.
pub(super) async fn get(host: &str, port: u16, name: &str) -> Result<Vec<u8>, Fault> {
    ask(Method::GET, host, port, name, Bytes::new()).await
}

/// Gives the server a spec.
pub(super) async fn put(host: &str, port: u16, name: &str, spec: &[u8]) -> Result<(), Fault> {
    ask(Method::PUT, host, port, name, Bytes::copy_from_slice(spec)).await.map(drop)
}

async fn ask(
    method: Method,
    host: &str,
    port: u16,
    name: &str,
    body: Bytes,
) -> Result<Vec<u8>, Fault> {
    let at = if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/services/{name}"))
        .header(HOST, &at)
        .header(CONTENT_TYPE, "application/json");
    if let Some(token) = settings::server_token() {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    let silent = |source| Fault::Silent { at: at.clone(), source };
    let request = request.body(Full::new(body));
    let request = request.map_err(|error| silent(io::Error::other(error)))?;
    let answer = timeout(WITHIN, exchange(&at, request)).await;
    let (status, said) = answer.unwrap_or_else(|late| Err(late.into())).map_err(silent)?;
    if status.is_success() {
        return Ok(said);
    }
    let told: Option<serde_json::Value> = serde_json::from_slice(&said).ok();
    let told = told.and_then(|told| told["message"].as_str().map(str::to_owned));
    let said = told.unwrap_or_else(|| String::from_utf8_lossy(&said).trim().to_owned());
    Err(Fault::Refused { at: at.clone(), status, said })
}

async fn exchange(at: &str, request: Request<Full<Bytes>>) -> io::Result<(StatusCode, Vec<u8>)> {
    let stream = TcpStream::connect(at).await?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_MOST).collect().await;
        let body = body.map_err(io::Error::other)?;
        Ok((status, body.to_bytes().to_vec()))
    };
    match select(pin!(answer), pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        Either::Right((_, answer)) => answer.await,
    }
}
