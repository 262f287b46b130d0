//! What is between the replicas of a simulation? A network that takes its time, and may be cut.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http_body_util::BodyExt;
use metaparticle_gateway::model::Answer;
use metaparticle_gateway::send::{Carrier, Failure, LeafBody, Letter};
use metaparticle_gateway::snapshot::Replica;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::context::Seat;
use crate::pattern::{Answering, Role};
use crate::scope::{Loaded, Memory, Store, Version};
use crate::sim::STORE;
use crate::wire::Result;

/// All messages take at least this long.
const LEAST: Duration = Duration::from_micros(200);

/// A network, with who is on it.
pub(super) struct Network(Mutex<State>);

struct State {
    nodes: BTreeMap<String, Node>,
    /// All who send or are sent something.
    names: BTreeSet<String>,
    /// Whose messages take how long, where somebody said so.
    slow: BTreeMap<String, Duration>,
    /// Pairs that cannot hear each other; one without another hears nobody.
    cuts: BTreeSet<(String, Option<String>)>,
    chance: fastrand::Rng,
}

struct Node {
    role: Role,
    seat: Arc<Seat>,
    /// None while it is dead.
    life: Option<Life>,
}

/// From a start to a crash.
#[derive(Clone)]
struct Life {
    answering: Answering,
    over: CancellationToken,
}

impl Life {
    fn begin(role: &Role, seat: &Arc<Seat>) -> Self {
        let (answering, over) = (role.open(Arc::clone(seat)), CancellationToken::new());
        Self { answering, over }
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("nodes", &self.state().nodes.len()).finish_non_exhaustive()
    }
}

impl Network {
    pub(super) fn new(chance: fastrand::Rng) -> Self {
        let (nodes, names, slow) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Self(Mutex::new(State { nodes, names, slow, cuts: BTreeSet::new(), chance }))
    }

    /// Has somebody of this name.
    pub(super) fn name(&self, name: &str) {
        self.state().names.insert(name.to_owned());
    }

    /// Has `replica`, alive.
    pub(super) fn seat(&self, replica: &str, role: Role, seat: Arc<Seat>) {
        let life = Some(Life::begin(&role, &seat));
        self.name(replica);
        self.state().nodes.insert(replica.to_owned(), Node { role, seat, life });
    }

    #[track_caller]
    pub(super) fn cut(&self, one: &str, other: Option<&str>) {
        let mut state = self.state();
        [one].into_iter().chain(other).for_each(|name| state.knows(name));
        state.cuts.insert((one.to_owned(), other.map(str::to_owned)));
    }

    pub(super) fn heal(&self) {
        self.state().cuts.clear();
    }

    #[track_caller]
    pub(super) fn kill(&self, replica: &str) {
        let life = self.state().node(replica).life.take();
        life.into_iter().for_each(|life| life.over.cancel());
    }

    #[track_caller]
    pub(super) fn revive(&self, replica: &str) {
        let mut state = self.state();
        let node = state.node(replica);
        node.life.get_or_insert_with(|| Life::begin(&node.role, &node.seat));
    }

    #[track_caller]
    pub(super) fn slow(&self, name: &str, takes: Duration) {
        let mut state = self.state();
        state.knows(name);
        state.slow.insert(name.to_owned(), takes);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    #[track_caller]
    fn node(&mut self, replica: &str) -> &mut Node {
        let names: Vec<_> = self.nodes.keys().cloned().collect();
        let found = self.nodes.get_mut(replica);
        found.unwrap_or_else(|| panic!("there is no `{replica}`; there are {}", names.join(", ")))
    }

    #[track_caller]
    fn knows(&self, name: &str) {
        let names: Vec<_> = self.names.iter().map(String::as_str).collect();
        assert!(names.contains(&name), "there is no `{name}`; there are {}", names.join(", "));
    }

    /// Whether a message gets from one to the other.
    fn hears(&self, from: &str, to: &str) -> bool {
        let cut = |one: &str, other: Option<&str>| {
            self.cuts.contains(&(one.to_owned(), other.map(str::to_owned)))
        };
        !(cut(from, None) || cut(to, None) || cut(from, Some(to)) || cut(to, Some(from)))
    }

    /// How long a message to `name` takes: mostly a millisecond or two, seldom twenty.
    fn takes(&mut self, name: &str) -> Duration {
        let long = self.chance.f64();
        let drawn = LEAST + Duration::from_micros(300).mul_f64(1.0 / (1.015 - long));
        self.slow.get(name).copied().unwrap_or(drawn)
    }
}

/// One end of the network: who asks, by what it is called.
#[derive(Debug, Clone)]
pub(super) struct Cable {
    pub(super) from: Arc<str>,
    pub(super) network: Arc<Network>,
}

impl Cable {
    /// A message arrives; never, where the two do not hear each other.
    async fn reach(&self, to: &str) {
        let (hears, takes) = {
            let mut state = self.network.state();
            (state.hears(&self.from, to), state.takes(to))
        };
        if !hears {
            return pending().await;
        }
        sleep(takes).await;
    }

    /// What is said to it is heard; never, where the two were cut off meanwhile.
    async fn hear(&self, to: &str) {
        if !self.network.state().hears(&self.from, to) {
            pending().await
        }
    }
}

/// The store of scopes, at the other end of a cable.
#[derive(Debug)]
pub(super) struct Storage {
    pub(super) cable: Cable,
    pub(super) values: Arc<Memory>,
}

impl Store for Storage {
    fn load<'s>(&'s self, name: &'s str) -> BoxFuture<'s, Result<Option<Loaded>>> {
        async {
            self.cable.reach(STORE).await;
            let found = self.values.load(name).await;
            self.cable.hear(STORE).await;
            found
        }
        .boxed()
    }

    fn swap<'s>(
        &'s self,
        name: &'s str,
        over: Option<&'s Version>,
        value: &'s [u8],
    ) -> BoxFuture<'s, Result<bool>> {
        async move {
            self.cable.reach(STORE).await;
            let written = self.values.swap(name, over, value).await;
            self.cable.hear(STORE).await;
            written
        }
        .boxed()
    }
}

impl Carrier for Cable {
    async fn carry(
        &self,
        replica: &Arc<Replica>,
        letter: &mut Letter<'_>,
    ) -> std::result::Result<Answer<LeafBody>, Failure> {
        let to = replica.name.as_str();
        let request = letter.take_request(replica);
        self.reach(to).await;
        let life = self.network.state().nodes.get(to).and_then(|node| node.life.clone());
        let Some(Life { answering, over }) = life else {
            return Err(Failure::connect("connection refused", request.into_body()));
        };
        let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
        let response = tokio::select! {
            biased;
            // Its work is dropped with it.
            () = over.cancelled() => return Err(Failure::broken("connection reset")),
            response = answering(request) => response,
        };
        self.hear(to).await;
        Ok(Answer::from(response.map(LeafBody::other)))
    }
}
