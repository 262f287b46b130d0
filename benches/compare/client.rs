//! How is one request made, by whichever door, and what is the answer?

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_rustls::TlsConnector;

use crate::certificate::Certificate;
use crate::works::{Door, Pattern, Work};

/// A client that opens a connection a request.
pub(crate) struct Client {
    tls: TlsConnector,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) origin: Option<String>,
    pub(crate) body: Bytes,
}

impl Client {
    /// One that trusts `certificate`, and no other.
    pub(crate) fn new(certificate: &Certificate) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der.clone())?;
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Asks about `user`, as the work has it.
    pub(crate) async fn get(
        &self,
        address: SocketAddr,
        work: &Work,
        user: &str,
    ) -> anyhow::Result<Answer> {
        let path = match work.pattern {
            Pattern::ByPath => format!("/users/{user}/cart"),
            _ => "/".to_owned(),
        };
        let stream = TcpStream::connect(address).await?;
        let request = Request::get(format!("http://{address}{path}")).header("x-user", user);
        match work.door {
            Door::Http2 => {
                let io = TokioIo::new(stream);
                let (mut sender, connection) =
                    http2::handshake(TokioExecutor::new(), io).await.context("no HTTP/2")?;
                let connection = Handle::current().spawn(connection);
                let response = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
                let answer = read(response).await;
                connection.abort();
                answer
            }
            Door::Http1 => http1(stream, request, address, path).await,
            Door::Tls => {
                let name = ServerName::try_from("localhost")?;
                let stream = self.tls.connect(name, stream).await.context("no TLS")?;
                http1(stream, request, address, path).await
            }
        }
    }
}

async fn http1(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: http::request::Builder,
    address: SocketAddr,
    path: String,
) -> anyhow::Result<Answer> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = Handle::current().spawn(connection);
    let request = request.uri(path).header("host", address.to_string());
    let response = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
    let answer = read(response).await;
    connection.abort();
    answer
}

async fn read(response: http::Response<hyper::body::Incoming>) -> anyhow::Result<Answer> {
    let status = response.status().as_u16();
    let origin = response.headers().get("x-origin").and_then(|name| name.to_str().ok());
    let origin = origin.map(str::to_owned);
    let body = response.into_body().collect().await.context("the answer's body broke")?.to_bytes();
    Ok(Answer { status, origin, body })
}
