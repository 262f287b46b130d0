//! How is a request carried: to one replica, to the owner of a key, to every shard?

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use crate::words::Misread;
use crate::words::spell::spell;
use crate::words::unit;

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

spell!(Pattern { "spread" => Self::Spread, "shard" => Self::Shard, "scatter" => Self::Scatter });

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

spell!(Balance {
    "least-request" => Self::LeastRequest,
    "peak-ewma" => Self::PeakEwma,
    "round-robin" => Self::RoundRobin,
    "random" => Self::Random,
});

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

spell!(MissingKey {
    "reject" => Self::Reject,
    "spread" => Self::Spread,
    "scatter" => Self::Scatter,
});

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

spell!(Algorithm {
    "rendezvous" => Self::Rendezvous,
    "ring" => Self::Ring,
    "maglev" => Self::Maglev,
    "modulo" => Self::Modulo,
    "metaparticle-v1" => Self::MetaparticleV1,
});

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
    /// `POD.SERVICE:PORT`, as the original Metaparticle called its shards; in a file, the replica's name.
    Host,
}

spell!(Identity {
    "auto" => Self::Auto,
    "name" => Self::Name,
    "uid" => Self::Uid,
    "address" => Self::Address,
    "host" => Self::Host,
});

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

impl ShardCount {
    /// The most shards that may be asked for: each costs memory in every gateway, served or not.
    pub const MOST: u32 = 10_000;
}

impl FromStr for ShardCount {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        match text {
            "observed" => Ok(Self::Observed),
            "statefulset" => Ok(Self::StatefulSet),
            _ => number(text)
                .filter(|count| *count <= Self::MOST)
                .and_then(NonZeroU32::new)
                .map(Self::Fixed)
                .ok_or_else(Misread::default),
        }
    }
}

impl fmt::Display for ShardCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Observed => f.write_str("observed"),
            Self::Fixed(count) => write!(f, "{count}"),
            Self::StatefulSet => f.write_str("statefulset"),
        }
    }
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

impl FromStr for OwnerDown {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        match text {
            "failover" => Ok(Self::Failover),
            "fail" => Ok(Self::Fail),
            _ => text
                .strip_prefix("wait:")
                .and_then(unit::read_time)
                .map(Self::Wait)
                .ok_or_else(Misread::default),
        }
    }
}

impl fmt::Display for OwnerDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failover => f.write_str("failover"),
            Self::Wait(time) => write!(f, "wait:{}", unit::show_time(*time)),
            Self::Fail => f.write_str("fail"),
        }
    }
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

impl FromStr for LoadBound {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let factor = text.parse().ok().filter(|_| plain);
        let right = factor.filter(|factor: &f64| *factor > 1.0 && factor.is_finite());
        right.map(Self::Factor).ok_or_else(Misread::default)
    }
}

impl fmt::Display for LoadBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Factor(factor) => write!(f, "{factor}"),
        }
    }
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

impl FromStr for Require {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        let required = match text {
            "all" => Some(Self::All),
            "quorum" => Some(Self::Quorum),
            "any" => Some(Self::Any),
            _ => match text.strip_suffix('%') {
                Some(share) => between(share, 1, 100).map(Self::Percent),
                None => number(text).and_then(NonZeroU32::new).map(Self::Count),
            },
        };
        required.ok_or_else(Misread::default)
    }
}

impl fmt::Display for Require {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Quorum => f.write_str("quorum"),
            Self::Any => f.write_str("any"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(share) => write!(f, "{share}%"),
        }
    }
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

impl FromStr for Hedge {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        let hedge = match text.strip_prefix('p') {
            _ if text == "off" => Some(Self::Off),
            Some(percentile) => between(percentile, 1, 99).map(Self::Percentile),
            None => unit::read_time(text).map(Self::After),
        };
        hedge.ok_or_else(Misread::default)
    }
}

impl fmt::Display for Hedge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Percentile(percentile) => write!(f, "p{percentile}"),
            Self::After(time) => f.write_str(&unit::show_time(*time)),
        }
    }
}

/// A whole number, digits only: `parse` alone would take `+5`.
pub(in crate::words) fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A whole number from `least` to `most`.
fn between(text: &str, least: u8, most: u8) -> Option<u8> {
    let number = u8::try_from(number(text)?).ok()?;
    (least..=most).contains(&number).then_some(number)
}
