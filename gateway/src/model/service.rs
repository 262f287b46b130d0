//! What is asked for? A service: replicas under one name, with one policy.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::Replica;
use crate::model::Route;
use crate::model::name::name;
use crate::model::{Numbered, ShardName, Tls};
use crate::words::{Identity, Policy, Protocol, ShardCount};

#[cfg(test)]
mod tests;

name! {
    /// A service's name, unique in its world: in a file as written, on Kubernetes `namespace/name:port`.
    #[derive(PartialOrd, Ord)]
    ServiceName, "service"
}

/// Replicas that are numbered, as a StatefulSet numbers its pods: `users-0`, `users-1`, …
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatefulSet {
    /// What stands before the number.
    pub stem: Arc<str>,
    /// What stands behind it in a shard's name: mostly nothing.
    pub rest: Arc<str>,
    /// The first number.
    pub first: u32,
    /// How many are desired.
    pub count: u32,
}

/// A service as its source declares it.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// What it asks for.
    pub policy: Arc<Policy>,
    /// What its replicas speak.
    pub protocol: Protocol,
    /// What is asked of those that speak TLS.
    pub tls: Option<Arc<Tls>>,
    /// Why nobody is asked, whoever is there: what it says of its shards is not understood.
    pub unserved: Option<Arc<str>>,
    /// Who answers; in any order.
    pub replicas: Vec<Replica>,
    /// The StatefulSets whose pods it has, where it has any.
    pub desired: Vec<StatefulSet>,
}

/// All that one source declares at one time.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The services; in any order, names unique. One that is the same `Arc` as in the world before is
    /// not looked at again.
    pub services: Vec<Arc<Service>>,
    /// The routes; in any order.
    pub routes: Vec<Route>,
}

impl Service {
    /// The shards in shard order, each with the places of its replicas in `replicas`.
    ///
    /// A shard that nobody serves is there too, where `shard-count` reserves its slot: its keys wait
    /// for it instead of moving. A replica whose ordinal is beyond the count serves none.
    #[must_use]
    pub fn shards(&self) -> Vec<(ShardName, Vec<usize>)> {
        let mut shards = BTreeMap::<ShardName, Vec<usize>>::new();
        if self.unserved.is_some() {
            return Vec::new();
        }
        for (place, replica) in self.replicas.iter().enumerate() {
            shards.entry(self.shard_of(replica)).or_default().push(place);
        }
        let Some(slots) = self.slots() else { return shards.into_iter().collect() };
        let mut slots: Vec<_> = slots
            .into_iter()
            .map(|slot| shards.remove_entry(&slot).unwrap_or((slot, Vec::new())))
            .collect();
        slots.sort_by(|(left, _), (right, _)| left.cmp(right));
        slots
    }

    /// Whether `shard-count` can be kept: it asks for no slots, or the shards that are seen are
    /// numbered `STEM-ORDINAL` as the slots are, so that the missing ones have names.
    #[must_use]
    pub fn keeps_count(&self) -> bool {
        self.policy.shard_count == ShardCount::Observed || self.slots().is_some()
    }

    /// The replicas that serve none of the slots which a number of shards reserves, each with its
    /// shard's ordinal.
    #[must_use]
    pub fn beyond_count(&self) -> Vec<(&Replica, u32)> {
        let ShardCount::Fixed(count) = self.policy.shard_count else { return Vec::new() };
        if !self.keeps_count() {
            return Vec::new();
        }
        let ordinal = |replica| self.shard_of(replica).numbered().map(|name| name.ordinal);
        let numbered =
            self.replicas.iter().filter_map(|replica| Some((replica, ordinal(replica)?)));
        numbered.filter(|(_, ordinal)| *ordinal >= count.get()).collect()
    }

    /// The slots that `shard-count` reserves, if it does and they have names.
    fn slots(&self) -> Option<Vec<ShardName>> {
        let name = |stem: &str, ordinal: u32, rest: &str| {
            ShardName::new(&format!("{stem}-{ordinal}{rest}"))
        };
        match self.policy.shard_count {
            ShardCount::Observed => None,
            ShardCount::Fixed(count) => {
                let (stem, rest) = self.around()?;
                Some((0..count.get()).map(|ordinal| name(&stem, ordinal, &rest)).collect())
            }
            ShardCount::StatefulSet => {
                let sets = &self.desired;
                // Anyone may scale a StatefulSet to a thousand million; nobody has so many shards.
                let count = sets.iter().map(|set| u64::from(set.count)).sum::<u64>();
                let numbered = |replica: &Replica| {
                    self.shard_of(replica).numbered().is_some_and(|name| {
                        sets.iter().any(|set| *set.stem == *name.stem && *set.rest == *name.rest)
                    })
                };
                let kept = !sets.is_empty()
                    && count <= u64::from(ShardCount::MOST)
                    && self.replicas.iter().all(numbered);
                let slots = sets.iter().flat_map(|set| {
                    let ordinals = (0..set.count).map(|number| set.first.saturating_add(number));
                    ordinals.map(|ordinal| name(&set.stem, ordinal, &set.rest))
                });
                kept.then(|| slots.collect())
            }
        }
    }

    /// What all shards' names share around their numbers; where there are none, what the StatefulSet's
    /// have, or the service's name.
    fn around(&self) -> Option<(String, String)> {
        let mut shared = None::<(String, String)>;
        for replica in &self.replicas {
            let shard = self.shard_of(replica);
            let Numbered { stem, rest, ordinal: _ } = shard.numbered()?;
            let first = shared.get_or_insert_with(|| (stem.to_owned(), rest.to_owned()));
            if (&*first.0, &*first.1) != (stem, rest) {
                return None;
            }
        }
        let none = || {
            let set = self.desired.first();
            let (stem, rest) = set.map_or((self.name.as_str(), ""), |set| (&set.stem, &set.rest));
            (stem.to_owned(), rest.to_owned())
        };
        Some(shared.unwrap_or_else(none))
    }

    /// The shard that a replica serves: the one it was told, else as `shard-identity` says.
    fn shard_of(&self, replica: &Replica) -> ShardName {
        if let Some(shard) = &replica.shard {
            return shard.clone();
        }
        match (self.policy.identity, &replica.uid) {
            (Identity::Address, _) => ShardName::new(&replica.address.to_string()),
            (Identity::Uid, Some(uid)) => ShardName::new(uid),
            (Identity::Auto | Identity::Name | Identity::Uid | Identity::Host, _) => {
                ShardName::new(replica.name.as_str())
            }
        }
    }
}
