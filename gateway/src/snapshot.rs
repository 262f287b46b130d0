//! What does a request see? One immutable picture of all services, shards, replicas and routes.
//!
//! One [`Publisher`] paints, many [`Latest`] look. A picture is swapped in whole, so a request that
//! took it at the door lives in it to the end, and readers never wait for writers. What did not
//! change between two worlds (a ring, the counters of a replica) is carried over, not made again.

mod assemble;
mod live;
mod publish;
mod routes;

pub use self::live::{
    BUCKETS, Budget, Histogram, InFlight, Places, Recent, ReplicaLive, ServiceLive, Timed,
};
pub use self::publish::{Latest, Publisher, channel};
pub use self::routes::{Paths, Route, Routes};

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderValue;

use crate::model::{self, ReplicaName, ServiceName, ShardIndex, ShardName, Tls};
use crate::ring::Ring;
use crate::words::{Policy, Protocol};

/// One picture.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// How many pictures came before it.
    pub version: u64,
    /// The services, by name.
    pub services: Vec<Arc<Service>>,
    /// The way to them.
    pub routes: Routes,
}

impl Snapshot {
    /// The service called `name`.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Arc<Service>> {
        let place = self.services.binary_search_by(|service| service.name.as_str().cmp(name));
        place.ok().map(|place| &self.services[place])
    }
}

/// A service, resolved.
#[derive(Debug)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// What it asks for, where a route says nothing else.
    pub policy: Arc<Policy>,
    /// All replicas, by name.
    pub replicas: Vec<Arc<Replica>>,
    /// The shards, in shard order.
    pub shards: Vec<Shard>,
    /// Who owns a key.
    pub ring: Arc<Ring>,
    /// How many shards there are, as a header says it.
    pub shard_count: HeaderValue,
    /// The places of the replicas that want requests.
    pub ready: Vec<u32>,
    /// What outlives this picture.
    pub live: Arc<ServiceLive>,
    /// What it was made of.
    declared: Arc<model::Service>,
}

impl Service {
    /// The shard at `index` of this picture.
    #[must_use]
    pub fn shard(&self, index: ShardIndex) -> &Shard {
        &self.shards[index.place()]
    }

    /// Why nobody is asked, whoever is there.
    #[must_use]
    pub fn unserved(&self) -> Option<&Arc<str>> {
        self.declared.unserved.as_ref()
    }

    /// Requests in flight at the replicas of `shard`.
    #[must_use]
    pub fn in_flight(&self, shard: &Shard) -> u32 {
        shard.ready.iter().map(|place| self.replicas[*place as usize].live.in_flight()).sum()
    }
}

/// A shard, resolved.
#[derive(Debug)]
pub struct Shard {
    /// Its name.
    pub name: ShardName,
    /// Its name, as a header says it.
    pub value: HeaderValue,
    /// The places of the replicas that serve it and want requests; none while its owner is away.
    pub ready: Vec<u32>,
}

/// A replica, resolved.
#[derive(Debug)]
pub struct Replica {
    /// Its name.
    pub name: ReplicaName,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it speaks.
    pub protocol: Protocol,
    /// Which shard it serves.
    pub shard: Option<ShardIndex>,
    /// That shard's name.
    pub shard_name: Option<ShardName>,
    /// That shard's name, as a header says it.
    pub shard_value: Option<HeaderValue>,
    /// Whether it wants requests.
    pub ready: bool,
    /// What is asked of it before anything is sent, where it speaks TLS.
    pub tls: Option<Arc<Tls>>,
    /// A number that no other replica of this process ever had: the pool's key.
    pub id: u64,
    /// What outlives this picture.
    pub live: Arc<ReplicaLive>,
}

impl Replica {
    /// Its address, as a `Host` header says it.
    ///
    /// # Panics
    /// Never: an address is a header's value.
    #[must_use]
    pub fn host(&self) -> HeaderValue {
        HeaderValue::try_from(self.address.to_string()).expect("an address")
    }
}
