//! Who asks when it is due, whether or not answers come (open loop)? Requests are due at even
//! distances; each waits for a free connection if it must, and its latency counts from when it was
//! due, so that a slow answer cannot hide those that waited behind it (coordinated omission).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use memchr::memmem::Finder;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, timeout};

use crate::latency::Percentiles;
use crate::load::WARM;
use crate::works::Work;

/// How long after the last request was due answers may still come.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is due, for whichever connection is free.
type Due = Arc<Mutex<mpsc::UnboundedReceiver<Instant>>>;

/// Asks `addresses` `rate` times a second, for `window` after it is warm.
pub(crate) async fn run(
    work: &Work,
    addresses: &[SocketAddr],
    rate: f64,
    window: Duration,
) -> anyhow::Result<Percentiles> {
    let (due, queue) = mpsc::unbounded_channel();
    let queue = Arc::new(Mutex::new(queue));
    let mut connections = Vec::new();
    for address in addresses.iter().cycle().take(work.connections) {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        connections.push((stream, *address));
    }
    let start = Instant::now();
    let counted = start + WARM;
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|(stream, address)| {
            let connection = Connection { stream, address, bytes: work.bytes };
            Handle::current().spawn(connection.ask(Arc::clone(&queue), counted))
        })
        .collect();
    let distance = Duration::from_secs_f64(1.0 / rate);
    let scheduled = move || schedule(&due, distance, start, WARM + window);
    Handle::current().spawn_blocking(scheduled).await??;
    let mut all = Histogram::<u64>::new(3)?;
    for task in tasks {
        let some = timeout(PATIENCE, task).await.context("answers do not come any more")???;
        all.add(some)?;
    }
    ensure!(!all.is_empty(), "nothing was answered");
    Ok(Percentiles::of(&all))
}

/// Says of each request when it is due, once it is. It waits for a timer of the kernel's in a thread of
/// its own: a runtime's timers are a millisecond coarse.
fn schedule(
    due: &mpsc::UnboundedSender<Instant>,
    distance: Duration,
    start: Instant,
    whole: Duration,
) -> anyhow::Result<()> {
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::empty())?;
    timer.set(Expiration::Interval(distance.into()), TimerSetTimeFlags::empty())?;
    let mut next = start;
    while next < start + whole {
        timer.wait()?;
        let now = Instant::now();
        while next <= now {
            due.send(next).context("all connections are lost")?;
            next += distance;
        }
    }
    Ok(())
}

struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    /// How long an answer's body is.
    bytes: usize,
}

impl Connection {
    /// Asks for what is due, until nothing is any more: latencies in nanoseconds.
    async fn ask(mut self, queue: Due, counted: Instant) -> anyhow::Result<Histogram<u64>> {
        let request = format!("GET / HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        let end = Finder::new(b"\r\n\r\n");
        let mut latencies = Histogram::new(3)?;
        let mut answer = Vec::with_capacity(4096);
        loop {
            let next = queue.lock().await.recv().await;
            let Some(due) = next else { return Ok(latencies) };
            self.stream.write_all(request.as_bytes()).await?;
            answer.clear();
            while end.find(&answer).is_none_or(|head| answer.len() < head + 4 + self.bytes) {
                ensure!(self.stream.read_buf(&mut answer).await? > 0, "a connection was closed");
            }
            ensure!(answer.starts_with(b"HTTP/1.1 200"), "a request was refused");
            if due >= counted {
                latencies.record(u64::try_from(due.elapsed().as_nanos())?)?;
            }
        }
    }
}
