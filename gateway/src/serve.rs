//! Who comes in? Connections, each to one worker, which serves it to its end.
//!
//! A worker is a thread with its own runtime, its own listeners (`SO_REUSEPORT`: the kernel deals
//! connections out) and its own upstream connections. Workers share the picture and the counters, and
//! nothing that is locked while a request is under way.

mod bind;
mod connection;
mod drain;
mod http1;
mod http2;
mod life;
mod tls;

pub use self::bind::{BindError, Listeners, bind};
pub use self::drain::{Drain, Drainer};
pub use self::tls::{Certificate, CertificateError, Certificates};

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use self::life::Lives;
use crate::handle::Handle;
use crate::request::Trust;
use crate::send::Carrier;

/// How often connections and pools are looked through for what has rested too long.
const SWEEP_EVERY: Duration = Duration::from_millis(500);
/// How long a connection that rests is still heard when nobody is accepted any more: a request may be
/// on its way, and is answered.
const LINGER: Duration = Duration::from_secs(1);
/// After an accept that failed for want of file descriptors, a moment for some to be closed.
const ACCEPT_AGAIN: Duration = Duration::from_millis(20);
/// A TLS handshake that takes longer is not one.
const HANDSHAKE_MOST: Duration = Duration::from_secs(10);

/// What is counted and bounded over all workers.
#[derive(Debug, Clone)]
pub struct Connections {
    open: Arc<AtomicU64>,
    most: u64,
}

impl Connections {
    /// At most `most` connections at a time.
    #[must_use]
    pub fn new(most: u64) -> Self {
        Self { open: Arc::default(), most }
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.open.load(Relaxed)
    }

    fn enter(&self) -> Option<Entered> {
        let entered = Entered(Arc::clone(&self.open));
        (self.open.fetch_add(1, Relaxed) < self.most).then_some(entered)
    }
}

/// A connection that is counted.
#[derive(Debug)]
struct Entered(Arc<AtomicU64>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// One worker: serves connections until it is told to stop, and the ones it has to their end.
#[derive(Debug)]
pub struct Worker<C> {
    /// The road of its requests.
    pub handle: Handle<C>,
    /// Whose word about clients is taken.
    pub trust: Trust,
    /// When to stop.
    pub drain: Drain,
    /// What is counted.
    pub connections: Connections,
}

/// What all connections of one worker have.
#[derive(Debug)]
struct Door<C> {
    handle: Handle<C>,
    trust: Trust,
    drain: Drain,
    connections: Connections,
    lives: Lives,
}

impl<C: Carrier> Worker<C> {
    /// Serves what comes in over `listeners`; ends when it was told to stop and all are served.
    pub async fn run(self, listeners: Vec<(TcpListener, Option<TlsAcceptor>)>) {
        let Self { handle, trust, drain, connections } = self;
        let tasks = handle.tasks.clone();
        let lives = Lives::default();
        let door = Arc::new(Door { handle, trust, drain: drain.clone(), connections, lives });
        let accepting: Vec<_> = listeners
            .into_iter()
            .map(|(listener, tls)| Arc::clone(&door).accept(listener, tls))
            .collect();
        let going_lame = async {
            drain.lame().await;
            // HTTP/2 can say that it leaves at once; HTTP/1.1 says it with each answer.
            loop {
                door.lives.leave(false);
                tokio::time::sleep(SWEEP_EVERY).await;
            }
        };
        tokio::select! {
            _ = futures::future::join_all(accepting) => {}
            () = Arc::clone(&door).sweep() => {}
            () = going_lame => {}
        }
        let leaving = async {
            door.lives.leave(false);
            tokio::time::sleep(LINGER).await;
            door.lives.leave(true);
            std::future::pending::<()>().await;
        };
        // Connections that outlive their welcome are still swept while they are waited for.
        tokio::select! {
            () = tasks.wait() => {}
            () = leaving => {}
            () = Arc::clone(&door).sweep() => {}
            // What is left is cut off with the worker's runtime.
            () = drain.over() => {}
        }
    }
}

impl<C: Carrier> Door<C> {
    async fn accept(self: Arc<Self>, listener: TcpListener, tls: Option<TlsAcceptor>) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.drain.closed() => break,
            };
            match accepted {
                Ok((stream, address)) => self.enter(stream, address, tls.as_ref()),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
        // What the kernel has accepted for us is ours: it is served, not reset.
        bind::retire(listener, |stream, address| self.enter(stream, address, tls.as_ref())).await;
    }

    fn enter(self: &Arc<Self>, stream: TcpStream, address: SocketAddr, tls: Option<&TlsAcceptor>) {
        let Some(entered) = self.connections.enter() else {
            tracing::warn!(%address, "too many connections (--max-connections)");
            return;
        };
        if let Err(error) = bind::tune(&stream) {
            tracing::debug!(%error, "a connection could not be tuned");
        }
        let (door, entered) = (Arc::clone(self), Arc::new(entered));
        // Two kinds of tasks: one that fits both would keep the room of TLS for those without.
        let Some(tls) = tls.cloned() else {
            return self.handle.tasks.spawn(door.serve(stream, address, false, entered));
        };
        self.handle.tasks.spawn(async move {
            let shaken = tokio::time::timeout(HANDSHAKE_MOST, tls.accept(stream)).await;
            if let Ok(Ok(stream)) = shaken {
                Box::pin(door.serve(stream, address, true, entered)).await;
            }
        });
    }

    /// Looks through what rests, from time to time, for ever.
    async fn sweep(self: Arc<Self>) {
        let mut every = tokio::time::interval(SWEEP_EVERY);
        let mut rounds = 0_u32;
        loop {
            every.tick().await;
            self.lives.sweep(self.handle.sender.clock.now());
            rounds = rounds.wrapping_add(1);
            // Upstream connections rest for half a minute: ten times a minute is often enough.
            if rounds.is_multiple_of(12) {
                self.handle.sender.carrier.sweep(&self.handle.latest.load());
            }
        }
    }
}
