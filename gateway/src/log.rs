//! What happened? One structured line a request, written off the road.
//!
//! A request puts an entry in a list and goes on; one task takes the list a few times a second and
//! writes it. When it cannot keep up, entries are dropped and counted, requests are not held up.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, Uri};
use serde::Serialize;

use crate::model::{Coverage, ShardName};
use crate::request::Id;
use crate::snapshot::{Replica, Service};
use crate::tasks::Clock;

/// How many entries may wait.
const WAITING_MOST: usize = 65_536;
/// How many bytes are written at a time.
const WRITE_SIZE: usize = 64 << 10;
/// How long an entry waits at the most.
pub const EVERY: Duration = Duration::from_millis(100);

/// The list of what happened. Cheap to clone; all clones are one list.
#[derive(Debug, Clone)]
pub struct Log(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// `None` where nobody reads it.
    waiting: Option<Mutex<Vec<Entry>>>,
    dropped: AtomicU64,
    /// Requests for which no service was found.
    turned_away: AtomicU64,
}

/// One request, from its head to the end of its answer.
#[derive(Debug)]
struct Entry {
    since_start: Duration,
    took: Duration,
    status: u16,
    bytes: u64,
    whole: bool,
    service: Option<Arc<Service>>,
    /// Nothing where nobody reads it.
    seen: Option<Box<Seen>>,
}

/// What is known of who answered.
#[derive(Debug, Default, Clone)]
pub struct Facts {
    /// The service asked.
    pub service: Option<Arc<Service>>,
    /// The replica that answered.
    pub replica: Option<Arc<Replica>>,
    /// As which shard.
    pub shard: Option<ShardName>,
    /// How many replicas were asked one after the other.
    pub attempts: u32,
    /// Which leaves answered.
    pub coverage: Option<Coverage>,
    /// Why there is no answer.
    pub refusal: Option<&'static str>,
}

#[derive(Serialize)]
struct Line<'e> {
    time: f64,
    method: &'e str,
    host: &'e str,
    path: &'e str,
    status: u16,
    bytes: u64,
    micros: u64,
    client: std::net::IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replica: Option<&'e str>,
    #[serde(skip_serializing_if = "is_one")]
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'static str>,
    /// The answer broke off, or the client went away.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    broken: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_one(attempts: &u32) -> bool {
    *attempts <= 1
}

impl Log {
    /// A list that is read, or one that nobody reads.
    #[must_use]
    pub fn new(read: bool) -> Self {
        let waiting = read.then(Mutex::default);
        Self(Arc::new(Shared {
            waiting,
            dropped: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
        }))
    }

    /// How many entries found no room.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Relaxed)
    }

    /// How many requests were refused before a service was found for them.
    #[must_use]
    pub fn turned_away(&self) -> u64 {
        self.0.turned_away.load(Relaxed)
    }

    fn is_read(&self) -> bool {
        self.0.waiting.is_some()
    }

    fn add(&self, entry: Entry) {
        let Some(waiting) = &self.0.waiting else { return };
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING_MOST {
            waiting.push(entry);
        } else {
            self.0.dropped.fetch_add(1, Relaxed);
        }
    }

    /// Writes what waits, a JSON object a line; `epoch` is when the clock started, in seconds since
    /// 1970.
    ///
    /// # Errors
    /// When it cannot be written; those entries are lost.
    pub fn write(&self, into: &mut dyn Write, epoch: f64) -> std::io::Result<()> {
        let Some(waiting) = &self.0.waiting else { return Ok(()) };
        let entries = std::mem::take(&mut *waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let mut lines = Vec::with_capacity(WRITE_SIZE * 2);
        for line in entries.iter().filter_map(|entry| entry.line(epoch)) {
            serde_json::to_writer(&mut lines, &line)?;
            lines.push(b'\n');
            if lines.len() >= WRITE_SIZE {
                into.write_all(&lines)?;
                lines.clear();
            }
        }
        into.write_all(&lines)?;
        into.flush()
    }
}

impl Entry {
    fn line(&self, epoch: f64) -> Option<Line<'_>> {
        let Seen { method, uri, host, id, client, facts } = self.seen.as_deref()?;
        Some(Line {
            time: epoch + self.since_start.as_secs_f64(),
            method: method.as_str(),
            host,
            path: uri.path(),
            status: self.status,
            bytes: self.bytes,
            micros: u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX),
            client: *client,
            id: id.as_ref().map(Id::as_str),
            service: self.service.as_ref().map(|service| service.name.as_str()),
            shard: facts.shard.as_ref().map(ShardName::as_str),
            replica: facts.replica.as_ref().map(|replica| replica.name.as_str()),
            attempts: facts.attempts,
            coverage: facts.coverage.map(|coverage| coverage.to_string()),
            refusal: facts.refusal,
            broken: !self.whole,
        })
    }
}

/// A request that is being answered. Its line is written when it is dropped.
#[derive(Debug, Default)]
pub struct Record(Option<Open>);

#[derive(Debug)]
struct Open {
    log: Log,
    clock: Clock,
    entry: Entry,
}

impl Record {
    /// A request to `service` that arrived at `arrived`, and that is answered with `status`; `seen` is
    /// asked only where somebody reads it.
    #[must_use]
    pub fn open(
        log: &Log,
        clock: Clock,
        (arrived, status): (Duration, u16),
        service: Option<Arc<Service>>,
        seen: impl FnOnce() -> Seen,
    ) -> Self {
        let entry = Entry {
            since_start: arrived,
            took: Duration::ZERO,
            status,
            bytes: 0,
            whole: false,
            service,
            seen: log.is_read().then(|| Box::new(seen())),
        };
        Self(Some(Open { log: log.clone(), clock, entry }))
    }

    /// Bytes were handed over.
    pub fn sent(&mut self, bytes: usize) {
        if let Some(open) = &mut self.0 {
            open.entry.bytes += bytes as u64;
        }
    }

    /// The answer ended: `whole`, or broken off.
    pub fn ended(&mut self, whole: bool) {
        if let Some(open) = &mut self.0 {
            open.entry.whole = whole;
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let Some(open) = self.0.take() else { return };
        let Open { log, clock, mut entry } = open;
        entry.took = clock.now().saturating_sub(entry.since_start);
        match &entry.service {
            Some(service) => service.live.finished(entry.status, entry.took),
            None => _ = log.0.turned_away.fetch_add(1, Relaxed),
        }
        if entry.seen.is_some() {
            log.add(entry);
        }
    }
}

/// What a line says of the request.
#[derive(Debug)]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// Its target.
    pub uri: Uri,
    /// Its host.
    pub host: Box<str>,
    /// What it is called.
    pub id: Option<Id>,
    /// Who sent it.
    pub client: std::net::IpAddr,
    /// What is known of who answered.
    pub facts: Facts,
}
