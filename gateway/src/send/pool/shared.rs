//! Which HTTP/2 connection carries the next stream? The least busy one; another is opened when all
//! are busy, one at a time, and closed when nothing needed it for a while.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hyper::client::conn::http2;

use super::{IDLE_MOST, Pools, connect};
use crate::request::Body;
use crate::snapshot::Replica;

/// Streams on one connection before another is opened (half of what servers usually allow), and how
/// many connections to one replica there may be in one worker.
const STREAMS_MOST: u32 = 64;
const CONNECTIONS_MOST: usize = 8;

type Sender = http2::SendRequest<Body>;

/// The connections to one replica.
#[derive(Default)]
pub(super) struct Connections {
    open: Vec<Open>,
    gate: Arc<Gate>,
}

struct Open {
    sender: Sender,
    streams: Arc<AtomicU32>,
    /// When it was last known to have a stream.
    used: Duration,
}

/// Who holds it opens a connection; the others wait to see what comes of it.
#[derive(Default)]
struct Gate {
    turn: tokio::sync::Mutex<()>,
    failures: AtomicU64,
}

/// A stream; counted out when dropped.
pub(in crate::send) struct Stream(Arc<AtomicU32>);

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Connections {
    /// Closes what carried nothing for too long.
    pub(super) fn sweep(&mut self, now: Duration) {
        self.open.retain_mut(|one| {
            if one.streams.load(Relaxed) > 0 {
                one.used = now;
            }
            !one.sender.is_closed() && now.saturating_sub(one.used) < IDLE_MOST
        });
    }

    /// Whether there is no connection and nobody opens one.
    pub(super) fn is_unused(&self) -> bool {
        self.open.is_empty() && Arc::strong_count(&self.gate) == 1
    }

    /// A stream on the least busy connection; none where that has `most` and another may be opened.
    fn stream(&mut self, most: u32, now: Duration) -> Option<(Sender, Stream)> {
        self.open.retain(|one| !one.sender.is_closed());
        let may_open = self.open.len() < CONNECTIONS_MOST;
        let least = self.open.iter_mut().min_by_key(|one| one.streams.load(Relaxed))?;
        (least.streams.load(Relaxed) < most || !may_open).then(|| least.stream(now))
    }
}

impl Open {
    fn stream(&mut self, now: Duration) -> (Sender, Stream) {
        self.used = now;
        self.streams.fetch_add(1, Relaxed);
        (self.sender.clone(), Stream(Arc::clone(&self.streams)))
    }
}

impl Pools {
    /// A stream to `replica`, on a connection there is or on one that is opened for it.
    pub(super) async fn stream(
        &self,
        replica: &Replica,
    ) -> Result<(Sender, Stream), Box<dyn Error + Send + Sync>> {
        let gate = match self.reuse(replica, STREAMS_MOST) {
            Ok(stream) => return Ok(stream),
            Err(gate) => gate,
        };
        let failures = gate.failures.load(Relaxed);
        let _turn = match gate.turn.try_lock() {
            Ok(turn) => turn,
            Err(_) => {
                // While another connection is opened, a busy one will do.
                if let Ok(stream) = self.reuse(replica, u32::MAX) {
                    return Ok(stream);
                }
                let turn = gate.turn.lock().await;
                if let Ok(stream) = self.reuse(replica, STREAMS_MOST) {
                    return Ok(stream);
                }
                // Were each to try after the other, the last would wait for all.
                if gate.failures.load(Relaxed) != failures {
                    let refused = "the connection that was waited for could not be made";
                    return Err(io::Error::new(io::ErrorKind::NotConnected, refused).into());
                }
                turn
            }
        };
        match connect::http2(replica.address, &self.tasks).await {
            Ok(sender) => {
                let now = self.clock.now();
                let mut open = Open { sender, streams: Arc::default(), used: now };
                let stream = open.stream(now);
                self.hosts().entry(replica.id).or_default().shared.open.push(open);
                Ok(stream)
            }
            Err(cause) => {
                gate.failures.fetch_add(1, Relaxed);
                self.reuse(replica, u32::MAX).map_err(|_| cause)
            }
        }
    }

    /// A stream on a connection there is, or the gate to another.
    fn reuse(&self, replica: &Replica, most: u32) -> Result<(Sender, Stream), Arc<Gate>> {
        let now = self.clock.now();
        let mut hosts = self.hosts();
        let shared = &mut hosts.entry(replica.id).or_default().shared;
        shared.stream(most, now).ok_or_else(|| Arc::clone(&shared.gate))
    }
}
