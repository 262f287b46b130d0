//! What does a connection cost that rests? Many are opened, each asks once, and then none does
//! anything; what the proxy's memory has grown by is theirs.
//!
//! It counts what its processes hold (`VmRSS`); the kernel's part, alike for all, is not in it.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use rlimit::Resource;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::contestants::Contestant;
use crate::works::Work;

/// About how long it takes, in seconds.
pub(crate) const ABOUT: f64 = 4.0;
/// So many are opened at a time: no more than wait in a listener's queue.
const AT_ONCE: usize = 50;
/// Descriptors that a proxy has at most, and those that this program and most proxies need.
const WANTED: u64 = 100_000;
const NEEDED: u64 = 12_000;
const REST: Duration = Duration::from_millis(1500);
const PATIENCE: Duration = Duration::from_secs(5);

/// What it cost.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Idle {
    pub(crate) connections: usize,
    pub(crate) before_kib: u64,
    pub(crate) after_kib: u64,
}

impl Idle {
    pub(crate) fn kib_each(&self) -> f64 {
        let grown = u32::try_from(self.after_kib.saturating_sub(self.before_kib));
        let connections = u32::try_from(self.connections);
        f64::from(grown.unwrap_or(u32::MAX)) / f64::from(connections.unwrap_or(u32::MAX))
    }

    /// A MB is a million bytes.
    pub(crate) fn mb_for_ten_thousand(&self) -> f64 {
        self.kib_each() * 1024.0 * 10_000.0 / 1e6
    }

    pub(crate) fn mib_before(&self) -> f64 {
        f64::from(u32::try_from(self.before_kib).unwrap_or(u32::MAX)) / 1024.0
    }
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} KiB a connection", self.kib_each())
    }
}

/// Lets this program, and those it starts, have as many descriptors as many connections need on both
/// sides of a proxy.
pub(crate) fn allow_many() -> anyhow::Result<()> {
    let (_, most) = Resource::NOFILE.get()?;
    if Resource::NOFILE.set(WANTED.max(most), WANTED.max(most)).is_err() {
        // Only root may raise it further.
        ensure!(
            most >= NEEDED,
            "{most} descriptors are allowed, {NEEDED} needed: ulimit -Hn {WANTED}"
        );
        Resource::NOFILE.set(most, most)?;
    }
    Ok(())
}

/// Opens them, asks by each of them once, and lets them rest.
pub(crate) async fn run(contestant: &Contestant, work: &Work) -> anyhow::Result<Idle> {
    let mut open = Vec::with_capacity(work.connections);
    // What the first few bring about is not a connection's.
    fill(&mut open, 2 * AT_ONCE, contestant.address, work.bytes).await?;
    sleep(REST).await;
    let before_kib = contestant.process.resident()?;
    fill(&mut open, work.connections + 2 * AT_ONCE, contestant.address, work.bytes).await?;
    sleep(REST).await;
    let after_kib = contestant.process.resident()?;
    for stream in &open {
        let gone = matches!(stream.try_read(&mut [0]), Ok(0));
        ensure!(!gone, "it closed a connection that rested");
    }
    Ok(Idle { connections: work.connections, before_kib, after_kib })
}

async fn fill(
    open: &mut Vec<TcpStream>,
    to: usize,
    address: SocketAddr,
    bytes: usize,
) -> anyhow::Result<()> {
    while open.len() < to {
        let some =
            (0..AT_ONCE).map(|_| async move { timeout(PATIENCE, ask(address, bytes)).await? });
        for stream in futures::future::join_all(some).await {
            open.push(stream.with_context(|| format!("connection {} of {to}", open.len()))?);
        }
    }
    Ok(())
}

async fn ask(address: SocketAddr, bytes: usize) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(1024);
    let head = |answer: &[u8]| memchr::memmem::find(answer, b"\r\n\r\n");
    while head(&answer).is_none_or(|head| answer.len() < head + 4 + bytes) {
        ensure!(stream.read_buf(&mut answer).await? > 0, "it closed the connection");
    }
    ensure!(answer.starts_with(b"HTTP/1.1 200"), "it refused");
    Ok(stream)
}
