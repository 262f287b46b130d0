//! What answers for a Service that has no pods? Servers of this machine, in a slice that is written by hand:
//! slow ones, ones that break off, ones that speak TLS.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Result;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use metaparticle_testbed::Space;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::Certificate;

/// This machine, as the cluster's nodes are: endpoints may not be loopback.
pub const HERE: &str = "10.244.0.1";

/// A Service without pods, and its slice as somebody writes it.
#[must_use]
pub fn written(name: &str, addresses: &[String], port: u16) -> (Value, Value) {
    let service = json!({
        "metadata": { "name": name },
        "spec": { "clusterIP": "None", "ports": [{ "name": "http", "port": 80 }] },
    });
    let endpoint = |(number, address): (usize, &String)| {
        let target = json!({ "kind": "Pod", "name": format!("{name}-7d4b9c5f6b-x{number}"),
            "uid": format!("8d2f0c1e-6f0a-4c1b-9a57-{:012}", number) });
        json!({ "addresses": [address], "conditions": { "ready": true }, "targetRef": target })
    };
    let slice = json!({
        "metadata": { "name": name, "labels": {
            "kubernetes.io/service-name": name,
            "endpointslice.kubernetes.io/managed-by": "hand",
        } },
        "addressType": "IPv4",
        "ports": [{ "name": "http", "port": port }],
        "endpoints": addresses.iter().enumerate().map(endpoint).collect::<Vec<_>>(),
    });
    (service, slice)
}

/// A Service that says these words, before a server of this machine that speaks `protocol`.
///
/// # Errors
///
/// When the cluster does not take it.
pub async fn service(
    space: &Space,
    name: &str,
    port: u16,
    protocol: &str,
    words: &[(&str, &str)],
) -> Result<()> {
    let (mut service, slice) = written(name, &[HERE.to_owned()], port);
    service["spec"]["ports"][0]["appProtocol"] = json!(protocol);
    for (word, value) in words {
        service["metadata"]["annotations"][format!("metaparticle.io/{word}")] = json!(value);
    }
    space.apply::<Service>(&serde_json::from_value(service)?).await?;
    space.apply::<EndpointSlice>(&serde_json::from_value(slice)?).await?;
    Ok(())
}

/// A server that answers every request with its port; it ends with the value.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub port: u16,
    _serving: JoinSet<()>,
}

/// How a server answers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// After so long.
    pub delay: Duration,
    /// Every other request it does not answer, but ends the connection.
    pub breaks: bool,
}

impl Server {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// When there is no port.
    pub async fn start(manner: Manner) -> Result<Self> {
        Self::start_with(manner, None).await
    }

    /// Starts one that speaks TLS.
    ///
    /// # Errors
    ///
    /// When there is no port.
    pub async fn secure(certificate: &Certificate) -> Result<Self> {
        Self::start_with(Manner::default(), Some(certificate.acceptor()?)).await
    }

    async fn start_with(manner: Manner, tls: Option<tokio_rustls::TlsAcceptor>) -> Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], 0))).await?;
        let port = listener.local_addr()?.port();
        let (mut serving, odd) = (JoinSet::new(), Arc::<AtomicBool>::default());
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, odd) = (tls.clone(), Arc::clone(&odd));
                connections.spawn(async move {
                    match tls {
                        None => answer::<TcpStream>(stream, port, manner, &odd).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                answer(stream, port, manner, &odd).await;
                            }
                        }
                    }
                });
            }
        });
        Ok(Self { port, _serving: serving })
    }
}

async fn answer<S>(mut stream: S, port: u16, manner: Manner, odd: &AtomicBool)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let said = port.to_string();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{said}", said.len());
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await.is_ok_and(|size| size > 0) {
        tokio::time::sleep(manner.delay).await;
        let breaks = manner.breaks && !odd.fetch_xor(true, Relaxed);
        if breaks || stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
