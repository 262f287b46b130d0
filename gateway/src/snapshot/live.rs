//! What outlives a picture? Counters and health: cells that requests write, carried from one
//! snapshot to the next for as long as the replica or service is there.
//!
//! `now` is always the time since the gateway started: pure code is told the time.

mod histogram;
mod recent;

pub use self::histogram::{BUCKETS, Histogram};
pub use self::recent::{Recent, Timed};

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Failures in a row after which a replica is left alone for a while (Envoy's `consecutive_5xx`).
const EJECT_AFTER: u32 = 5;
/// How long the first time; doubled each time after, up to `EJECT_MOST`.
const EJECT_FIRST: Duration = Duration::from_secs(1);
const EJECT_MOST: Duration = Duration::from_secs(60);
/// What a replica is thought to take that was asked and never answered (linkerd's default).
const UNKNOWN: Duration = Duration::from_secs(1);
/// The decay of the peak latency (linkerd's default).
const DECAY: Duration = Duration::from_secs(10);

/// What is known of a replica, in this process.
#[derive(Debug, Default)]
pub struct ReplicaLive {
    in_flight: AtomicU32,
    requests: AtomicU64,
    failures: AtomicU64,
    failures_in_a_row: AtomicU32,
    ejections_in_a_row: AtomicU32,
    /// Milliseconds since the start; 0 means never.
    ejected_until: AtomicU64,
    /// Peak-sensitive moving average of the latency, in microseconds, and when it was written.
    peak: AtomicU64,
    peak_at: AtomicU64,
    /// How long it took to the heads of its answers.
    pub latencies: Histogram,
    /// Whose turn it is in the shard whose first ready replica this is.
    pub(crate) turn: Turn,
}

impl ReplicaLive {
    /// Requests that this replica has been sent and has not finished answering.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// Requests and failures since it is known.
    #[must_use]
    pub fn totals(&self) -> (u64, u64) {
        (self.requests.load(Relaxed), self.failures.load(Relaxed))
    }

    /// Counts a request in, and out again when the guard is dropped.
    pub fn enter(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Whether it is left alone at `now`, because it failed too often in a row.
    #[must_use]
    pub fn is_ejected(&self, now: Duration) -> bool {
        self.ejected_until.load(Relaxed) > millis(now)
    }

    /// It answered, `latency` after it was asked.
    pub fn succeeded(&self, now: Duration, latency: Duration) {
        if self.failures_in_a_row.load(Relaxed) != 0 {
            self.failures_in_a_row.store(0, Relaxed);
            self.ejections_in_a_row.store(0, Relaxed);
        }
        self.observe(now, micros(latency));
        self.latencies.observe(latency);
    }

    /// It did not answer. Says whether it should be left alone from now on.
    #[must_use]
    pub fn failed(&self, now: Duration, latency: Duration) -> bool {
        self.failures.fetch_add(1, Relaxed);
        // A failure costs at least a second: a replica that refuses at once must not look fast.
        self.observe(now, micros(latency.max(Duration::from_secs(1))));
        self.failures_in_a_row.fetch_add(1, Relaxed) + 1 >= EJECT_AFTER && !self.is_ejected(now)
    }

    /// Leaves it alone: one second the first time, twice as long each time after, a minute at most.
    pub fn eject(&self, now: Duration) {
        let times = self.ejections_in_a_row.fetch_add(1, Relaxed).min(6);
        let rest = (EJECT_FIRST * (1 << times)).min(EJECT_MOST);
        self.ejected_until.store(millis(now + rest), Relaxed);
    }

    /// What it would cost to send one more: decayed peak latency × (in flight + 1). A replica that
    /// nothing is known of is tried with one request; until that is answered it is thought slow.
    #[must_use]
    pub fn cost(&self, now: Duration) -> f64 {
        let in_flight = self.in_flight();
        let unknown = self.peak.load(Relaxed) == 0 && in_flight > 0;
        let one = if unknown { float(micros(UNKNOWN)) } else { self.decayed(now) };
        one * f64::from(in_flight + 1)
    }

    /// The peak, as far as it is forgotten by `now`.
    fn decayed(&self, now: Duration) -> f64 {
        let age = micros(now).saturating_sub(self.peak_at.load(Relaxed));
        float(self.peak.load(Relaxed)) * (-float(age) / float(micros(DECAY))).exp()
    }

    /// A higher latency counts at once, a lower one as the old one is forgotten. Two writers may
    /// lose one observation to each other, which a moving average forgives.
    fn observe(&self, now: Duration, latency: u64) {
        let age = micros(now).saturating_sub(self.peak_at.load(Relaxed));
        let weight = (-float(age) / float(micros(DECAY))).exp();
        let old = float(self.peak.load(Relaxed));
        let new = float(latency);
        let peak = if new > old { new } else { old * weight + new * (1.0 - weight) };
        self.peak.store(whole(peak), Relaxed);
        self.peak_at.store(micros(now), Relaxed);
    }
}

/// One request at one replica; counted out when dropped.
#[derive(Debug)]
#[must_use = "the request counts as in flight until this is dropped"]
pub struct InFlight(Arc<ReplicaLive>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

/// What is known of a service, in this process.
#[derive(Debug, Default)]
pub struct ServiceLive {
    /// Leaves in flight: a scatter of N counts as N.
    leaves: AtomicU32,
    /// Finished requests by class of status, 1xx to 5xx.
    classes: [AtomicU64; 5],
    /// How long requests took to the ends of their answers.
    pub latencies: Histogram,
    retries: AtomicU64,
    hedges: AtomicU64,
    refused_by_budget: AtomicU64,
    /// Whose turn it is among all replicas.
    pub(crate) turn: Turn,
    /// How long leaves take, lately.
    pub recent: Recent,
    /// What may be spent on retries and hedges.
    pub budget: Budget,
}

impl ServiceLive {
    /// Takes `leaves` places of `most`, or says how many are taken.
    ///
    /// # Errors
    /// The number of leaves in flight, when there is no room for these.
    pub fn enter(self: &Arc<Self>, leaves: u32, most: u32) -> Result<Places, u32> {
        let before = self.leaves.fetch_add(leaves, Relaxed);
        if before.saturating_add(leaves) > most {
            self.leaves.fetch_sub(leaves, Relaxed);
            return Err(before);
        }
        Ok(Places { live: Arc::clone(self), leaves })
    }

    /// Leaves in flight.
    #[must_use]
    pub fn leaves(&self) -> u32 {
        self.leaves.load(Relaxed)
    }

    /// A request was answered with `status`, `latency` after it arrived.
    pub fn finished(&self, status: u16, latency: Duration) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        self.classes[class].fetch_add(1, Relaxed);
        self.latencies.observe(latency);
    }

    /// A request was sent once more.
    pub fn retried(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    /// A second replica was asked for the same.
    pub fn hedged(&self) {
        self.hedges.fetch_add(1, Relaxed);
    }

    /// A retry or hedge was not made, because the budget was spent.
    pub fn over_budget(&self) {
        self.refused_by_budget.fetch_add(1, Relaxed);
    }

    /// Finished requests by class, 1xx to 5xx.
    #[must_use]
    pub fn classes(&self) -> [u64; 5] {
        std::array::from_fn(|class| self.classes[class].load(Relaxed))
    }

    /// Retries, hedges, and the ones of both that the budget forbade.
    #[must_use]
    pub fn extras(&self) -> (u64, u64, u64) {
        (
            self.retries.load(Relaxed),
            self.hedges.load(Relaxed),
            self.refused_by_budget.load(Relaxed),
        )
    }

    /// The upper bound, of the buckets, under which `percentile` per cent of all requests' latencies
    /// lie; `None` while fewer than a hundred are known.
    #[must_use]
    pub fn percentile(&self, percentile: u8) -> Option<Duration> {
        let counts = self.latencies.counts();
        let total: u64 = counts.iter().sum();
        if total < 100 {
            return None;
        }
        let wanted = (total * u64::from(percentile)).div_ceil(100);
        let mut seen = 0;
        let bucket = counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        BUCKETS.get(bucket).map(|bound| Duration::from_secs_f64(*bound))
    }
}

/// Counts the requests to one set of replicas, so that `round-robin` gives each its turn.
#[derive(Debug, Default)]
pub(crate) struct Turn(AtomicU32);

impl Turn {
    /// The next turn, which is taken.
    pub(crate) fn take(&self) -> u32 {
        self.0.fetch_add(1, Relaxed)
    }

    /// The next turn, which is left to the next request.
    pub(crate) fn look(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

/// Places for leaves in flight; given back when dropped.
#[derive(Debug)]
#[must_use = "the places are given back when this is dropped"]
pub struct Places {
    live: Arc<ServiceLive>,
    leaves: u32,
}

impl Drop for Places {
    fn drop(&mut self) {
        self.live.leaves.fetch_sub(self.leaves, Relaxed);
    }
}

/// What may be spent on asking twice: a fifth of what is asked, and ten a second besides, so that a
/// service with little traffic can retry at all (Finagle's and linkerd's budget). Saved for ten
/// seconds at most.
#[derive(Debug)]
pub struct Budget {
    /// In hundredths of a request.
    saved: AtomicI64,
    /// Milliseconds since the start.
    filled_at: AtomicU64,
}

/// Hundredths earned by a request, cost of a retry, earned a second, and saved at the most.
const EARNED: i64 = 20;
const COST: i64 = 100;
const A_SECOND: i64 = 10 * COST;
const SAVED_MOST: i64 = 10 * A_SECOND;

impl Default for Budget {
    fn default() -> Self {
        Self { saved: AtomicI64::new(SAVED_MOST), filled_at: AtomicU64::new(0) }
    }
}

impl Budget {
    /// A request was asked: a fifth of another may be.
    pub fn earn(&self) {
        if self.saved.load(Relaxed) < SAVED_MOST {
            self.saved.fetch_add(EARNED, Relaxed);
        }
    }

    /// Takes one retry out of what was saved by `now`; says whether there was one.
    #[must_use]
    pub fn spend(&self, now: Duration) -> bool {
        let now = millis(now);
        let before = self.filled_at.swap(now, Relaxed);
        let elapsed = i64::try_from(now.saturating_sub(before)).unwrap_or(i64::MAX);
        let earned = elapsed.saturating_mul(A_SECOND) / 1000;
        let room = (SAVED_MOST - self.saved.load(Relaxed)).max(0);
        self.saved.fetch_add(earned.min(room), Relaxed);
        let may = self.saved.fetch_sub(COST, Relaxed) >= COST;
        if !may {
            self.saved.fetch_add(COST, Relaxed);
        }
        may
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "an average of microseconds needs no 53rd bit")]
fn float(value: u64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an average of whole, positive microseconds"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::ReplicaLive;

    #[test]
    fn a_replica_that_never_answered_is_tried_with_one_request() {
        let (known, new) = (Arc::new(ReplicaLive::default()), Arc::new(ReplicaLive::default()));
        let now = Duration::from_secs(1);
        known.succeeded(now, Duration::from_millis(100));
        assert!(new.cost(now) < known.cost(now));
        let first = new.enter();
        assert!(new.cost(now) > known.cost(now));
        let _second = new.enter();
        assert!(new.cost(now) >= 3e6);
        drop(first);
        new.succeeded(now, Duration::from_millis(1));
        assert!(new.cost(now) < known.cost(now));
    }
}
