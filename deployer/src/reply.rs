//! What came back? An answer as tests and callers look at it.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use metaparticle_gateway::tasks::Tasks;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use crate::context::Caller;
use crate::road::COVERAGE;
use crate::wire::{Error, Result, SHARD, question};

/// An answer, whole.
#[derive(Debug, Clone)]
#[must_use = "an answer is looked at"]
pub struct Reply(http::Response<Bytes>);

impl Reply {
    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// One of its headers.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// Which shard answered.
    #[must_use]
    pub fn shard(&self) -> Option<&str> {
        self.header(SHARD.as_str())
    }

    /// Which leaves it has: `9 of 10`. None where it is no scatter's.
    #[must_use]
    pub fn coverage(&self) -> Option<String> {
        let coverage = self.header(COVERAGE.as_str())?;
        let count = |name| coverage.split(", ").find_map(|part| part.strip_prefix(name));
        Some(format!("{} of {}", count("ok=")?, count("total=")?))
    }

    /// Its body.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.0.body()).into_owned()
    }

    /// Its body, read as JSON.
    ///
    /// # Errors
    /// When it is no right answer, or something else.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        if !self.status().is_success() {
            return Err(Error::new(self.status(), self.text()));
        }
        Ok(serde_json::from_slice(self.0.body())?)
    }
}

impl From<http::Response<Bytes>> for Reply {
    fn from(response: http::Response<Bytes>) -> Self {
        Self(response)
    }
}

/// What `service` answers to `ask`.
pub(crate) async fn call<A, R>(caller: &dyn Caller, service: &str, ask: &A) -> Result<R>
where
    A: Serialize + ?Sized,
    R: DeserializeOwned,
{
    Reply(caller.call(service, question(ask)?).await?).json()
}

/// A request of these parts.
pub(crate) fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<http::Request<Bytes>> {
    let request = http::Request::builder().method(method).uri(path);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    Ok(request.body(body)?)
}

/// Asks whoever listens at `address`.
pub(crate) async fn fetch(address: SocketAddr, request: http::Request<Bytes>) -> Result<Reply> {
    let mut request = request.map(Full::new);
    let host = HeaderValue::try_from(address.to_string())?;
    request.headers_mut().entry(HOST).or_insert(host);
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends when the sender is dropped.
    Tasks::default().spawn(async {
        connection.await.ok();
    });
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Reply(http::Response::from_parts(head, body)))
}
