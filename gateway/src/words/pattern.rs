//! How is a request carried: to one replica, to the owner of a key, to every shard?

use std::num::NonZeroU32;
use std::time::Duration;

/// How a service's replicas share its requests (`pattern`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Pattern {
    /// Any replica may answer.
    #[default]
    Spread,
    /// The shard that owns the request's key answers.
    Shard,
    /// Every shard answers, and the answers are merged.
    Scatter,
}

/// Which replica is the best one, where several would do (`balance`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Balance {
    /// The one with fewer requests in flight, of two drawn at random (Mitzenmacher 2001).
    #[default]
    LeastRequest,
    /// The one with the lower decayed peak latency × load, of two drawn at random (Finagle).
    PeakEwma,
    /// Each in its turn.
    RoundRobin,
    /// Any.
    Random,
}

/// What to do with a request that carries no key (`shard-missing-key`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MissingKey {
    /// Refuse it with 400.
    Reject,
    /// Send it to any shard.
    #[default]
    Spread,
    /// Send it to every shard and merge.
    Scatter,
}

/// Which function says who owns a key (`shard-algorithm`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Algorithm {
    /// Highest random weight (Thaler and Ravishankar 1998).
    #[default]
    Rendezvous,
    /// Consistent hashing on a ring of virtual nodes (Karger 1997).
    Ring,
    /// Google's lookup table (Eisenbud 2016).
    Maglev,
    /// The hash modulo the number of shards: moves nearly every key when that number changes.
    Modulo,
    /// The ring of the original Metaparticle sharder, for keys that were placed by it.
    MetaparticleV1,
}

/// What names a shard (`shard-identity`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Identity {
    /// The StatefulSet pod's name, else the pod's uid; in a file, the replica's name.
    #[default]
    Auto,
    /// The pod's (replica's) name.
    Name,
    /// The pod's uid.
    Uid,
    /// The replica's `ip:port`.
    Address,
}

/// How many shards there are (`shard-count`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ShardCount {
    /// As many as are seen.
    #[default]
    Observed,
    /// This many; slots that nobody serves are kept for their owner.
    Fixed(NonZeroU32),
    /// As many as the StatefulSet desires.
    StatefulSet,
}

/// What happens to a request whose owner is down (`shard-on-owner-down`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OwnerDown {
    /// The next candidate answers: the one that would own the key if the owner were gone.
    #[default]
    Failover,
    /// The request waits this long for its owner, then fails.
    Wait(Duration),
    /// The request fails with 503 at once.
    Fail,
}

/// How much more than its even share an owner may carry (`shard-load-bound`).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum LoadBound {
    /// As much as its keys bring.
    #[default]
    Off,
    /// This factor of the mean, at most; what is over goes to the next candidate
    /// (Mirrokni, Thorup, Zadimoghaddam 2017). Always greater than 1.
    Factor(f64),
}

/// How many leaves must answer for a scatter to be an answer (`scatter-require`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Require {
    /// Every leaf.
    #[default]
    All,
    /// More than half of them.
    Quorum,
    /// One.
    Any,
    /// This many (all, where there are fewer).
    Count(NonZeroU32),
    /// This share of them in per cent, 1 to 100, rounded up.
    Percent(u8),
}

impl Require {
    /// The least number of right answers, of `total` leaves, that is an answer.
    ///
    /// At least 1: an answer made of nothing is not an answer.
    #[must_use]
    pub fn least(self, total: usize) -> usize {
        let least = match self {
            Self::All => total,
            Self::Quorum => total / 2 + 1,
            Self::Any => 1,
            Self::Count(count) => (count.get() as usize).min(total),
            Self::Percent(share) => (total * usize::from(share)).div_ceil(100),
        };
        least.max(1)
    }
}

/// When a second replica of a shard is asked as well (`scatter-hedge`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Hedge {
    /// Never.
    #[default]
    Off,
    /// When the first has taken longer than this percentile (1 to 99) of its service's answers.
    Percentile(u8),
    /// When the first has taken this long.
    After(Duration),
}
