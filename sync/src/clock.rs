//! How late is it? On Linux the clock that also counts while the machine sleeps.
//!
//! `Instant` and tokio's timers stand still in suspend: a virtual machine that was paused would believe
//! that its Lease still has time. So a timer only wakes, and `CLOCK_BOOTTIME` decides.

use std::fmt::Debug;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use crate::moment::Moment;

/// No timer is trusted for longer: after a suspend it would be late by the rest of its time.
const TRUSTED: Duration = Duration::from_secs(1);

/// A clock that never goes back.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The moment.
    fn now(&self) -> Moment;

    /// Waits until then.
    fn sleep_until(&self, at: Moment) -> BoxFuture<'_, ()>;

    /// Whether it is the machine's own, by which threads can tell the time without a runtime.
    fn is_real(&self) -> bool {
        false
    }
}

/// The machine's clock: `CLOCK_BOOTTIME`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Boot;

impl Clock for Boot {
    fn now(&self) -> Moment {
        let time = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
        Moment::at(Duration::new(seconds, nanos))
    }

    fn sleep_until(&self, at: Moment) -> BoxFuture<'_, ()> {
        async move {
            loop {
                let left = at.since(self.now());
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(TRUSTED)).await;
            }
        }
        .boxed()
    }

    fn is_real(&self) -> bool {
        true
    }
}

/// A clock made from tokio's, so that tests can pause it: with an offset and a rate of its own.
#[derive(Debug, Clone, Copy)]
pub struct Paused {
    begun: Instant,
    offset: Duration,
    rate: f64,
}

impl Paused {
    /// It begins now, at `offset`, and runs `rate` times as fast as tokio's.
    #[must_use]
    pub fn new(offset: Duration, rate: f64) -> Self {
        Self { begun: Instant::now(), offset, rate }
    }

    /// When it is `at` on this clock, by tokio's.
    #[must_use]
    pub fn instant(&self, at: Moment) -> Instant {
        let elapsed = at.since_beginning().saturating_sub(self.offset);
        // Rounded up to tokio's milliseconds, else a sleeper wakes too early, again and again.
        let elapsed = elapsed.div_f64(self.rate) + Duration::from_nanos(1);
        self.begun + elapsed
    }
}

impl Default for Paused {
    /// Tokio's clock as it is.
    fn default() -> Self {
        Self::new(Duration::ZERO, 1.0)
    }
}

impl Clock for Paused {
    fn now(&self) -> Moment {
        Moment::at(self.offset + self.begun.elapsed().mul_f64(self.rate))
    }

    fn sleep_until(&self, at: Moment) -> BoxFuture<'_, ()> {
        async move {
            while self.now() < at {
                tokio::time::sleep_until(self.instant(at)).await;
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Boot, Clock as _, Paused};

    #[test]
    fn the_machines_clock_goes_on() {
        let before = Boot.now();
        while Boot.now() == before {}
        assert!(Boot.now() > before);
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_clock_is_ahead_and_its_sleepers_wake_early() {
        let clock = Paused::new(Duration::from_secs(1000), 1.25);
        let begun = tokio::time::Instant::now();
        let at = clock.now() + Duration::from_secs(10);
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
        assert_eq!(
            begun.elapsed().as_millis().div_ceil(10),
            801,
            "8 s of tokio's, to the timer's tick"
        );
    }
}
