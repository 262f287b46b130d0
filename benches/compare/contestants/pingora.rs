//! How does Pingora take part? By the proxy in `benches/pingora`.

use std::path::Path;
use std::process::Command;

use super::{Place, says};
use crate::works::{Door, Pattern};

pub(super) fn version(peers: &Path) -> anyhow::Result<String> {
    says(peers.join("pingora"), "--version")
}

pub(super) fn command(place: &Place<'_>) -> anyhow::Result<Command> {
    let by = match place.work.pattern {
        Pattern::ByHeader => "header",
        Pattern::ByPath => "path",
        Pattern::Spread | Pattern::Scatter(_) => "spread",
    };
    let mut command = Command::new(place.peers.join("pingora"));
    command.args(["--listen", &place.listen.to_string(), "--by", by]);
    match place.work.door {
        Door::Http1 => {}
        Door::Http2 => {
            command.arg("--h2c");
        }
        Door::Tls => {
            command.arg("--certificate").arg(&place.certificate.chain);
            command.arg("--key").arg(&place.certificate.key);
        }
    }
    command.args(place.origins.replicas.iter().map(|replica| replica.address.to_string()));
    Ok(command)
}
