//! Who asks? A client with one connection, that it opens again when it was closed.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

impl Answer {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The replica that answered, as the example says it.
    #[must_use]
    pub fn replica(&self) -> Option<String> {
        let said: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        said["replica"].as_str().map(str::to_owned)
    }
}

/// Somebody who asks one address.
#[derive(Debug)]
pub struct Asker {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
    connections: JoinSet<()>,
}

impl Asker {
    /// Somebody who asks this address.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, sender: None, connections: JoinSet::new() }
    }

    /// Asks for a path of a host.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub async fn get(&mut self, host: &str, path: &str) -> Result<Answer> {
        let request = Request::get(path).header("host", host).body(Full::default())?;
        self.send(request).await
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer> {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = timeout(PATIENCE, self.ask(request)).await;
        if !matches!(answer, Ok(Ok(_))) {
            self.sender = None;
        }
        answer.with_context(|| format!("{what} is not answered"))?
    }

    async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Answer> {
        if self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            self.connections.spawn(async { drop(connection.await) });
            self.sender = Some(sender);
        }
        let sender = self.sender.as_mut().context("a connection")?;
        sender.ready().await?;
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = String::from_utf8(body.collect().await?.to_bytes().into())?;
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }
}
