//! What is between the replicas of a simulation? A network that takes its time, and may be cut.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt;
use metaparticle_gateway::model::Answer;
use metaparticle_gateway::send::{Carrier, Failure, LeafBody, Letter};
use metaparticle_gateway::snapshot::Replica;
use tokio::time::sleep;

use crate::context::Seat;
use crate::pattern::{Answering, Role};

/// All messages take at least this long.
const LEAST: Duration = Duration::from_micros(200);

/// A network, with who is on it.
pub(super) struct Network(Mutex<State>);

struct State {
    nodes: BTreeMap<String, Node>,
    /// Pairs that cannot hear each other; one without another hears nobody.
    cuts: BTreeSet<(String, Option<String>)>,
    chance: fastrand::Rng,
}

struct Node {
    role: Role,
    seat: Arc<Seat>,
    /// None while it is dead.
    answering: Option<Answering>,
    takes: Option<Duration>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("nodes", &self.state().nodes.len()).finish_non_exhaustive()
    }
}

impl Network {
    pub(super) fn new(chance: fastrand::Rng) -> Self {
        Self(Mutex::new(State { nodes: BTreeMap::new(), cuts: BTreeSet::new(), chance }))
    }

    /// Has `replica`, alive.
    pub(super) fn seat(&self, replica: &str, role: Role, seat: Arc<Seat>) {
        let answering = Some(role.open(Arc::clone(&seat)));
        let node = Node { role, seat, answering, takes: None };
        self.state().nodes.insert(replica.to_owned(), node);
    }

    pub(super) fn cut(&self, one: &str, other: Option<&str>) {
        self.state().cuts.insert((one.to_owned(), other.map(str::to_owned)));
    }

    pub(super) fn heal(&self) {
        self.state().cuts.clear();
    }

    #[track_caller]
    pub(super) fn kill(&self, replica: &str) {
        self.state().node(replica).answering = None;
    }

    #[track_caller]
    pub(super) fn revive(&self, replica: &str) {
        let mut state = self.state();
        let node = state.node(replica);
        node.answering = Some(node.role.open(Arc::clone(&node.seat)));
    }

    #[track_caller]
    pub(super) fn slow(&self, replica: &str, takes: Duration) {
        self.state().node(replica).takes = Some(takes);
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

    /// Whether a message gets from one to the other.
    fn hears(&self, from: &str, to: &str) -> bool {
        let cut = |one: &str, other: Option<&str>| {
            self.cuts.contains(&(one.to_owned(), other.map(str::to_owned)))
        };
        !(cut(from, None) || cut(to, None) || cut(from, Some(to)) || cut(to, Some(from)))
    }

    /// How long a message to `node` takes: mostly a millisecond or two, seldom twenty.
    fn takes(&mut self, node: &str) -> Duration {
        let long = self.chance.f64();
        let drawn = LEAST + Duration::from_micros(300).mul_f64(1.0 / (1.015 - long));
        self.nodes.get(node).and_then(|node| node.takes).unwrap_or(drawn)
    }
}

/// One end of the network: who asks, by what it is called.
#[derive(Debug, Clone)]
pub(super) struct Cable {
    pub(super) from: Arc<str>,
    pub(super) network: Arc<Network>,
}

impl Carrier for Cable {
    async fn carry(
        &self,
        replica: &Arc<Replica>,
        letter: &mut Letter<'_>,
    ) -> Result<Answer<LeafBody>, Failure> {
        let to = replica.name.as_str();
        let request = letter.take_request(replica);
        let (hears, takes, answering) = {
            let mut state = self.network.state();
            let takes = state.takes(to);
            let answering = state.nodes.get(to).and_then(|node| node.answering.clone());
            (state.hears(&self.from, to), takes, answering)
        };
        if !hears {
            return pending().await;
        }
        sleep(takes).await;
        let Some(answering) = answering else {
            return Err(Failure::connect("connection refused", request.into_body()));
        };
        let response = answering(request.map(|body| body.map_err(Into::into).boxed_unsync())).await;
        // Who was cut off, or died, while it worked is not heard.
        let (hears, lives) = {
            let state = self.network.state();
            let lives = state.nodes.get(to).is_some_and(|node| node.answering.is_some());
            (state.hears(&self.from, to), lives)
        };
        if !lives {
            return Err(Failure::broken("connection reset"));
        }
        if !hears {
            return pending().await;
        }
        Ok(Answer::from(response.map(LeafBody::other)))
    }
}
