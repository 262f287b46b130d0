//! How does a static program become an image in the registry? One layer with one file, a configuration
//! and a manifest, each stored under its digest.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Pushes it, also as the latest of this name, and gives a name that means this very program.
///
/// # Errors
///
/// When the program cannot be read, or the registry does not take it.
pub async fn push(registry: &str, name: &str, program: &Path) -> Result<String> {
    let binary = std::fs::read(program);
    let binary = binary.with_context(|| format!("cannot read {}", program.display()))?;
    let layer = pack(name, &binary)?;
    let config = serde_json::to_vec(&json!({
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        "os": "linux",
        "config": { "Entrypoint": [format!("/{name}")], "User": "65535:65535" },
        "rootfs": { "type": "layers", "diff_ids": [digest(&layer)] },
    }))?;
    let manifest = serde_json::to_vec(&json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(CONFIG, &config),
        "layers": [described(LAYER, &layer)],
    }))?;
    let reference = digest(&manifest);
    for blob in [layer, config] {
        upload(registry, name, blob).await?;
    }
    for tag in [&reference, "latest"] {
        let to = format!("/v2/{name}/manifests/{tag}");
        send(registry, Method::PUT, &to, MANIFEST, manifest.clone()).await?;
    }
    Ok(format!("{registry}/{name}@{reference}"))
}

fn pack(name: &str, binary: &[u8]) -> Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_size(binary.len().try_into()?);
    header.set_mode(0o755);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, name, binary)?;
    Ok(archive.into_inner()?)
}

fn digest(content: &[u8]) -> String {
    let hex = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256:{hex}")
}

fn described(kind: &str, content: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": digest(content), "size": content.len() })
}

async fn upload(registry: &str, name: &str, blob: Vec<u8>) -> Result<()> {
    let to = format!("/v2/{name}/blobs/uploads/");
    let begun = send(registry, Method::POST, &to, "", Vec::new()).await?;
    let place = begun.get(header::LOCATION).context("no place to upload to")?;
    let place: http::Uri = place.to_str()?.parse()?;
    let place = place.path_and_query().context("no place to upload to")?;
    let join = if place.query().is_some() { '&' } else { '?' };
    let to = format!("{place}{join}digest={}", digest(&blob));
    send(registry, Method::PUT, &to, "application/octet-stream", blob).await?;
    Ok(())
}

async fn send(
    registry: &str,
    method: Method,
    to: &str,
    kind: &str,
    body: Vec<u8>,
) -> Result<HeaderMap> {
    let what = format!("{method} http://{registry}{to}");
    let stream = TcpStream::connect(registry).await;
    let stream = stream.with_context(|| format!("no registry at {registry}: `make cluster`"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut request = Request::builder().method(method).uri(to).header(header::HOST, registry);
    if !kind.is_empty() {
        request = request.header(header::CONTENT_TYPE, kind);
    }
    let request = request.body(Full::new(Bytes::from(body)))?;
    // It owns the sender: the connection ends with it.
    let talk = async move {
        let (head, said) = sender.send_request(request).await?.into_parts();
        let said = said.collect().await?.to_bytes();
        ensure!(head.status.is_success(), "{}", String::from_utf8_lossy(&said));
        Ok(head.headers)
    };
    let (answer, _) = futures::future::join(talk, connection).await;
    answer.with_context(|| format!("the registry refuses {what}"))
}
