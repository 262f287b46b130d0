//! What does a client see while something happens? An open loop: requests go out at their times, however
//! long answers take, over a bounded number of connections.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::Asker;

/// A load: requests for `/users/K` of this many keys, so many a second.
#[derive(Debug, Clone)]
pub struct Load {
    /// Which host.
    pub host: String,
    /// How many a second.
    pub rate: u64,
    /// How many keys.
    pub keys: u64,
    /// Over how many connections.
    pub connections: u64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many were asked.
    pub asked: u64,
    /// How many failed, by what came instead of an answer.
    pub failed: BTreeMap<String, u64>,
    /// Which replicas answered for a key, each with how often.
    pub owners: BTreeMap<u64, BTreeMap<String, u64>>,
    /// The slowest answer.
    pub slowest: Duration,
}

impl Outcome {
    /// How many failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Answers of another replica than `owners` says.
    #[must_use]
    pub fn strangers(&self, owners: &BTreeMap<u64, String>) -> u64 {
        let of = |(key, answered): (&u64, &BTreeMap<String, u64>)| {
            let strangers =
                answered.iter().filter(|(replica, _)| Some(*replica) != owners.get(key));
            strangers.map(|(_, count)| count).sum::<u64>()
        };
        self.owners.iter().map(of).sum()
    }

    fn add(&mut self, other: Self) {
        self.asked += other.asked;
        self.slowest = self.slowest.max(other.slowest);
        for (what, count) in other.failed {
            *self.failed.entry(what).or_default() += count;
        }
        for (key, answered) in other.owners {
            let owners = self.owners.entry(key).or_default();
            for (replica, count) in answered {
                *owners.entry(replica).or_default() += count;
            }
        }
    }
}

/// A load that is under way.
#[derive(Debug)]
pub struct Loading {
    stop: Arc<AtomicBool>,
    asking: JoinSet<Outcome>,
}

impl Load {
    /// Begins.
    #[must_use]
    pub fn begin(&self, address: SocketAddr) -> Loading {
        let (stop, next) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let start = Instant::now();
        let mut asking = JoinSet::new();
        for _ in 0..self.connections {
            let (load, stop, next) = (self.clone(), Arc::clone(&stop), Arc::clone(&next));
            asking.spawn(async move {
                let (mut asker, mut outcome) = (Asker::new(address), Outcome::default());
                while !stop.load(Relaxed) {
                    let number = next.fetch_add(1, Relaxed);
                    let at = start + Duration::from_micros(number * 1_000_000 / load.rate);
                    sleep_until(at).await;
                    load.one(number % load.keys, at, &mut asker, &mut outcome).await;
                }
                outcome
            });
        }
        Loading { stop, asking }
    }

    async fn one(&self, key: u64, at: Instant, asker: &mut Asker, outcome: &mut Outcome) {
        let answer = asker.get(&self.host, &format!("/users/{key}")).await;
        outcome.asked += 1;
        outcome.slowest = outcome.slowest.max(at.elapsed());
        let what = match answer {
            Ok(answer) if answer.status == 200 => match answer.replica() {
                Some(replica) => {
                    *outcome.owners.entry(key).or_default().entry(replica).or_default() += 1;
                    return;
                }
                None => answer.body,
            },
            Ok(answer) => format!("{}: {}", answer.status, answer.body),
            Err(error) => format!("{error:#}"),
        };
        // Which request it was is of no use to who counts.
        let what = what.split("\"request-id\"").next().unwrap_or_default().to_owned();
        *outcome.failed.entry(what).or_default() += 1;
    }
}

impl Loading {
    /// Ends it, and says what came of it.
    pub async fn end(self) -> Outcome {
        self.stop.store(true, Relaxed);
        let mut outcome = Outcome::default();
        self.asking.join_all().await.into_iter().for_each(|one| outcome.add(one));
        outcome
    }
}
