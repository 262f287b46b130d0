//! Which leaves does a request go to, and to which replica of each first?
//!
//! Spread and shard are a scatter of one: every pattern ends in [`Leaf`]s, and whoever holds one
//! only asks it for the next replica to try. Health never changes who owns a key; it changes how far
//! the walk goes.

mod balance;

use std::time::Duration;

use self::balance::Tried;
use crate::key::Key;
use crate::model::{ServiceName, ShardIndex, ShardName};
use crate::ring::Candidates;
use crate::snapshot::{Replica, Route, Service, Shard};
use crate::words::{Balance, LoadBound, MissingKey, OwnerDown, Pattern};

use std::sync::Arc;

/// Where a request goes.
#[derive(Debug)]
pub enum Leaves<'s> {
    /// To one leaf, whose answer passes through.
    One(Leaf<'s>),
    /// To all of these, in shard order; their answers are merged.
    All(Vec<Leaf<'s>>),
}

impl Leaves<'_> {
    /// How many there are: what the request counts as.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::All(leaves) => leaves.len(),
        }
    }
}

/// Why a request goes nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLeaf {
    /// The service wants a key in every request.
    #[error("the request has no key, and service `{0}` wants one (shard-missing-key: reject)")]
    NoKey(ServiceName),
    /// Nobody is there.
    #[error("service `{0}` has no replica that wants requests")]
    NoReplica(ServiceName),
    /// Whom to ask is not known: what the service says of its shards is not understood.
    #[error("it is not known who owns which key: {0}")]
    Unserved(Arc<str>),
    /// The owner is not there, and nobody may stand in for it.
    #[error("shard `{shard}` owns this key and has no replica that wants requests")]
    OwnerAway {
        /// Who owns the key.
        shard: ShardName,
    },
}

/// The leaves of a request that follows `route` and asks about `key`.
///
/// # Errors
/// When there is no leaf to go to.
pub fn leaves<'s>(route: &'s Route, key: Option<&Key<'_>>) -> Result<Leaves<'s>, NoLeaf> {
    let service = &*route.service;
    let missing = route.policy.missing_key;
    match (route.policy.pattern, key) {
        (Pattern::Spread, _) => spread(route).map(Leaves::One),
        (Pattern::Shard, Some(key)) => owner(route, key).map(Leaves::One),
        (Pattern::Scatter, _) => all(route),
        (Pattern::Shard, None) => match missing {
            MissingKey::Reject if service.unserved().is_none() => {
                Err(NoLeaf::NoKey(service.name.clone()))
            }
            MissingKey::Reject => Err(nobody(service)),
            MissingKey::Spread => spread(route).map(Leaves::One),
            MissingKey::Scatter => all(route),
        },
    }
}

fn nobody(service: &Service) -> NoLeaf {
    match service.unserved() {
        None => NoLeaf::NoReplica(service.name.clone()),
        Some(why) => NoLeaf::Unserved(Arc::clone(why)),
    }
}

fn spread(route: &Route) -> Result<Leaf<'_>, NoLeaf> {
    if route.service.ready.is_empty() {
        return Err(nobody(&route.service));
    }
    Ok(Leaf::new(route, Walk::Any))
}

fn all(route: &Route) -> Result<Leaves<'_>, NoLeaf> {
    let shards = route.service.shards.len();
    if shards == 0 {
        return Err(nobody(&route.service));
    }
    let leaf = |place| Leaf::new(route, Walk::One(ShardIndex::new(place)));
    Ok(Leaves::All((0..shards).map(leaf).collect()))
}

fn owner<'s>(route: &'s Route, key: &Key<'_>) -> Result<Leaf<'s>, NoLeaf> {
    let service = &*route.service;
    let mut rest = service.ring.candidates(key.bytes());
    let Some(owner) = rest.next() else {
        return Err(nobody(service));
    };
    if route.policy.owner_down == OwnerDown::Failover {
        if service.ready.is_empty() {
            return Err(nobody(service));
        }
        let most = bound(service, route.policy.load_bound);
        return Ok(Leaf::new(route, Walk::Owner { owner, at: owner, rest, most }));
    }
    if service.shard(owner).ready.is_empty() {
        return Err(NoLeaf::OwnerAway { shard: service.shard(owner).name.clone() });
    }
    Ok(Leaf { sole: true, ..Leaf::new(route, Walk::One(owner)) })
}

/// The most requests that one shard may have in flight: the factor of the mean, counting the request
/// that is being placed, rounded up (Mirrokni, Thorup, Zadimoghaddam 2017).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a count of requests in flight, far below 2^53"
)]
fn bound(service: &Service, bound: LoadBound) -> Option<u32> {
    let LoadBound::Factor(factor) = bound else { return None };
    let total: u32 = service.replicas.iter().map(|replica| replica.live.in_flight()).sum();
    let mean = f64::from(total + 1) / service.shards.len() as f64;
    Some((mean * factor).ceil() as u32)
}

/// One share of a request: an order of replicas to try.
#[derive(Debug)]
pub struct Leaf<'s> {
    service: &'s Service,
    balance: Balance,
    walk: Walk<'s>,
    tried: Tried,
    /// Chosen already, by `fork`.
    preset: Option<u32>,
    /// Nobody may stand in for this shard: without it there is no answer.
    sole: bool,
}

/// Where to look for the next replica.
#[derive(Debug)]
enum Walk<'s> {
    /// Among all.
    Any,
    /// Among those of one shard; no other has its share.
    One(ShardIndex),
    /// Among those of the key's owner, then along the candidates: each is the owner once those
    /// before it are gone.
    Owner { owner: ShardIndex, at: ShardIndex, rest: Candidates<'s>, most: Option<u32> },
}

impl<'s> Leaf<'s> {
    fn new(route: &'s Route, walk: Walk<'s>) -> Self {
        let balance = route.service.policy.balance;
        let tried = Tried::default();
        Self { service: &route.service, balance, walk, tried, preset: None, sole: false }
    }

    /// The shard that is asked: for a key, its owner. `None` where any replica will do.
    #[must_use]
    pub fn shard(&self) -> Option<&'s Shard> {
        match self.walk {
            Walk::Any => None,
            Walk::One(shard) | Walk::Owner { owner: shard, .. } => Some(self.service.shard(shard)),
        }
    }

    /// Whether it is the owner of a key for whom nobody may stand in.
    #[must_use]
    pub fn is_sole(&self) -> bool {
        self.sole
    }

    /// The next replica to try at `now`, one that was not tried before; `chance` is 64 random bits.
    ///
    /// Replicas that failed too often are passed over, unless there is no other.
    pub fn next(&mut self, now: Duration, chance: u64) -> Option<&'s Arc<Replica>> {
        let place = match &mut self.walk {
            _ if self.preset.is_some() => self.preset.take(),
            Walk::Any => self.choose(&self.service.ready, now, chance),
            Walk::One(shard) => {
                let shard = *shard;
                self.choose(&self.service.shard(shard).ready, now, chance)
            }
            Walk::Owner { .. } => self.along(now, chance),
        }?;
        self.tried.add(place);
        Some(&self.service.replicas[place as usize])
    }

    /// A second leaf for the same share, that begins at another replica than this one does; `None`
    /// where there is no other. Nobody stands in for an owner here: a hedge is not a failover.
    pub fn fork(&mut self, now: Duration, chance: u64) -> Option<Self> {
        let walk = match self.walk {
            Walk::Any => Walk::Any,
            Walk::One(shard) | Walk::Owner { at: shard, .. } => Walk::One(shard),
        };
        self.next(now, chance)?;
        let first = self.tried.last();
        self.preset = Some(first);
        let (service, balance) = (self.service, self.balance);
        let mut tried = Tried::default();
        tried.add(first);
        let mut other = Leaf { service, balance, walk, tried, preset: None, sole: self.sole };
        other.next(now, chance)?;
        other.preset = Some(other.tried.last());
        Some(other)
    }

    /// The best of `among`: healthy, or else any.
    fn choose(&self, among: &[u32], now: Duration, chance: u64) -> Option<u32> {
        balance::best(self.service, self.balance, among, &self.tried, Some(now), chance)
            .or_else(|| balance::best(self.service, self.balance, among, &self.tried, None, chance))
    }

    /// The best of the first shard, along the candidates, that is healthy and within its bound.
    fn along(&mut self, now: Duration, chance: u64) -> Option<u32> {
        let Walk::Owner { owner, at, rest, most } = &mut self.walk else { return None };
        loop {
            let shard = self.service.shard(*at);
            let full = most.is_some_and(|most| self.service.in_flight(shard) >= most);
            if !full {
                let best = balance::best(
                    self.service,
                    self.balance,
                    &shard.ready,
                    &self.tried,
                    Some(now),
                    chance,
                );
                if best.is_some() {
                    return best;
                }
            }
            match rest.next() {
                Some(next) => *at = next,
                None => break,
            }
        }
        // Nobody is both healthy and free: the owner first, then whoever is left.
        let owners = &self.service.shard(*owner).ready;
        let any = [owners, &self.service.ready];
        any.into_iter().find_map(|among| {
            balance::best(self.service, self.balance, among, &self.tried, None, chance)
        })
    }
}
