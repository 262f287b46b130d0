//! How long do leaves take, lately? What was seen in this stretch of ten seconds and in the one
//! before, so that a service that became slow, or fast again, is known by its new times.
//!
//! Buckets are an eighth of an octave wide: a percentile is at most 12.5 % above the truth.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::micros;

/// How long a stretch is.
const STRETCH: Duration = Duration::from_secs(10);
/// How many must be known before anything is said.
const KNOWN_LEAST: u64 = 100;
/// Up to 2²⁶ microseconds, about a minute; what is slower counts as that.
const SIZE: usize = 24 * 8;

/// Times of leaves, to the heads of their answers. Of thousands of services most are never asked: until
/// they are, they have no counters.
#[derive(Debug, Default)]
pub struct Recent(OnceLock<Box<[Stretch; 2]>>);

#[derive(Debug)]
struct Stretch {
    /// Which one since the start.
    number: AtomicU64,
    counts: [AtomicU32; SIZE],
}

impl Default for Stretch {
    fn default() -> Self {
        Self { number: AtomicU64::new(0), counts: [const { AtomicU32::new(0) }; SIZE] }
    }
}

impl Recent {
    /// Times a leaf that is asked at `start`, with `clock`, until the guard is dropped.
    ///
    /// One that is given up counts too, as having taken that long: were the slow ones left out for
    /// which a hedge answered, each hedge would lower the time after which the next is made.
    pub fn time<F: Fn() -> Duration>(&self, start: Duration, clock: F) -> Timed<'_, F> {
        Timed { recent: self, start, clock, counts: true }
    }

    /// A leaf took `latency`, until `now`. At the turn of a stretch some observations may be lost to
    /// its clearing.
    pub fn observe(&self, now: Duration, latency: Duration) {
        let number = number(now);
        let stretch = &self.0.get_or_init(Box::default)[usize::from(number % 2 == 1)];
        let before = stretch.number.load(Relaxed);
        let swap = |old| stretch.number.compare_exchange(old, number, Relaxed, Relaxed);
        if before != number && swap(before).is_ok() {
            stretch.counts.iter().for_each(|count| count.store(0, Relaxed));
        }
        stretch.counts[index(micros(latency))].fetch_add(1, Relaxed);
    }

    /// The time within which `percentile` per cent of the leaves answered lately; `None` while fewer
    /// than a hundred are known.
    #[must_use]
    pub fn percentile(&self, percentile: u8, now: Duration) -> Option<Duration> {
        let current = number(now);
        let is_recent =
            |stretch: &&Stretch| current - stretch.number.load(Relaxed).min(current) < 2;
        let mut counts = [0; SIZE];
        for stretch in self.0.get()?.iter().filter(is_recent) {
            for (sum, count) in counts.iter_mut().zip(&stretch.counts) {
                *sum += u64::from(count.load(Relaxed));
            }
        }
        let total: u64 = counts.iter().sum();
        if total < KNOWN_LEAST {
            return None;
        }
        let wanted = (total * u64::from(percentile)).div_ceil(100);
        let mut seen = 0;
        let index = counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(Duration::from_micros(end(index)))
    }
}

/// A leaf that is being timed.
#[derive(Debug)]
#[must_use = "the leaf is timed until this is dropped"]
pub struct Timed<'l, F: Fn() -> Duration> {
    recent: &'l Recent,
    start: Duration,
    clock: F,
    counts: bool,
}

impl<F: Fn() -> Duration> Timed<'_, F> {
    /// It failed: how soon says nothing about answers.
    pub fn failed(mut self) {
        self.counts = false;
    }
}

impl<F: Fn() -> Duration> Drop for Timed<'_, F> {
    fn drop(&mut self) {
        if self.counts {
            let now = (self.clock)();
            self.recent.observe(now, now.saturating_sub(self.start));
        }
    }
}

/// The stretch that `now` lies in.
fn number(now: Duration) -> u64 {
    now.as_secs() / STRETCH.as_secs()
}

/// The bucket of a time: below 8 µs its own, above by its highest bit and the three after it.
fn index(micros: u64) -> usize {
    let octave = micros.max(1).ilog2();
    if octave < 3 {
        return usize::from(micros.to_le_bytes()[0]);
    }
    let eighth = usize::from((micros >> (octave - 3)).to_le_bytes()[0] & 7);
    ((octave as usize - 2) * 8 + eighth).min(SIZE - 1)
}

/// Where a bucket ends and the next begins, in microseconds.
fn end(index: usize) -> u64 {
    let next = index as u64 + 1;
    if next < 8 { next } else { (8 + next % 8) << (next / 8 - 1) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Recent, end, index};

    const FAST: Duration = Duration::from_millis(1);
    const SLOW: Duration = Duration::from_millis(100);

    /// Of a hundred leaves at `now`, `slow` are slow.
    fn hundred(recent: &Recent, now: Duration, slow: usize) {
        for count in 0..100 {
            recent.observe(now, if count < slow { SLOW } else { FAST });
        }
    }

    fn is_about(found: Option<Duration>, wanted: Duration) -> bool {
        found.is_some_and(|found| found >= wanted && found <= wanted.mul_f64(1.13))
    }

    #[test]
    fn one_slow_leaf_in_a_hundred_does_not_move_the_95th_percentile() {
        let recent = Recent::default();
        hundred(&recent, Duration::ZERO, 1);
        assert!(is_about(recent.percentile(95, Duration::ZERO), FAST));
        hundred(&recent, Duration::ZERO, 11);
        assert!(is_about(recent.percentile(95, Duration::ZERO), SLOW));
    }

    #[test]
    fn nothing_is_said_of_fewer_than_a_hundred() {
        let recent = Recent::default();
        (0..99).for_each(|_| recent.observe(Duration::ZERO, FAST));
        assert_eq!(recent.percentile(50, Duration::ZERO), None);
    }

    #[test]
    fn what_was_seen_is_forgotten_after_twenty_seconds() {
        let recent = Recent::default();
        let at = Duration::from_secs;
        hundred(&recent, at(5), 100);
        assert!(is_about(recent.percentile(95, at(19)), SLOW));
        assert_eq!(recent.percentile(95, at(20)), None);
        hundred(&recent, at(25), 0);
        assert!(is_about(recent.percentile(95, at(25)), FAST));
    }

    #[test]
    fn a_leaf_that_is_given_up_counts_and_one_that_fails_does_not() {
        let recent = Recent::default();
        for _ in 0..100 {
            recent.time(Duration::ZERO, || FAST).failed();
        }
        assert_eq!(recent.percentile(50, FAST), None);
        for _ in 0..100 {
            drop(recent.time(Duration::ZERO, || FAST));
        }
        assert!(is_about(recent.percentile(50, FAST), FAST));
    }

    #[test]
    fn a_time_lies_in_its_bucket() {
        for micros in (0..10_000).chain([1 << 20, (1 << 26) - 1]) {
            let bucket = index(micros);
            assert!(micros < end(bucket), "{micros}");
            assert!(bucket == 0 || end(bucket - 1) <= micros, "{micros}");
        }
        assert_eq!(index(u64::MAX), index((1 << 26) - 1));
    }
}
