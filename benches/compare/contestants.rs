//! Who takes part, what can each do, and how is it started? One worker each, connections kept alive on
//! both sides, no access log, and otherwise as its own documentation tunes it: `peers/` has the files.

mod envoy;
mod haproxy;
mod krakend;
mod nginx;
mod ours;
mod pingora;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::ValueEnum;

use crate::certificate::Certificate;
use crate::origin::Origins;
use crate::ports;
use crate::process::{self, Folder, Process};
use crate::works::{Door, Measured, Pattern, Work};

const LOOKS: u32 = 250;
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// One that takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Gateway {
    /// Ours, as it comes
    #[value(name = "gateway")]
    Ours,
    /// Ours, with its access log in a file
    #[value(name = "gateway-log")]
    OursLogged,
    /// The least that hyper can do: the floor of our stack
    Relay,
    Nginx,
    /// nginx with Lua that splices the leaves' texts
    NginxLua,
    /// nginx with Lua that reads and writes JSON by cjson
    NginxCjson,
    Haproxy,
    /// HAProxy that relays bytes: what the machine asks of anyone
    HaproxyTcp,
    /// Envoy; when it shards, by its `ring_hash`
    Envoy,
    /// Envoy that shards by its `maglev`
    EnvoyMaglev,
    Pingora,
    /// Lura, the engine of KrakenD
    Krakend,
}

impl Gateway {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "gateway",
            Self::OursLogged => "gateway-log",
            Self::Relay => "relay",
            Self::Nginx => "nginx",
            Self::NginxLua => "nginx-lua",
            Self::NginxCjson => "nginx-cjson",
            Self::Haproxy => "haproxy",
            Self::HaproxyTcp => "haproxy-tcp",
            Self::Envoy => "envoy",
            Self::EnvoyMaglev => "envoy-maglev",
            Self::Pingora => "pingora",
            Self::Krakend => "krakend",
        }
    }

    /// Whether it is for this work; whoever is not is no part of its table.
    pub(crate) fn does(self, work: &Work) -> bool {
        let spread = work.pattern == Pattern::Spread;
        let plain = work.door == Door::Http1;
        match self {
            Self::Ours => true,
            Self::OursLogged => work.name == "spread",
            Self::Relay => spread && plain && work.measured != Measured::Latency,
            Self::HaproxyTcp => spread && plain && work.measured == Measured::Cpu,
            Self::Nginx | Self::Haproxy | Self::Envoy | Self::Pingora => {
                !matches!(work.pattern, Pattern::Scatter(_))
            }
            Self::EnvoyMaglev => work.is_sharded(),
            Self::NginxLua | Self::NginxCjson | Self::Krakend => {
                matches!(work.pattern, Pattern::Scatter(_))
            }
        }
    }

    /// What it says of itself; an error when it is not installed.
    pub(crate) fn version(self, peers: &Path) -> anyhow::Result<String> {
        match self {
            Self::Ours | Self::OursLogged => ours::version(),
            Self::Relay => ours::relay_version(),
            Self::Nginx => nginx::version(),
            Self::NginxLua | Self::NginxCjson => nginx::lua_version(),
            Self::Haproxy | Self::HaproxyTcp => haproxy::version(),
            Self::Envoy | Self::EnvoyMaglev => envoy::version(peers),
            Self::Pingora => pingora::version(peers),
            Self::Krakend => krakend::version(peers),
        }
    }

    fn command(self, place: &Place<'_>) -> anyhow::Result<Command> {
        match self {
            Self::Ours => ours::gateway(place, false),
            Self::OursLogged => ours::gateway(place, true),
            Self::Relay => ours::relay(place),
            Self::Nginx => nginx::plain(place),
            Self::NginxLua => nginx::lua(place, nginx::Merger::Splice),
            Self::NginxCjson => nginx::lua(place, nginx::Merger::Cjson),
            Self::Haproxy => haproxy::http(place),
            Self::HaproxyTcp => haproxy::tcp(place),
            Self::Envoy => envoy::command(place, "RING_HASH"),
            Self::EnvoyMaglev => envoy::command(place, "MAGLEV"),
            Self::Pingora => pingora::command(place),
            Self::Krakend => krakend::command(place),
        }
    }
}

/// Where one is to stand.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) work: &'a Work,
    pub(crate) origins: &'a Origins,
    pub(crate) certificate: &'a Certificate,
    pub(crate) peers: &'a Path,
    folder: Folder,
    listen: SocketAddr,
}

impl<'a> Place<'a> {
    pub(crate) fn new(
        gateway: Gateway,
        work: &'a Work,
        origins: &'a Origins,
        certificate: &'a Certificate,
        peers: &'a Path,
    ) -> anyhow::Result<Self> {
        let folder = Folder::new(&format!("{}-{}", work.name, gateway.name()))?;
        Ok(Self { work, origins, certificate, peers, folder, listen: ports::free()? })
    }

    /// `template` with a value for each `@NAME@`; written into the file `name`.
    fn write(
        &self,
        name: &str,
        template: &str,
        values: &[(&str, &str)],
    ) -> anyhow::Result<PathBuf> {
        self.folder.write(name, &fill(template, values)?)
    }
}

/// `template` with a value for each `@NAME@`.
fn fill(template: &str, values: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut text = template.to_owned();
    for (name, value) in values {
        let place = format!("@{name}@");
        ensure!(template.contains(&place), "the template has no {place}");
        text = text.replace(&place, value);
    }
    Ok(text)
}

/// One that stands.
#[derive(Debug)]
pub(crate) struct Contestant {
    pub(crate) gateway: Gateway,
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
    _folder: Folder,
}

impl Contestant {
    /// Starts `gateway` and waits until it listens.
    pub(crate) async fn start(gateway: Gateway, place: Place<'_>) -> anyhow::Result<Self> {
        let log = place.folder.file("said.log");
        let mut process = Process::start(&gateway.command(&place)?, &log)?;
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        for _ in 0..LOOKS {
            if process.has_ended() {
                bail!("it has ended at once, and said: {}", said().trim());
            }
            if ports::listens(place.listen) {
                process.gather()?;
                let Place { listen: address, folder: _folder, .. } = place;
                return Ok(Self { gateway, address, process, _folder });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        bail!(
            "nobody listens at {} after {:?}; it said: {}",
            place.listen,
            LOOK_EVERY * LOOKS,
            said()
        )
    }
}

/// The first line that an installed program says of itself.
fn says(program: impl AsRef<std::ffi::OsStr>, flag: &str) -> anyhow::Result<String> {
    let program = program.as_ref();
    process::first_line(Command::new(program).arg(flag)).with_context(|| {
        let name = program.to_string_lossy();
        format!(
            "{name} is not installed; benches/compare/install.sh installs it, or says why it cannot"
        )
    })
}
