//! What is asked for? A service: replicas under one name, with one policy.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::Replica;
use crate::model::Route;
use crate::model::ShardName;
use crate::model::name::name;
use crate::words::{Identity, Policy, Protocol, ShardCount};

#[cfg(test)]
mod tests;

name! {
    /// A service's name, unique in its world: in a file as written, on Kubernetes `namespace/name:port`.
    #[derive(PartialOrd, Ord)]
    ServiceName, "service"
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
    /// Who answers; in any order.
    pub replicas: Vec<Replica>,
    /// How many replicas its StatefulSet desires, where it has one.
    pub desired: Option<u32>,
}

/// All that one source declares at one time.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The services; in any order, names unique.
    pub services: Vec<Service>,
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
        for (place, replica) in self.replicas.iter().enumerate() {
            shards.entry(self.shard_of(replica)).or_default().push(place);
        }
        let Some((stem, count)) = self.reserved().and_then(|count| Some((self.stem()?, count)))
        else {
            return shards.into_iter().collect();
        };
        let slots = (0..count).map(|ordinal| ShardName::new(&format!("{stem}-{ordinal}")));
        slots.map(|slot| shards.remove_entry(&slot).unwrap_or((slot, Vec::new()))).collect()
    }

    /// Whether `shard-count` can be kept: it asks for no slots, or the shards that are seen are
    /// numbered `STEM-ORDINAL` with one stem, so that the missing ones have names.
    #[must_use]
    pub fn keeps_count(&self) -> bool {
        self.reserved().is_none() || self.stem().is_some()
    }

    /// The replicas that serve none of the slots which `shard-count` reserves, each with its shard's
    /// ordinal.
    #[must_use]
    pub fn beyond_count(&self) -> Vec<(&Replica, u32)> {
        let Some(count) = self.reserved().filter(|_| self.keeps_count()) else { return Vec::new() };
        let ordinal = |replica| self.shard_of(replica).ordinal().map(|(_, ordinal)| ordinal);
        let numbered =
            self.replicas.iter().filter_map(|replica| Some((replica, ordinal(replica)?)));
        numbered.filter(|(_, ordinal)| *ordinal >= count).collect()
    }

    /// How many slots are reserved, if any are.
    fn reserved(&self) -> Option<u32> {
        match self.policy.shard_count {
            ShardCount::Observed => None,
            ShardCount::Fixed(count) => Some(count.get()),
            // Anyone may scale a StatefulSet to a thousand million; nobody has so many shards.
            ShardCount::StatefulSet => self.desired.filter(|count| *count <= ShardCount::MOST),
        }
    }

    /// The stem that all shards' names share; the service's name where there are none.
    fn stem(&self) -> Option<String> {
        let mut stem = None;
        for replica in &self.replicas {
            let shard = self.shard_of(replica);
            let (mine, _) = shard.ordinal()?;
            if *stem.get_or_insert_with(|| mine.to_owned()) != mine {
                return None;
            }
        }
        Some(stem.unwrap_or_else(|| self.name.as_str().to_owned()))
    }

    /// The shard that a replica serves: the one it was told, else as `shard-identity` says.
    fn shard_of(&self, replica: &Replica) -> ShardName {
        if let Some(shard) = &replica.shard {
            return shard.clone();
        }
        match (self.policy.identity, &replica.uid) {
            (Identity::Address, _) => ShardName::new(&replica.address.to_string()),
            (Identity::Uid, Some(uid)) => ShardName::new(uid),
            (Identity::Auto | Identity::Name | Identity::Uid, _) => {
                ShardName::new(replica.name.as_str())
            }
        }
    }
}
