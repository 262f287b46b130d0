//! How does a program begin? It connects once, and asks for locks by name.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures::Stream;
use kube::config::InferConfigError;
use rustix::system::uname;
use tokio::sync::Mutex as Place;

use crate::clock::{Boot, Clock, Paused};
use crate::elect::Election;
use crate::holder::World;
use crate::lock::Lock;
use crate::name::{Identity, Name};
use crate::observe::{self, Leader};
use crate::shards::Shards;
use crate::store::{Leases, Memory, Store};
use crate::tasks::Tasks;

/// Where locks come from. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Sync(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    world: World,
    process: Box<str>,
    chance: Mutex<fastrand::Rng>,
    /// Who waits in this process for the same name waits here, first come, first served.
    places: Mutex<HashMap<Name, Weak<Place<()>>>>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum NotConnected {
    /// There is no cluster to be found.
    #[error(
        "no cluster: there is neither a kubeconfig nor a service account here. In a program that runs \
         once, and in tests, use `Sync::memory()`"
    )]
    NoCluster(#[source] Box<InferConfigError>),
    /// The cluster's description is not right.
    #[error("the cluster cannot be reached as it is described")]
    Client(#[source] Box<kube::Error>),
}

impl Sync {
    /// Locks are Leases in the namespace that this program runs in: that of its pod, or of the kubeconfig's
    /// context. The service account needs the verbs get, list, watch, create and update for them.
    ///
    /// # Errors
    /// When there is no cluster. That nobody answers there is told by whoever asks for a lock.
    pub async fn connect() -> Result<Self, NotConnected> {
        let no_cluster = |error| NotConnected::NoCluster(Box::new(error));
        let config = kube::Config::infer().await.map_err(no_cluster)?;
        let namespace = config.default_namespace.clone();
        let client = Leases::client(config);
        let client = client.map_err(|error| NotConnected::Client(Box::new(error)))?;
        Ok(Self::new(Leases::new(client, &namespace), Boot))
    }

    /// Locks are in this process alone: for programs that run once, and for tests, whose paused time they
    /// follow.
    #[must_use]
    pub fn memory() -> Self {
        Self::new(Memory::new(), Paused::default())
    }

    /// Locks are records of `store`, and time is `clock`'s.
    #[must_use]
    pub fn new(store: impl Store, clock: impl Clock) -> Self {
        let name = uname();
        let host = name.nodename().to_string_lossy();
        let process = format!("{host}_{:08x}", fastrand::u32(..));
        Self::named(&process, fastrand::u64(..), store, clock)
    }

    /// The same, as a process that is called `process`, whose choices follow from `seed`: for simulations.
    #[must_use]
    pub fn named(process: &str, seed: u64, store: impl Store, clock: impl Clock) -> Self {
        let world =
            World { store: Arc::new(store), clock: Arc::new(clock), tasks: Tasks::default() };
        Self(Arc::new(Shared {
            world,
            process: process.into(),
            chance: Mutex::new(fastrand::Rng::with_seed(seed)),
            places: Mutex::default(),
        }))
    }

    /// A lock that one holds at a time.
    pub fn lock(&self, name: &str) -> Lock {
        Lock::new(self.clone(), name, None)
    }

    /// A lock that `permits` hold at a time, each in a Lease of its own: `gpu-0`, `gpu-1`, …
    pub fn semaphore(&self, name: &str, permits: u32) -> Lock {
        Lock::new(self.clone(), name, Some(permits.max(1)))
    }

    /// An election: somebody leads, and when it is lost somebody else does.
    pub fn elect(&self, name: &str) -> Election {
        Election::new(self.lock(name))
    }

    /// Who holds a lock, and who comes after: for those who do not want it.
    pub fn observe(&self, name: &str) -> impl Stream<Item = Option<Leader>> + Send + Unpin + use<> {
        observe::leaders(&self.0.world, &Name::of(name))
    }

    /// `count` shards of work, each of which one process owns at a time.
    pub fn shards(&self, name: &str, count: u32) -> Shards {
        Shards::new(self.clone(), name, count)
    }

    /// Stops contending, waits until all work that holds something has ended, and gives everything back.
    ///
    /// Whoever leads should be told to stop first: this waits for it.
    pub async fn shutdown(&self) {
        self.0.world.tasks.end().await;
    }

    pub(crate) fn world(&self) -> &World {
        &self.0.world
    }

    /// Somebody of this process who contends for himself.
    pub(crate) fn contender(&self) -> (Identity, fastrand::Rng) {
        let mut chance = self.0.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let identity = Identity::of_process(&self.0.process, chance.u64(..));
        (identity, chance.fork())
    }

    /// Where this process waits for `name`.
    pub(crate) fn place(&self, name: &Name) -> Arc<Place<()>> {
        let mut places = self.0.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(name).and_then(Weak::upgrade) {
            return place;
        }
        places.retain(|_, place| place.strong_count() > 0);
        let place = Arc::default();
        places.insert(name.clone(), Arc::downgrade(&place));
        place
    }
}

/// How long a Lease lasts where nobody says otherwise: what controllers use.
pub(crate) const TTL: Duration = Duration::from_secs(15);
