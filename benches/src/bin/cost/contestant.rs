//! Who takes part, and how is each set up? One worker, connections kept alive on both sides, no
//! access log, and otherwise as its own documentation tunes it.

use std::fmt::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::bail;

use crate::Work;
use crate::process::{Folder, Process};

const ORIGINS: usize = 4;
const LOOKS: u32 = 100;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The servers behind all contestants: one process, four addresses.
#[derive(Debug)]
pub(crate) struct Origins {
    addresses: Vec<SocketAddr>,
    _process: Process,
}

impl Origins {
    pub(crate) fn start(work: Work, bytes: usize, folder: &Folder) -> anyhow::Result<Self> {
        let addresses = (0..ORIGINS).map(|_| free()).collect::<anyhow::Result<Vec<_>>>()?;
        let mut command = Command::new(sibling("origin")?);
        let mode = if work == Work::Scatter { "json" } else { "text" };
        command.args(["--mode", mode, "--bytes", &bytes.to_string()]);
        for address in &addresses {
            command.args(["--listen", &address.to_string()]);
        }
        let process = Process::start(&mut command, "origin", folder)?;
        addresses.iter().try_for_each(|address| listens(*address))?;
        Ok(Self { addresses, _process: process })
    }

    /// `line` for each, with its number and address.
    fn each(&self, line: impl Fn(usize, &SocketAddr) -> String) -> String {
        let lines = self.addresses.iter().enumerate();
        lines.map(|(number, address)| line(number, address)).collect()
    }
}

/// One that is measured.
#[derive(Debug)]
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
}

impl Contestant {
    /// Starts all that can do `work`, ours first; those that are not installed are left out.
    pub(crate) fn start_all(
        work: Work,
        origins: &Origins,
        folder: &Folder,
    ) -> anyhow::Result<Vec<Self>> {
        let mut all = vec![gateway(work, origins, folder)?];
        if work == Work::Spread {
            all.push(relay(origins, folder)?);
        }
        if work != Work::Scatter {
            all.extend(nginx(work, origins, folder)?);
            all.extend(haproxy(work, origins, folder)?);
        }
        if work == Work::Spread {
            all.extend(haproxy_tcp(origins, folder)?);
        }
        Ok(all)
    }

    fn start(
        name: &'static str,
        version: String,
        address: SocketAddr,
        command: &mut Command,
        folder: &Folder,
    ) -> anyhow::Result<Self> {
        let process = Process::start(command, name, folder)?;
        if let Err(error) = listens(address) {
            let said = std::fs::read_to_string(folder.file(&format!("{name}.log")));
            bail!("{name}: {error}\n{}", said.unwrap_or_default());
        }
        Ok(Self { name, version, address, process })
    }
}

fn gateway(work: Work, origins: &Origins, folder: &Folder) -> anyhow::Result<Contestant> {
    let words = match work {
        Work::Spread => "pattern: spread",
        Work::Shard => "pattern: shard\n    shard-key: header:x-user",
        Work::Scatter => "pattern: scatter\n    scatter-merge: concat",
    };
    let replicas = origins.each(|number, address| {
        format!("      - {{ name: origin-{number}, address: \"{address}\" }}\n")
    });
    let mut text = format!("services:\n  origins:\n    {words}\n    replicas:\n{replicas}");
    text.push_str("routes:\n  - { path: /, service: origins }\n");
    let (file, address) = (folder.write("gateway.yaml", &text)?, free()?);
    let program = sibling("metaparticle-gateway")?;
    let version = version(Command::new(&program).arg("--version"));
    let mut command = Command::new(program);
    command.args(["serve", "--workers", "1", "--drain-delay", "1ms", "--config"]).arg(file);
    command.args(["--listen", &address.to_string(), "--admin", &free()?.to_string()]);
    Contestant::start("gateway", version, address, &mut command, folder)
}

fn relay(origins: &Origins, folder: &Folder) -> anyhow::Result<Contestant> {
    let address = free()?;
    let mut command = Command::new(sibling("relay")?);
    command.args(["--listen", &address.to_string()]);
    command.args(origins.addresses.iter().map(SocketAddr::to_string));
    Contestant::start("hyper relay", "hyper 1".to_owned(), address, &mut command, folder)
}

fn nginx(work: Work, origins: &Origins, folder: &Folder) -> anyhow::Result<Option<Contestant>> {
    let version = version(Command::new("nginx").arg("-v"));
    if version.is_empty() {
        return Ok(None);
    }
    let address = free()?;
    let balance = if work == Work::Shard { "hash $http_x_user consistent;" } else { "" };
    let servers = origins.each(|_, address| format!("    server {address};\n"));
    let here = folder.path().display();
    let text = format!(
        "\
daemon off;
worker_processes 1;
pid {here}/nginx.pid;
error_log {here}/nginx-error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {here}/nginx-body;
  proxy_temp_path {here}/nginx-proxy;
  fastcgi_temp_path {here}/nginx-fastcgi;
  uwsgi_temp_path {here}/nginx-uwsgi;
  scgi_temp_path {here}/nginx-scgi;
  keepalive_requests 100000000;
  tcp_nodelay on;
  upstream origins {{
    {balance}
{servers}
    keepalive 128;
    keepalive_requests 100000000;
  }}
  server {{
    listen {address};
    location / {{
      proxy_pass http://origins;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_set_header Host $host;
    }}
  }}
}}
"
    );
    let file = folder.write("nginx.conf", &text)?;
    let mut command = Command::new("nginx");
    // The log is named twice: until it has read its file, it would write to where it was built for.
    command.arg("-e").arg(folder.file("nginx-error.log")).arg("-c").arg(file);
    Contestant::start("nginx", version, address, &mut command, folder).map(Some)
}

const HAPROXY: &str = "\
global
  nbthread 1
  maxconn 4096
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
";

fn haproxy(work: Work, origins: &Origins, folder: &Folder) -> anyhow::Result<Option<Contestant>> {
    let balance = match work {
        Work::Shard => "balance hdr(x-user)\n  hash-type consistent",
        _ => "balance roundrobin",
    };
    let how = format!("mode http\n  {balance}\n  http-reuse always");
    listening_haproxy("haproxy", &how, "pool-max-conn 128", origins, folder)
}

/// Bytes from here to there: what the machine asks of anyone.
fn haproxy_tcp(origins: &Origins, folder: &Folder) -> anyhow::Result<Option<Contestant>> {
    listening_haproxy("haproxy tcp", "mode tcp\n  balance roundrobin", "", origins, folder)
}

fn listening_haproxy(
    name: &'static str,
    how: &str,
    server: &str,
    origins: &Origins,
    folder: &Folder,
) -> anyhow::Result<Option<Contestant>> {
    let version = version(Command::new("haproxy").arg("-v"));
    if version.is_empty() {
        return Ok(None);
    }
    let address = free()?;
    let servers = origins.each(|number, at| format!("  server o{number} {at} {server}\n"));
    let mut text = HAPROXY.to_owned();
    write!(text, "listen origins\n  bind {address}\n  {how}\n{servers}")?;
    let file = folder.write(&format!("{name}.cfg"), &text)?;
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(file);
    Contestant::start(name, version, address, &mut command, folder).map(Some)
}

/// The first line of what a program says of itself; nothing where it is not installed.
pub(crate) fn version(command: &mut Command) -> String {
    let Ok(output) = command.output() else { return String::new() };
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().next().unwrap_or_default();
    line.split(" - ").next().unwrap_or_default().to_owned()
}

/// A program that cargo built beside this one.
fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    if !program.exists() {
        bail!("{} is not there: cargo build --release --workspace --bins", program.display());
    }
    Ok(program)
}

/// An address that nobody listens at.
fn free() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Waits until somebody listens at `address`.
fn listens(address: SocketAddr) -> anyhow::Result<()> {
    for _ in 0..LOOKS {
        if TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        sleep(LOOK_EVERY);
    }
    bail!("nobody listens at {address}")
}
