//! Which connection carries it? One worker's own, to each replica: nothing is shared between
//! workers, so nothing is locked for long and nothing is waited for.
//!
//! HTTP/1.1 connections are lent to one request at a time, the last one used first, so that the
//! others grow old and are closed. HTTP/2 connections carry many; another is opened when all are
//! busy.

mod connect;
mod shared;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::client::conn::http1;

use crate::request::{Body, causes};
use crate::send::{Carrier, Failure, LeafBody};
use crate::snapshot::{Replica, Snapshot};
use crate::tasks::{Clock, Tasks};
use crate::words::Protocol;

/// How long a connection may rest before it is closed: shorter than servers keep theirs.
const IDLE_MOST: Duration = Duration::from_secs(30);
/// How many connections to one replica may rest in one worker.
const RESTING_MOST: usize = 256;

/// One worker's connections.
#[derive(Debug, Clone)]
pub struct Network(Arc<Pools>);

/// The connections, by replica.
pub(super) struct Pools {
    hosts: Mutex<HashMap<u64, Host, BuildHasherDefault<Plain>>>,
    tasks: Tasks,
    clock: Clock,
}

impl std::fmt::Debug for Pools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pools").field("replicas", &self.hosts().len()).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Host {
    resting: Vec<Resting>,
    shared: shared::Connections,
}

struct Resting {
    sender: http1::SendRequest<Body>,
    since: Duration,
}

/// A replica's id is already unlike all others.
#[derive(Debug, Default)]
struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, id: u64) {
        // Fibonacci hashing: the table looks at the upper bits.
        self.0 = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// A connection that is lent to one request. An HTTP/1.1 connection that is not given back is closed:
/// its answer was not read.
pub(super) enum Loan {
    Http1 { pools: Arc<Pools>, replica: u64, sender: Option<http1::SendRequest<Body>> },
    Http2(#[expect(dead_code, reason = "held until the stream ends")] shared::Stream),
}

impl Loan {
    /// The answer was read to its end: the connection may carry another.
    pub(super) fn give_back(&mut self) {
        if let Self::Http1 { pools, replica, sender } = self
            && let Some(sender) = sender.take()
        {
            pools.rest(*replica, sender);
        }
    }
}

impl Network {
    /// No connections yet; their tasks belong to `tasks`.
    #[must_use]
    pub fn new(tasks: Tasks, clock: Clock) -> Self {
        Self(Arc::new(Pools { hosts: Mutex::default(), tasks, clock }))
    }

    async fn http1(
        &self,
        replica: &Arc<Replica>,
        mut request: http::Request<Body>,
    ) -> Result<http::Response<LeafBody>, Failure> {
        // A resting connection may have ended meanwhile: that says nothing about the replica. hyper
        // gives the request back when nothing of it was sent.
        while let Some(mut sender) = self.0.take(replica.id) {
            let again = again(&request);
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.lent(replica, sender, response)),
                Err(mut error) => match (error.take_message(), again) {
                    (Some(unsent), _) => request = unsent,
                    // It ended while this was on its way, as servers end what rests too long. Not
                    // to be met with the same again, the next one is new.
                    (None, Some(again)) if was_cut(error.error()) => {
                        request = again;
                        break;
                    }
                    (None, _) => return Err(Failure::broken(error.into_error())),
                },
            }
        }
        let connecting = Box::pin(connect::http1(replica.address, &self.0.tasks));
        let mut sender = match connecting.await {
            Ok(sender) => sender,
            Err(cause) => return Err(Failure::connect(cause, request)),
        };
        match sender.try_send_request(request).await {
            Ok(response) => Ok(self.lent(replica, sender, response)),
            Err(mut error) => match error.take_message() {
                Some(request) => Err(Failure::connect(error.into_error(), request)),
                None => Err(Failure::broken(error.into_error())),
            },
        }
    }

    fn lent(
        &self,
        replica: &Replica,
        sender: http1::SendRequest<Body>,
        response: http::Response<hyper::body::Incoming>,
    ) -> http::Response<LeafBody> {
        let pools = Arc::clone(&self.0);
        let loan = Loan::Http1 { pools, replica: replica.id, sender: Some(sender) };
        response.map(|body| LeafBody::incoming(body, loan))
    }

    async fn http2(
        &self,
        replica: &Arc<Replica>,
        request: http::Request<Body>,
    ) -> Result<http::Response<LeafBody>, Failure> {
        let (mut sender, stream) = match self.0.stream(replica).await {
            Ok(stream) => stream,
            Err(cause) => return Err(Failure::connect(cause, request)),
        };
        let loan = Loan::Http2(stream);
        match sender.try_send_request(request).await {
            Ok(response) => Ok(response.map(|body| LeafBody::incoming(body, loan))),
            Err(mut error) => Err(match error.take_message() {
                Some(request) => Failure::connect(error.into_error(), request),
                None if connect::is_refused(error.error()) => Failure::refused(error.into_error()),
                None => Failure::broken(error.into_error()),
            }),
        }
    }
}

/// The same request, where it may be sent twice (RFC 9110 §9.2.2, RFC 9112 §9.3.1).
fn again(request: &http::Request<Body>) -> Option<http::Request<Body>> {
    if !request.method().is_idempotent() {
        return None;
    }
    let mut again = http::Request::new(request.body().again()?);
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    again.headers_mut().clone_from(request.headers());
    Some(again)
}

/// Whether the connection ended, and not the answer was wrong.
fn was_cut(error: &hyper::Error) -> bool {
    error.is_incomplete_message() || causes(error).any(|cause| cause.is::<std::io::Error>())
}

impl Carrier for Network {
    async fn carry(
        &self,
        replica: &Arc<Replica>,
        request: http::Request<Body>,
    ) -> Result<http::Response<LeafBody>, Failure> {
        match replica.protocol {
            Protocol::Http1 => self.http1(replica, request).await,
            Protocol::H2c => Box::pin(self.http2(replica, request)).await,
        }
    }

    /// Closes what rested too long, and what leads to replicas that `snapshot` does not have.
    fn sweep(&self, snapshot: &Snapshot) {
        let now = self.0.clock.now();
        let replicas = snapshot.services.iter().flat_map(|service| &service.replicas);
        let known: std::collections::HashSet<u64> = replicas.map(|replica| replica.id).collect();
        self.0.hosts().retain(|id, host| {
            let fresh = |one: &Resting| now.saturating_sub(one.since) < IDLE_MOST;
            host.resting.retain(|one| fresh(one) && !one.sender.is_closed());
            host.shared.sweep(now);
            known.contains(id) && !(host.resting.is_empty() && host.shared.is_unused())
        });
    }
}

impl Pools {
    fn hosts(&self) -> MutexGuard<'_, HashMap<u64, Host, BuildHasherDefault<Plain>>> {
        // A panic while it was held left a map that is still a map.
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection that rested last and can carry a request now.
    fn take(&self, replica: u64) -> Option<http1::SendRequest<Body>> {
        let mut hosts = self.hosts();
        let resting = &mut hosts.get_mut(&replica)?.resting;
        loop {
            let last = resting.iter().rposition(|one| one.sender.is_ready())?;
            let one = resting.swap_remove(last);
            if !one.sender.is_closed() {
                return Some(one.sender);
            }
        }
    }

    fn rest(&self, replica: u64, sender: http1::SendRequest<Body>) {
        if sender.is_closed() {
            return;
        }
        let since = self.clock.now();
        let mut hosts = self.hosts();
        let resting = &mut hosts.entry(replica).or_default().resting;
        if resting.len() < RESTING_MOST {
            resting.push(Resting { sender, since });
        }
    }
}
