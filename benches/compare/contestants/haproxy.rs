//! How does HAProxy take part?

use std::process::Command;

use super::{Place, says};
use crate::works::{Door, Pattern};

const FILE: &str = include_str!("../peers/haproxy.cfg");

pub(super) fn version() -> anyhow::Result<String> {
    let line = says("haproxy", "-v")?;
    Ok(line.split(" - ").next().unwrap_or_default().to_owned())
}

pub(super) fn http(place: &Place<'_>) -> anyhow::Result<Command> {
    let consistent = "\n  hash-type consistent";
    let balance = match place.work.pattern {
        Pattern::ByHeader => format!("balance hdr(x-user){consistent}"),
        // The third part of `/users/USER`: the first is what stands before the first stroke.
        Pattern::ByPath => format!("balance hash path,field(3,/){consistent}"),
        Pattern::Spread | Pattern::Scatter(_) => "balance roundrobin".to_owned(),
    };
    let door = match place.work.door {
        Door::Http1 => String::new(),
        Door::Http2 => " proto h2".to_owned(),
        Door::Tls => format!(" ssl crt {}", place.certificate.both.display()),
    };
    start(place, "http", &format!("  {balance}\n  http-reuse always"), &door, " pool-max-conn -1")
}

/// Bytes from here to there: what the machine asks of anyone.
pub(super) fn tcp(place: &Place<'_>) -> anyhow::Result<Command> {
    start(place, "tcp", "  balance roundrobin", "", "")
}

fn start(
    place: &Place<'_>,
    mode: &str,
    balance: &str,
    door: &str,
    pool: &str,
) -> anyhow::Result<Command> {
    let servers = place
        .origins
        .lines(|_, replica| format!("  server {} {}{pool}", replica.name, replica.address));
    let listen = place.listen.to_string();
    let values = [
        ("MODE", mode),
        ("LISTEN", &listen),
        ("DOOR", door),
        ("BALANCE", balance),
        ("SERVERS", &servers),
    ];
    let file = place.write("haproxy.cfg", FILE, &values)?;
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(file);
    Ok(command)
}
