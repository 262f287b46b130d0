//! How does one world run? From its seed, in paused time, to its end.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use fastrand::Rng;
use metaparticle_sync::name::Name;
use metaparticle_sync::store::Memory;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

use crate::faults::{CALM, Faults};
use crate::journal::Journal;
use crate::judge::{Expected, Verdict, Violation};
use crate::node::Node;
use crate::register::Register;
use crate::server::{Link, Place, Server};

/// What all contend for.
pub(crate) const NAME: &str = "lock";
/// Long enough after the last fault for the longest waits there are.
const END: Duration = Duration::from_secs(150);

/// What is contended for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Lock,
    Semaphore(u32),
    Shards(u32),
}

/// What holds in a world, faults or not.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) kind: Kind,
    /// The server compares before it swaps.
    pub(crate) compares: bool,
    /// The register looks at terms.
    pub(crate) fences: bool,
    /// Holders take a margin off.
    pub(crate) margin: bool,
    /// By how much clocks may go wrong.
    pub(crate) drift: f64,
    /// Others are judged by the clock on the wall, and by the time that they wrote.
    pub(crate) wall: bool,
    /// Locks are given back before the work has ended.
    pub(crate) hasty: bool,
}

impl Default for Rules {
    /// The fastest and the slowest clock are as far apart as the margin allows, and no further.
    fn default() -> Self {
        let (compares, fences, margin) = (true, true, true);
        let (wall, hasty) = (false, false);
        Self { kind: Kind::Lock, compares, fences, margin, drift: 0.025, wall, hasty }
    }
}

impl Rules {
    pub(crate) fn of(kind: Kind) -> Self {
        Self { kind, ..Self::default() }
    }

    fn expected(&self) -> Expected {
        let (holders, all) = match self.kind {
            Kind::Lock => (1, Vec::new()),
            Kind::Semaphore(permits) => (permits as usize, Vec::new()),
            Kind::Shards(count) => (count as usize, (0..count).map(shard).collect()),
        };
        Expected { holders, all, calm: CALM, end: END }
    }
}

/// The Lease of a shard.
pub(crate) fn shard(number: u32) -> Name {
    Name::of(NAME).part(format_args!("shard-{number}"))
}

/// Runs one world.
pub(crate) fn run(seed: u64, rules: &Rules, tells: bool) -> Result<Verdict, Violation> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(live(seed, rules, tells))
}

async fn live(seed: u64, rules: &Rules, tells: bool) -> Result<Verdict, Violation> {
    let mut rng = Rng::with_seed(seed);
    let machines = rng.usize(2..=4);
    let faults = Arc::new(Faults::draw(&mut rng, machines));
    let begun = Instant::now();
    let journal = Journal::new(begun, tells);
    let server = Server {
        memory: Memory::new(),
        register: Register::new(journal.clone(), rules.fences),
        journal,
        faults: Arc::clone(&faults),
        rules: rules.clone(),
        begun,
        requests: Arc::default(),
        at_fault: Arc::default(),
        tracker: TaskTracker::new(),
        walls: Arc::default(),
    };
    let mut machines = Machines::new(&server, machines, &mut rng);
    let mut events: Vec<(Duration, Option<usize>)> = Vec::new();
    events.extend(faults.deletions.iter().map(|at| (*at, None)));
    events.extend(faults.crashes.iter().map(|(machine, at)| (*at, Some(*machine))));
    events.sort_unstable();
    for (at, crashes) in events {
        sleep_until(begun + at).await;
        match crashes {
            None => delete(&server, &mut rng),
            Some(machine) => machines.crash(machine, &mut rng),
        }
    }
    sleep_until(begun + END).await;
    machines.processes.abort_all();
    let mut verdict = server.journal.judge(&rules.expected())?;
    if rules.kind == Kind::Lock {
        verdict.operations += server.register.judge()?;
        verdict.histories += 1;
    }
    verdict.requests = server.requests.load(Relaxed);
    verdict.faults = server.at_fault.load(Relaxed);
    Ok(verdict)
}

/// Deletes any one Lease.
fn delete(server: &Server, rng: &mut Rng) {
    let mut names = server.journal.names();
    names.retain(|name| server.memory.read(name).is_some());
    if let Some(name) = rng.choice(&names) {
        server.journal.deleted(name);
        server.memory.delete(name);
    }
}

/// What runs.
struct Machines {
    server: Server,
    processes: JoinSet<()>,
    begun: usize,
    /// Of each machine: its process, and how it is ended.
    switches: Vec<(usize, watch::Sender<bool>)>,
}

impl Machines {
    fn new(server: &Server, count: usize, rng: &mut Rng) -> Self {
        let (server, processes) = (server.clone(), JoinSet::new());
        let mut machines = Self { server, processes, begun: 0, switches: Vec::new() };
        for machine in 0..count {
            let begun = machines.begin(machine, rng);
            machines.switches.push(begun);
        }
        machines
    }

    fn begin(&mut self, machine: usize, rng: &mut Rng) -> (usize, watch::Sender<bool>) {
        let (switch, crashed) = watch::channel(false);
        let ahead = Duration::from_secs(rng.u64(..60));
        let (process, rules) = (self.begun, self.server.rules.clone());
        self.begun += 1;
        let place = Place { process, machine, ahead };
        let link = Link::new(self.server.clone(), place, rng.u64(..), crashed.clone());
        let mut crash = crashed;
        let run = Node::new(link, rng.fork(), &rules).run(rules.kind);
        self.processes.spawn(async move {
            tokio::select! {
                () = run => {}
                _ = crash.wait_for(|crashed| *crashed) => {}
            }
        });
        (process, switch)
    }

    /// Ends a process, and starts another, with another clock, which knows nothing.
    fn crash(&mut self, machine: usize, rng: &mut Rng) {
        let (process, switch) = &self.switches[machine];
        switch.send_replace(true);
        self.server.journal.crashed(*process);
        self.switches[machine] = self.begin(machine, rng);
    }
}
