//! How long does a leaf take? By a seeded chance, as the paper tells it.

use std::f64::consts::TAU;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use fastrand::Rng;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use metaparticle_gateway::file;
use metaparticle_gateway::model::{Answer, World};
use metaparticle_gateway::send::{Carrier, Failure, LeafBody, Letter};
use metaparticle_gateway::snapshot::Replica;
use tokio::time::{Instant, sleep};

use crate::trial::{Trial, second};

/// How many leaves an answer needs.
pub(crate) const LEAVES: usize = 100;
/// Replicas of each: a hedge needs a second one.
pub(crate) const REPLICAS: usize = 2;
/// What a leaf usually takes, and what one that is slow takes besides.
const USUAL: Duration = Duration::from_millis(10);
pub(crate) const SLOW: Duration = Duration::from_secs(1);
/// Requests for which a leaf is slow.
const SLOW_SHARE: f64 = 0.01;
/// The paper's table 1 has one leaf at 1 ms, 5 ms and 10 ms (50th, 95th, 99th percentile): a
/// log-normal distribution of this width (ln 5 / 1.645 = 0.98, ln 10 / 2.326 = 0.99).
const WIDTH: f64 = 0.98;
/// What a leaf says.
pub(crate) const SAYS: &str = "[1]";

/// How the times of leaves that are not slow are distributed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Times {
    /// All alike, as in the paper's example.
    Example,
    /// As wide as the paper's table 1 has them.
    Table,
}

impl Times {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Example => "A leaf takes 10 ms; for 1 % of requests a second more",
            Self::Table => {
                "A leaf takes 10 ms at the median, 50 at p95, 98 at p99; for 1 % of requests a \
                 second more"
            }
        }
    }

    fn usual(self, chance: &mut Rng) -> Duration {
        match self {
            Self::Example => USUAL,
            Self::Table => {
                // Box and Muller's transform; 1 - x, because the logarithm of 0 is none.
                let (one, other) = (1.0 - chance.f64(), chance.f64());
                let normal = (-2.0 * one.ln()).sqrt() * (TAU * other).cos();
                USUAL.mul_f64((WIDTH * normal).exp())
            }
        }
    }
}

/// All leaves. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Leaves(Arc<State>);

#[derive(Debug)]
struct State {
    times: Times,
    storm: Option<(Duration, Duration)>,
    start: Instant,
    chance: Mutex<Rng>,
    /// Requests, by the second in which they came.
    asked: Mutex<Vec<usize>>,
}

impl Leaves {
    pub(crate) fn new(trial: &Trial) -> Self {
        Self(Arc::new(State {
            times: trial.times,
            storm: trial.storm,
            start: Instant::now(),
            chance: Mutex::new(Rng::with_seed(trial.seed)),
            asked: Mutex::default(),
        }))
    }

    /// One request: counted, and as long as chance makes it.
    pub(crate) async fn answer(&self) -> Response<Bytes> {
        sleep(self.draw()).await;
        let mut response = Response::new(Bytes::from_static(SAYS.as_bytes()));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }

    /// How often they were asked, by second.
    pub(crate) fn asked(&self) -> Vec<usize> {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn draw(&self) -> Duration {
        let State { times, storm, start, chance, asked } = &*self.0;
        let now = start.elapsed();
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let second = second(now);
        if asked.len() <= second {
            asked.resize(second + 1, 0);
        }
        asked[second] += 1;
        let mut chance = chance.lock().unwrap_or_else(PoisonError::into_inner);
        let usual = times.usual(&mut chance);
        let unlucky = chance.f64() < SLOW_SHARE;
        let storm = storm.is_some_and(|(from, until)| (from..until).contains(&now));
        if unlucky || storm { SLOW + usual } else { usual }
    }
}

impl Carrier for Leaves {
    async fn carry(
        &self,
        _: &Arc<Replica>,
        _: &mut Letter<'_>,
    ) -> Result<Answer<LeafBody>, Failure> {
        Ok(self.answer().await.map(LeafBody::whole).into())
    }
}

/// What a gateway's file would say: leaf `n` has the replicas `n-0` and `n-1`, at `addresses` in turn.
pub(crate) fn world(hedge: &str, addresses: &[SocketAddr]) -> anyhow::Result<World> {
    let mut text = format!(
        "services:\n  leaves:\n    pattern: scatter\n    scatter-merge: concat\n    \
         scatter-hedge: {hedge}\n    max-concurrency: 1000000\n    replicas:\n"
    );
    for (place, address) in addresses.iter().enumerate() {
        let (leaf, replica) = (place / REPLICAS, place % REPLICAS);
        let line =
            format_args!("name: leaf-{leaf}-{replica}, address: \"{address}\", shard: leaf-{leaf}");
        writeln!(text, "      - {{ {line} }}")?;
    }
    text.push_str("routes:\n  - { path: /, service: leaves }\n");
    file::read(&text).map_err(|mistakes| anyhow!("{}", file::render("tail", &mistakes)))
}
