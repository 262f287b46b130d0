//! How does Envoy take part?

use std::path::Path;
use std::process::Command;

use super::{Place, fill, says};
use crate::works::{Door, Pattern};

const FILE: &str = include_str!("../peers/envoy.yaml");
const TLS: &str = include_str!("../peers/envoy-tls.yaml");

pub(super) fn version(peers: &Path) -> anyhow::Result<String> {
    let line = says(peers.join("envoy"), "--version")?;
    // `… version: HASH/1.40.0/Clean/RELEASE/BoringSSL`
    let number = line.split('/').nth_back(3).unwrap_or(&line);
    Ok(format!("Envoy {number}"))
}

/// `ring` is how it shards.
pub(super) fn command(place: &Place<'_>, ring: &str) -> anyhow::Result<Command> {
    let (balance, hash) = match place.work.pattern {
        Pattern::ByHeader => (ring, "{ header_name: x-user }"),
        Pattern::ByPath => (
            ring,
            r#"{ header_name: ":path", regex_rewrite: { pattern: { regex: "^/users/([^/]+).*" }, substitution: '\1' } }"#,
        ),
        Pattern::Spread | Pattern::Scatter(_) => ("ROUND_ROBIN", ""),
    };
    let hash = match hash {
        "" => String::new(),
        header => format!(", hash_policy: [{{ header: {header} }}]"),
    };
    let tls = if place.work.door == Door::Tls {
        let certificate = place.certificate;
        let (chain, key) = (certificate.chain.to_string_lossy(), certificate.key.to_string_lossy());
        fill(TLS, &[("CERTIFICATE", &chain), ("PRIVATE", &key)])?
    } else {
        String::new()
    };
    let servers = place.origins.lines(|_, replica| {
        let (host, port) = (replica.address.ip(), replica.address.port());
        let address = format!("{{ socket_address: {{ address: {host}, port_value: {port} }} }}");
        format!("              - {{ endpoint: {{ address: {address} }} }}")
    });
    let (host, port) = (place.listen.ip().to_string(), place.listen.port().to_string());
    let values = [
        ("HOST", host.as_str()),
        ("PORT", &port),
        ("CODEC", if place.work.door == Door::Http2 { "HTTP2" } else { "HTTP1" }),
        ("HASH", &hash),
        ("TLS", &tls),
        ("BALANCE", balance),
        ("SERVERS", &servers),
    ];
    let file = place.write("envoy.yaml", FILE, &values)?;
    let mut command = Command::new(place.peers.join("envoy"));
    command.args(["--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c"]);
    command.arg(file);
    Ok(command)
}
