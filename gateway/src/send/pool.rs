//! Which connection carries it? One worker's own, to each replica: nothing is shared between
//! workers, so nothing is locked for long and nothing is waited for.
//!
//! HTTP/1.1 connections are lent to one request at a time, the last one used first, so that the
//! others grow old and are closed. HTTP/2 connections carry many; another is opened when all are
//! busy.

mod connect;
mod http1;
mod secure;
mod shared;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::error::Error;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::http1::{Broken, Link};
use crate::http1::length_once;
use crate::model::Answer;
use crate::send::{Carrier, Failure, LeafBody, Letter};
use crate::snapshot::{Replica, Snapshot};
use crate::tasks::{Clock, Tasks};
use crate::words::Protocol;

pub(super) use self::http1::Coming;
use self::stream::Stream;

pub(super) use self::shared::Stream as Shared;

/// How long a connection may rest before it is closed: shorter than servers keep theirs.
const IDLE_MOST: Duration = Duration::from_secs(30);
/// How many connections to one replica may rest in one worker.
const RESTING_MOST: usize = 256;

type Cause = Box<dyn Error + Send + Sync>;

/// One worker's connections.
#[derive(Debug, Clone)]
pub struct Network(Arc<Pools>);

/// The connections, by replica.
pub(super) struct Pools {
    hosts: Mutex<HashMap<u64, Host, BuildHasherDefault<Plain>>>,
    tasks: Tasks,
    clock: Clock,
    tls: secure::Configs,
    /// When the connections were last looked through, in milliseconds: time enough for who rests.
    swept: AtomicU64,
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
    link: Link,
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

impl Network {
    /// No connections yet; their tasks belong to `tasks`.
    #[must_use]
    pub fn new(tasks: Tasks, clock: Clock) -> Self {
        let (hosts, tls, swept) = (Mutex::default(), Default::default(), AtomicU64::new(0));
        Self(Arc::new(Pools { hosts, tasks, clock, tls, swept }))
    }

    async fn http1(
        &self,
        replica: &Arc<Replica>,
        letter: &mut Letter<'_>,
    ) -> Result<Answer<LeafBody>, Failure> {
        let mut body = std::mem::take(&mut letter.body);
        if let Some(mut link) = self.0.take(replica.id) {
            // What may be sent twice is (RFC 9110 §9.2.2, RFC 9112 §9.3.1): the connection may have
            // ended while this was on its way, as servers end what rests too long. Not to be met
            // with the same again, the next one is new.
            let again = body.again().filter(|_| letter.method.is_idempotent());
            match (link.exchange(replica, letter, body).await, again) {
                (Ok(told), _) => return Ok(link.finish(told, replica.id, &self.0)),
                (Err(Broken::Cut(_)), Some(again)) => body = again,
                (Err(broken), _) => return Err(Failure::broken(broken.into_cause())),
            }
        }
        let mut link = match Box::pin(self.0.connect(replica)).await {
            Ok(stream) => Link::new(stream),
            Err(cause) => return Err(Failure::connect(cause, body)),
        };
        match link.exchange(replica, letter, body).await {
            Ok(told) => Ok(link.finish(told, replica.id, &self.0)),
            Err(broken) => Err(Failure::broken(broken.into_cause())),
        }
    }

    async fn http2(
        &self,
        replica: &Arc<Replica>,
        letter: &mut Letter<'_>,
    ) -> Result<Answer<LeafBody>, Failure> {
        let (mut sender, stream) = match self.0.stream(replica).await {
            Ok(stream) => stream,
            Err(cause) => return Err(Failure::connect(cause, std::mem::take(&mut letter.body))),
        };
        match sender.try_send_request(letter.take_request(replica)).await {
            Ok(response) => {
                let mut answer: Answer<_> =
                    response.map(|body| LeafBody::stream(body, stream)).into();
                length_once(&mut answer.headers).map_err(Failure::broken)?;
                Ok(answer)
            }
            Err(mut error) => Err(match error.take_message() {
                Some(request) => Failure::connect(error.into_error(), request.into_body()),
                None if connect::is_refused(error.error()) => Failure::refused(error.into_error()),
                None => Failure::broken(error.into_error()),
            }),
        }
    }
}

impl Carrier for Network {
    async fn carry(
        &self,
        replica: &Arc<Replica>,
        letter: &mut Letter<'_>,
    ) -> Result<Answer<LeafBody>, Failure> {
        match replica.protocol {
            Protocol::Http1 | Protocol::Https => self.http1(replica, letter).await,
            Protocol::H2c => Box::pin(self.http2(replica, letter)).await,
        }
    }

    /// Closes what rested too long, and what leads to replicas that `snapshot` does not have.
    fn sweep(&self, snapshot: &Snapshot) {
        let now = self.0.clock.now();
        self.0.swept.store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Relaxed);
        let replicas = snapshot.services.iter().flat_map(|service| &service.replicas);
        let known: std::collections::HashSet<u64> = replicas.map(|replica| replica.id).collect();
        self.0.hosts().retain(|id, host| {
            let fresh = |one: &Resting| now.saturating_sub(one.since) < IDLE_MOST;
            host.resting.retain_mut(|one| fresh(one) && one.link.is_fresh());
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

    /// The connection that rested last, of those that the other end has not ended.
    fn take(&self, replica: u64) -> Option<Link> {
        let mut hosts = self.hosts();
        let resting = &mut hosts.get_mut(&replica)?.resting;
        loop {
            let mut link = resting.pop()?.link;
            if link.is_fresh() {
                return Some(link);
            }
        }
    }

    /// A new connection.
    async fn connect(&self, replica: &Replica) -> Result<Stream, Cause> {
        Ok(match replica.protocol {
            Protocol::Https => Stream::Tls(Box::new(self.tls.connect(replica).await?)),
            Protocol::Http1 | Protocol::H2c => Stream::Plain(connect::tcp(replica.address).await?),
        })
    }

    fn rest(&self, replica: u64, link: Link) {
        let since = Duration::from_millis(self.swept.load(Relaxed));
        let mut hosts = self.hosts();
        let resting = &mut hosts.entry(replica).or_default().resting;
        if resting.len() < RESTING_MOST {
            resting.push(Resting { link, since });
        }
    }
}
