//! How does an application behave when the network does not? A simulation: all of it in one thread, in paused
//! time, without a socket. What happens by chance follows from a seed.
//!
//! ```
//! use metaparticle::prelude::*;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<()> {
//! let sums = app("sums").service("ten", scatter(10, async || Ok(1), "sum").quorum(8).public());
//! let world = sums.simulate(7)?;
//! world.cut("ten-3");                                     // nothing reaches it, and nobody is told
//! let answer = world.get("/").await;
//! assert_eq!(answer.coverage().as_deref(), Some("9 of 10"));
//! assert_eq!(answer.json::<u32>()?, 9);
//! # Ok(())
//! # }
//! ```
//!
//! It needs a runtime with one thread and paused time: `#[tokio::test(start_paused = true)]`.

mod network;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::header::HOST;
use http::{HeaderValue, StatusCode};
use metaparticle_gateway::snapshot;
use metaparticle_gateway::tasks::Clock;
use metaparticle_sync::Sync as Locks;
use metaparticle_sync::holder::Held;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::{Context, Seat, Settings, Tools, Trip};
use crate::pattern::{App, Indexed, Mistakes, Setting};
use crate::reply::{self, Reply, request};
use crate::road::{Door, Inside, world};
use crate::scope::Memory;
use crate::wire::Result;

use self::network::{Cable, Network, Storage};

/// Who asks from outside, as far as cuts go.
pub const OUTSIDE: &str = "outside";
/// Where scopes are, as far as cuts go.
pub const STORE: &str = "the store";

/// An application in a simulated world.
#[derive(Debug)]
pub struct Sim {
    network: Arc<Network>,
    outside: Inside<Cable>,
    inside: Arc<Inside<Cable>>,
    /// Those of jobs and leaders.
    seats: BTreeMap<String, Arc<Seat>>,
    jobs: Vec<Indexed>,
    locks: Locks,
}

impl App {
    /// All of it in a simulated world, in which what happens by chance follows from `seed`: how long each
    /// message takes, and what [`Context::chance`] gives.
    ///
    /// Secrets are empty there. Jobs and leaders do not run by themselves: [`Sim::work`] does a job, and a leader
    /// is a function that a test calls with what [`Sim::hold`] and [`Sim::context`] give.
    ///
    /// # Errors
    /// When the application is not right.
    pub fn simulate(&self, seed: u64) -> Result<Sim, Mistakes> {
        self.check()?;
        // The road draws from the thread's chance.
        fastrand::seed(seed);
        let mut chance = fastrand::Rng::with_seed(seed);
        let (mut inner, within) = snapshot::channel();
        let (mut outer, without) = snapshot::channel();
        let (network, clock) = (Arc::new(Network::new(chance.fork())), Clock::start());
        let cable = |from: &str| Cable { from: from.into(), network: Arc::clone(&network) };
        let (locks, values) = (Locks::memory(), Arc::new(Memory::default()));
        let mut seat = |owner: &str, place: (u32, &str), count| {
            let (cable, values) = (cable(place.1), Arc::clone(&values));
            let scopes = Arc::new(Storage { cable: cable.clone(), values });
            let (settings, declared) = (self.simulated_settings(), self.declared());
            let tools = Tools { locks: Some(locks.clone()), scopes, settings, declared };
            let caller = Arc::new(Inside::new(within.clone(), cable, clock));
            Seat::new(owner, place, count, Arc::new(tools), caller, chance.fork())
        };
        let mut seats = BTreeMap::new();
        for service in &self.services {
            for (index, replica) in service.replicas() {
                let seat = seat(&service.name, (index, &replica), service.count);
                let seat = Arc::new(seat.asked_in(service.body_most()));
                network.seat(&replica, service.role.clone(), seat);
            }
        }
        let jobs = self.jobs.iter().map(|job| (&job.name, job.count));
        let leaders = self.leaders.iter().map(|leader| (&leader.name, leader.count));
        for (owner, count) in jobs.chain(leaders) {
            for index in 0..count {
                let name = format!("{owner}-{index}");
                network.name(&name);
                let seat = Arc::new(seat(owner, (index, &name), count));
                seats.insert(name, seat);
            }
        }
        [OUTSIDE, STORE].into_iter().for_each(|name| network.name(name));
        let inside = Arc::new(Inside::new(within.clone(), cable("a test"), clock));
        let outside = Inside::new(without, cable(OUTSIDE), clock);
        let services: Vec<_> = self.services.iter().collect();
        // Nobody connects: the cable carries by name.
        let nowhere = |_: &str| Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        inner.publish(&world(self, &services, Door::Inside, nowhere));
        outer.publish(&world(self, &services, Door::Outside, nowhere));
        let jobs = self.jobs.clone();
        Ok(Sim { network, outside, inside, seats, jobs, locks })
    }

    fn simulated_settings(&self) -> Settings {
        let mut settings = Settings::default();
        for (owner, name, setting) in self.settings() {
            let value = match setting {
                Setting::Value(value) => value.clone(),
                Setting::Secret(_) => String::new(),
            };
            settings.insert(owner, name, value);
        }
        settings
    }
}

impl Sim {
    /// Asks from outside.
    pub async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], "").await
    }

    /// Asks from outside, with a body.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Reply {
        self.ask("POST", path, &[], body).await
    }

    /// Asks from outside, with headers: `host` is one of them.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let answered = match request(method, path, headers, body.into()) {
            Ok(mut request) => {
                let host = HeaderValue::from_static(OUTSIDE);
                request.headers_mut().entry(HOST).or_insert(host);
                self.outside.ask(request).await
            }
            Err(wrong) => Err(wrong),
        };
        let broken = |why: crate::wire::Error| {
            let mut response = http::Response::new(Bytes::from(why.in_full()));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        };
        answered.unwrap_or_else(broken).into()
    }

    /// Asks a service from inside, public or not, as its handlers do.
    ///
    /// # Errors
    /// When it does not answer, or not with what is expected.
    pub async fn call<A, R>(&self, service: &str, ask: &A) -> Result<R>
    where
        A: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        reply::call(&*self.inside, service, ask).await
    }

    /// Does all parts of a job, as many at a time as it says.
    ///
    /// # Errors
    /// When a part failed.
    ///
    /// # Panics
    /// When there is no such job.
    pub async fn work(&self, job: &str) -> Result<()> {
        let found = self.jobs.iter().find(|one| one.name == job);
        let job = found.unwrap_or_else(|| panic!("there is no job `{job}`"));
        let seat = |index| Arc::clone(&self.seats[&format!("{}-{index}", job.name)]);
        let parts = stream::iter((0..job.count).map(|index| (job.work)(seat(index))));
        let done: Vec<_> = parts.buffer_unordered(job.parallelism as usize).collect().await;
        done.into_iter().collect()
    }

    /// The context of a candidate or of a part of a job, such as `ticker-0`, to call its function with.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[track_caller]
    pub fn context(&self, name: &str) -> Context {
        let Some(seat) = self.seats.get(name) else {
            let names: Vec<_> = self.seats.keys().map(String::as_str).collect();
            panic!("no job and no leader has a `{name}`; there are {}", names.join(", "));
        };
        Context::new(Arc::clone(seat), Arc::new(()), Trip::default())
    }

    /// Holds a lock, or leads, until what this gives is dropped.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn hold(&self, name: &str) -> Result<Held> {
        Ok(self.locks.lock(name).acquire().await?)
    }

    /// Nothing reaches `replica` any more, nor comes from it, and nobody is told. All scopes, where it is
    /// [`STORE`]. Locks are not cut off: their store is everywhere.
    ///
    /// # Panics
    /// When there is nobody of this name; so it is with all that follow.
    #[track_caller]
    pub fn cut(&self, replica: &str) {
        self.network.cut(replica, None);
    }

    /// Nothing goes between the two, either way, and nobody is told; who asks from outside is [`OUTSIDE`].
    #[track_caller]
    pub fn part(&self, one: &str, other: &str) {
        self.network.cut(one, Some(other));
    }

    /// All that was cut or parted is well again.
    pub fn heal(&self) {
        self.network.heal();
    }

    /// Ends `replica` as a crash does: what it was at breaks off, who connects is refused, its state is gone.
    #[track_caller]
    pub fn kill(&self, replica: &str) {
        self.network.kill(replica);
    }

    /// Starts `replica` again after a crash, with a new state.
    #[track_caller]
    pub fn revive(&self, replica: &str) {
        self.network.revive(replica);
    }

    /// From now on messages to `replica` take this long.
    #[track_caller]
    pub fn slow(&self, replica: &str, takes: Duration) {
        self.network.slow(replica, takes);
    }
}
