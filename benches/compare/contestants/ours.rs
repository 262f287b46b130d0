//! How do the gateway, and the bare relay, take part?

use std::path::PathBuf;
use std::process::Command;

use anyhow::ensure;

use super::{Place, says};
use crate::ports;
use crate::works::{Door, Merge, Pattern};

const FILE: &str = include_str!("../peers/gateway.yaml");

pub(super) fn version() -> anyhow::Result<String> {
    says(sibling("metaparticle-gateway")?, "--version")
}

pub(super) fn relay_version() -> anyhow::Result<String> {
    sibling("relay")?;
    Ok("hyper 1, as in Cargo.lock".to_owned())
}

pub(super) fn gateway(place: &Place<'_>, log: bool) -> anyhow::Result<Command> {
    let policy = match place.work.pattern {
        Pattern::Spread => "pattern: spread",
        Pattern::ByHeader => "{ pattern: shard, shard-key: header:x-user }",
        Pattern::ByPath => "{ pattern: shard, shard-key: 'path:^/users/([^/]+)' }",
        Pattern::Scatter(Merge::Array) => "{ pattern: scatter, scatter-merge: concat }",
        Pattern::Scatter(Merge::Object) => "{ pattern: scatter, scatter-merge: object }",
    };
    let words = policy.trim_matches(['{', '}', ' ']).replace(", ", "\n    ");
    let replicas = place.origins.lines(|_, replica| {
        format!("      - {{ name: {}, address: \"{}\" }}", replica.name, replica.address)
    });
    let values = [("POLICY", words.as_str()), ("REPLICAS", replicas.as_str())];
    let file = place.write("gateway.yaml", FILE, &values)?;
    let mut command = Command::new(sibling("metaparticle-gateway")?);
    command.args(["serve", "--workers", "1", "--drain-delay", "1ms", "--drain-timeout", "1ms"]);
    command.arg("--config").arg(file).args(["--admin", &ports::free()?.to_string()]);
    let listen = place.listen.to_string();
    if place.work.door == Door::Tls {
        let certificate = place.certificate;
        command.args(["--listen", &ports::free()?.to_string(), "--tls-listen", &listen]);
        command.arg("--tls-certificate").arg(&certificate.chain);
        command.arg("--tls-key").arg(&certificate.key);
    } else {
        command.args(["--listen", &listen]);
    }
    if log {
        command.arg("--access-log").arg(place.folder.file("access.log"));
    }
    Ok(command)
}

pub(super) fn relay(place: &Place<'_>) -> anyhow::Result<Command> {
    let mut command = Command::new(sibling("relay")?);
    command.args(["--listen", &place.listen.to_string()]);
    command.args(place.origins.replicas.iter().map(|replica| replica.address.to_string()));
    Ok(command)
}

/// A program that cargo built beside this one.
fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    ensure!(program.exists(), "{} is not there: make compare builds it", program.display());
    Ok(program)
}
