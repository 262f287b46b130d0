//! How does one world run? From its seed, in paused time, to its end.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use metaparticle_sync::name::Name;
use metaparticle_sync::store::Memory;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

use crate::faults::{CALM, Faults};
use crate::judge::{Journal, Verdict, Violation};
use crate::node::Node;
use crate::server::{Link, Server};

/// What all contend for.
pub(crate) const NAME: &str = "lock";
/// Long enough after the last fault for the longest waits there are.
const END: Duration = Duration::from_secs(150);

/// What holds in a world, faults or not.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// The server compares before it swaps.
    pub(crate) compares: bool,
    /// Holders take a margin off.
    pub(crate) margin: bool,
    /// By how much clocks may go wrong.
    pub(crate) drift: f64,
}

impl Default for Rules {
    /// The fastest and the slowest clock are as far apart as the margin allows, and no further.
    fn default() -> Self {
        Self { compares: true, margin: true, drift: 0.025 }
    }
}

/// Runs one world.
pub(crate) fn run(seed: u64, rules: &Rules, tells: bool) -> Result<Verdict, Violation> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(live(seed, rules, tells))
}

async fn live(seed: u64, rules: &Rules, tells: bool) -> Result<Verdict, Violation> {
    let mut rng = Rng::with_seed(seed);
    let count = rng.usize(2..=4);
    let faults = Arc::new(Faults::draw(&mut rng, count));
    let begun = Instant::now();
    let server = Server {
        memory: Memory::new(),
        journal: Journal::new(begun, tells),
        faults: Arc::clone(&faults),
        compares: rules.compares,
        begun,
        requests: Arc::default(),
        at_fault: Arc::default(),
        tracker: TaskTracker::new(),
    };
    let mut nodes = JoinSet::new();
    let mut switches = Vec::new();
    let start = |nodes: &mut JoinSet<()>, rng: &mut Rng, node| {
        let (switch, crashed) = watch::channel(false);
        let link = Link::new(server.clone(), node, rng.u64(..), crashed.clone());
        let mut crash = crashed;
        let run = Node::new(link, rng.fork(), rules).run();
        nodes.spawn(async move {
            tokio::select! {
                () = run => {}
                _ = crash.wait_for(|crashed| *crashed) => {}
            }
        });
        switch
    };
    for node in 0..count {
        switches.push(start(&mut nodes, &mut rng, node));
    }
    let mut events: Vec<(Duration, Option<usize>)> = Vec::new();
    events.extend(faults.deletions.iter().map(|at| (*at, None)));
    events.extend(faults.crashes.iter().map(|(node, at)| (*at, Some(*node))));
    events.sort_unstable();
    for (at, crashes) in events {
        sleep_until(begun + at).await;
        match crashes {
            None => {
                server.journal.deleted();
                server.memory.delete(&Name::of(NAME));
            }
            Some(node) => {
                switches[node].send_replace(true);
                server.journal.crashed(node);
                // Another process, with another clock, which knows nothing.
                switches[node] = start(&mut nodes, &mut rng, node);
            }
        }
    }
    sleep_until(begun + END).await;
    nodes.abort_all();
    server.journal.judge(CALM, END, &server.requests, &server.at_fault)
}
