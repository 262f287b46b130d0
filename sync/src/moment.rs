//! When is it, on this process's own clock? A moment says nothing to anybody else: two clocks differ, and
//! run at rates of their own.

use std::ops::Add;
use std::time::Duration;

/// A point in time on one process's own clock, which never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(Duration);

impl Moment {
    /// So long after the clock's beginning, whenever that was.
    #[must_use]
    pub const fn at(since_beginning: Duration) -> Self {
        Self(since_beginning)
    }

    /// How long after the clock's beginning.
    #[must_use]
    pub const fn since_beginning(self) -> Duration {
        self.0
    }

    /// How long after `earlier`; nothing, when it was before.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// So long before.
    #[must_use]
    pub const fn less(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}
