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

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, StatusCode};
use metaparticle_gateway::snapshot;
use metaparticle_gateway::tasks::Clock;
use metaparticle_sync::Sync as Locks;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::{Caller, Seat, Tools};
use crate::pattern::{App, Mistakes, Setting};
use crate::reply::{self, Reply};
use crate::road::{Door, Inside, world};
use crate::scope::Memory;
use crate::wire::Result;

use self::network::{Cable, Network};

/// Who asks from outside, as far as cuts go.
pub const OUTSIDE: &str = "outside";

/// An application in a simulated world.
#[derive(Debug)]
pub struct Sim {
    network: Arc<Network>,
    outside: Inside<Cable>,
    inside: Arc<Inside<Cable>>,
}

impl App {
    /// All of it in a simulated world, in which what happens by chance follows from `seed`: how long each
    /// message takes, and what [`Context::chance`](crate::context::Context::chance) gives.
    ///
    /// Secrets are empty there. Jobs and leaders do not run: they are functions that tests can call.
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
        let inside = Arc::new(Inside::new(within.clone(), cable("a test"), clock));
        let outside = Inside::new(without, cable(OUTSIDE), clock);
        let tools = Arc::new(self.simulated_tools());
        for service in &self.services {
            for (index, replica) in service.replicas() {
                let road = Inside::new(within.clone(), cable(&replica), clock);
                let (tools, caller): (_, Arc<dyn Caller>) = (Arc::clone(&tools), Arc::new(road));
                let place = (index, replica.as_str());
                let seat =
                    Seat::new(&service.name, place, service.count, tools, caller, chance.fork());
                network.seat(&replica, service.role.clone(), Arc::new(seat));
            }
        }
        let services: Vec<_> = self.services.iter().collect();
        // Nobody connects: the cable carries by name.
        let nowhere = |_: &str| Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        inner.publish(&world(self, &services, Door::Inside, nowhere));
        outer.publish(&world(self, &services, Door::Outside, nowhere));
        Ok(Sim { network, outside, inside })
    }

    fn simulated_tools(&self) -> Tools {
        let mut tools = Tools {
            locks: Some(Locks::memory()),
            scopes: Arc::new(Memory::default()),
            settings: Default::default(),
            declared: self.declared(),
        };
        for service in &self.services {
            for (name, setting) in &service.settings {
                let value = match setting {
                    Setting::Value(value) => value.clone(),
                    Setting::Secret(_) => String::new(),
                };
                tools.settings.insert(format!("{}/{name}", service.name), value);
            }
        }
        tools
    }
}

impl Sim {
    /// Asks from outside.
    pub async fn get(&self, path: &str) -> Reply {
        self.ask(http::Request::get(path), Bytes::new()).await
    }

    /// Asks from outside, with a body.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Reply {
        self.ask(http::Request::post(path), body.into()).await
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

    /// Nothing reaches `replica` any more, nor comes from it, and nobody is told.
    pub fn cut(&self, replica: &str) {
        self.network.cut(replica, None);
    }

    /// Nothing goes between the two, either way, and nobody is told; who asks from outside is [`OUTSIDE`].
    pub fn part(&self, one: &str, other: &str) {
        self.network.cut(one, Some(other));
    }

    /// All that was cut or parted is well again.
    pub fn heal(&self) {
        self.network.heal();
    }

    /// Ends `replica` as a crash does: who connects is refused, and its state is gone.
    pub fn kill(&self, replica: &str) {
        self.network.kill(replica);
    }

    /// Starts `replica` again, with a new state.
    pub fn revive(&self, replica: &str) {
        self.network.revive(replica);
    }

    /// From now on messages to `replica` take this long.
    pub fn slow(&self, replica: &str, takes: Duration) {
        self.network.slow(replica, takes);
    }

    async fn ask(&self, request: http::request::Builder, body: Bytes) -> Reply {
        let request = request.header(HOST, HeaderValue::from_static(OUTSIDE)).body(body);
        let answered = match request {
            Ok(request) => self.outside.ask(request).await,
            Err(wrong) => Err(wrong.into()),
        };
        let broken = |why: crate::wire::Error| {
            let mut response = http::Response::new(Bytes::from(why.in_full()));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        };
        answered.unwrap_or_else(broken).into()
    }
}
