//! How long does everything take? One duration is chosen; the others follow from it.

use std::time::Duration;

use crate::moment::Moment;

/// Below it, the shares of it that requests and margins have are too short for a network.
const TTL_LEAST: Duration = Duration::from_secs(2);
/// The clocks of holder and waiter may differ by one part in so many in their rates.
const DRIFT: u32 = 20;
/// What the kernel may be late with, besides.
const MARGIN_LEAST: Duration = Duration::from_millis(500);
/// A holder that is told that it lost has so long to stop.
const GRACE: Duration = Duration::from_secs(1);
/// A write that failed is tried again after this share of the time between two writes.
const RETRIES: u32 = 8;

/// How long a Lease is promised for, and what its holder takes off from that for itself.
///
/// ```text
///  sent    renewed                       lost     deadline  expiry, for who saw the write at once
///   |----------|-------------------- … ---|---------|---------|
///   |  ttl / 3                            |  grace  |  margin |
///   |<----------------------- ttl --------------------------->|
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timing {
    ttl: Duration,
    margin: Duration,
    grace: Duration,
    lock_delay: Duration,
}

/// Times that do not fit into each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTiming {
    /// Too short for a network.
    #[error("a lease of {0:?} is too short: take 2 s or more")]
    Short(Duration),
    /// `leaseDurationSeconds` has no room for it.
    #[error("a lease of {0:?} is too long: take a day or less")]
    Long(Duration),
    /// Too little is left to renew it.
    #[error(
        "grace and margin take {off:?} of a lease of {ttl:?}, which leaves no time to renew it: \
         shorten them, or take a longer lease"
    )]
    Crowded {
        /// The lease.
        ttl: Duration,
        /// What is taken off.
        off: Duration,
    },
}

impl Timing {
    /// Of a Lease that lasts `ttl`, rounded up to whole seconds: 15 s is what most controllers use.
    ///
    /// # Errors
    /// When that is less than 2 s, or more than a day.
    pub fn of(ttl: Duration) -> Result<Self, BadTiming> {
        if ttl < TTL_LEAST {
            return Err(BadTiming::Short(ttl));
        }
        if ttl > Duration::from_secs(24 * 60 * 60) {
            return Err(BadTiming::Long(ttl));
        }
        let whole = Duration::from_secs(ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0));
        let margin = (whole / DRIFT).max(MARGIN_LEAST);
        Ok(Self { ttl: whole, margin, grace: GRACE.min(whole / 5), lock_delay: Duration::ZERO })
    }

    /// Gives a holder that is told that it lost so long to stop.
    ///
    /// # Errors
    /// When that leaves no time to renew the Lease.
    pub fn with_grace(self, grace: Duration) -> Result<Self, BadTiming> {
        Self { grace, ..self }.checked()
    }

    /// Takes so much off a Lease because clocks run at different rates: the rates of two clocks may differ
    /// by `margin / (ttl - margin)`. By default it is a twentieth, and at least half a second.
    ///
    /// # Errors
    /// When that leaves no time to renew the Lease.
    pub fn with_margin(self, margin: Duration) -> Result<Self, BadTiming> {
        Self { margin, ..self }.checked()
    }

    /// Waits so much longer for a holder that did not give its Lease back: for resources that cannot look
    /// at a token, and may still be sent what a former holder wrote.
    #[must_use]
    pub fn with_lock_delay(self, lock_delay: Duration) -> Self {
        Self { lock_delay, ..self }
    }

    fn checked(self) -> Result<Self, BadTiming> {
        let off = self.margin + self.grace;
        let needed = self.renew_every() + self.request();
        if off + needed > self.ttl {
            return Err(BadTiming::Crowded { ttl: self.ttl, off });
        }
        Ok(self)
    }

    /// How long others wait for a holder that is silent.
    #[must_use]
    pub fn ttl(&self) -> Duration {
        self.ttl
    }

    /// How long a holder has to stop.
    #[must_use]
    pub fn grace(&self) -> Duration {
        self.grace
    }

    /// How much longer others wait.
    #[must_use]
    pub fn lock_delay(&self) -> Duration {
        self.lock_delay
    }

    /// From one write of a holder to the next.
    #[must_use]
    pub fn renew_every(&self) -> Duration {
        self.ttl / 3
    }

    /// From a write that failed to the next.
    #[must_use]
    pub fn retry_every(&self) -> Duration {
        self.renew_every() / RETRIES
    }

    /// How long one request may take: one that hangs must not cost the Lease.
    #[must_use]
    pub fn request(&self) -> Duration {
        self.ttl / 5
    }

    /// When the holder's work must have stopped, after a write that was about to be sent at `sent`.
    #[must_use]
    pub fn deadline_after(&self, sent: Moment) -> Moment {
        (sent + self.ttl).less(self.margin)
    }

    /// When the holder is told.
    #[must_use]
    pub fn lost_after(&self, sent: Moment) -> Moment {
        self.deadline_after(sent).less(self.grace)
    }
}
