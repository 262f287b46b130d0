//! Is there any order of events in which two hold it? All orders are tried, for as long as a Lease lasts and
//! longer: two contenders, which decide with the real `Lease`, a server, answers that are late or lost, writes
//! that arrive after their sender gave up, a Lease that is deleted while it is free, clocks that fall behind by as much as the margin.

use std::sync::Arc;
use std::time::Duration;

use metaparticle_sync::lease::{Draft, Lease, Marks, Next, Record, Rest, Timing, Why};
use metaparticle_sync::moment::Moment;
use metaparticle_sync::name::{Identity, Name};
use metaparticle_sync::term::Version;
use metaparticle_testbed::figures;
use stateright::{Checker, HasDiscoveries, Model, Property};

/// How long the world lasts, in seconds: the Lease lasts three.
const END: u64 = 4;
/// How many writes are accepted, and how often somebody gives up waiting for an answer: a renewal, a release, a
/// take-over and what goes wrong between them.
const WRITES: u64 = 3;
const GIVEN_UP: u8 = 1;
/// By how much a clock may fall behind in all.
const MARGIN: u64 = 1;

const ONE_HOLDER: &str = "one holder at a time";
const TERMS_GROW: &str = "terms grow";

/// What is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// The server does not compare.
    Compare,
    /// Holders take no margin off.
    Margin,
    /// A holder counts from when it was answered.
    Sent,
    /// A Lease is given back while the work goes on.
    Release,
    /// A term is how often the holder changed, and not which write it was.
    Counts,
}

#[derive(Debug)]
struct Protocol {
    broken: Broken,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    now: u64,
    version: u64,
    record: Option<Arc<Record>>,
    contenders: [Contender; 2],
    /// The term of the last who began to work.
    last: Option<Version>,
    given_up: u8,
    /// Somebody deleted the Lease, when nobody held it.
    deleted: bool,
    /// Terms did not grow.
    fell: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Contender {
    lease: Lease,
    works: bool,
    /// By how much its clock has fallen behind.
    behind: u64,
    /// What it wrote and waits for.
    sent: Option<Sent>,
    /// What it wrote and gave up, and which has not arrived yet.
    adrift: Option<Sent>,
    /// It must read before it writes.
    doubts: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Sent {
    over: Option<Version>,
    draft: Draft,
    at: Moment,
    /// What the server said, when it has.
    answer: Option<Option<Arc<Record>>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Tick,
    /// A clock stands still for a second: the first contender's, as they are alike.
    FallBehind(usize),
    Read(usize),
    Write(usize),
    Arrive(usize),
    Answer(usize),
    GiveUp(usize),
    ArriveLate(usize),
    StopWork(usize),
    GiveBack(usize),
    Delete,
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Contender {
    fn new(name: &str, broken: Broken) -> Self {
        let margin = if broken == Broken::Margin { 0 } else { MARGIN };
        let timing = Timing::of(seconds(3)).expect("a timing");
        let timing = timing
            .with_grace(Duration::ZERO)
            .and_then(|timing| timing.with_margin(seconds(margin)));
        let me = Identity::of(name).expect("somebody");
        let lease = Lease::new(me, timing.expect("it fits"));
        Self { lease, works: false, behind: 0, sent: None, adrift: None, doubts: true }
    }

    fn clock(&self, now: u64) -> Moment {
        Moment::at(seconds(now - self.behind))
    }

    fn holds(&self, now: u64) -> bool {
        self.works && self.lease.deadline().is_some_and(|deadline| self.clock(now) < deadline)
    }
}

impl World {
    /// What the server does with a write.
    fn take(&mut self, sent: &Sent, compares: bool) -> Option<Arc<Record>> {
        let now = self.record.as_ref().map(|record| record.version.clone());
        if compares && now != sent.over {
            return None;
        }
        self.version += 1;
        let record = Arc::new(Record {
            name: Name::of("lock"),
            version: Version::from(self.version),
            holder: sent.draft.holder.clone(),
            duration: Some(sent.draft.duration),
            transitions: sent.draft.transitions,
            strategy: None,
            preferred: None,
            marks: Marks::default(),
            rest: Rest::default(),
        });
        self.record = Some(Arc::clone(&record));
        Some(record)
    }

    fn send(&mut self, who: usize, draft: Draft, broken: Broken) {
        let now = self.now;
        let contender = &mut self.contenders[who];
        let over = contender.lease.record().map(|record| record.version.clone());
        // Fewer states, where nobody looks at it.
        let transitions = if broken == Broken::Counts { draft.transitions } else { 0 };
        let draft = Draft { transitions, ..draft };
        contender.sent = Some(Sent { over, draft, at: contender.clock(now), answer: None });
    }

    fn answered(&mut self, who: usize, broken: Broken) {
        let now = self.now;
        let contender = &mut self.contenders[who];
        let Some(Sent { at, answer: Some(answer), .. }) = contender.sent.take() else { return };
        let clock = contender.clock(now);
        match answer {
            Some(record) if record.holder.is_none() => {
                contender.lease.end();
                contender.lease.observe(Some(record), clock);
            }
            Some(record) => {
                let at = if broken == Broken::Sent { clock } else { at };
                contender.lease.wrote(record, at);
                if !contender.works && contender.lease.next(clock) != Next::Yield(Why::Expired) {
                    contender.works = true;
                    let term = contender.lease.record().map(|record| match broken {
                        Broken::Counts => {
                            Version::from(u64::from(record.transitions.unsigned_abs()))
                        }
                        _ => record.version.clone(),
                    });
                    self.fell |= term <= self.last;
                    self.last = term;
                } else if !contender.works {
                    contender.lease.end();
                }
            }
            None => contender.doubts = true,
        }
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let contenders = ["a", "b"].map(|name| Contender::new(name, self.broken));
        vec![World {
            now: 0,
            version: 0,
            record: None,
            contenders,
            last: None,
            given_up: 0,
            deleted: false,
            fell: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.now < END {
            actions.push(Action::Tick);
        }
        let is_free = world.record.as_ref().is_some_and(|record| record.holder.is_none());
        if is_free && !world.deleted {
            actions.push(Action::Delete);
        }
        for (who, contender) in world.contenders.iter().enumerate() {
            let next = contender.lease.next(contender.clock(world.now));
            let wants = matches!(next, Next::Acquire | Next::Renew);
            let idle = contender.sent.is_none();
            let holder = contender.lease.term().is_some();
            let mut may = |allowed: bool, action| {
                if allowed {
                    actions.push(action);
                }
            };
            may(
                who == 0
                    && world.now < END
                    && contender.behind < MARGIN
                    && world.now > contender.behind,
                Action::FallBehind(who),
            );
            let news = contender.lease.record() != world.record.as_ref();
            may(idle && (news || contender.doubts), Action::Read(who));
            may(
                idle && wants && !contender.doubts && holder == contender.works,
                Action::Write(who),
            );
            if let Some(sent) = &contender.sent {
                may(sent.answer.is_none(), Action::Arrive(who));
                may(sent.answer.is_some(), Action::Answer(who));
                let may_drift = contender.adrift.is_none() || sent.answer.is_some();
                may(may_drift && world.given_up < GIVEN_UP, Action::GiveUp(who));
            }
            may(contender.adrift.is_some(), Action::ArriveLate(who));
            may(contender.works, Action::StopWork(who));
            let ended = !contender.works || self.broken == Broken::Release;
            may(
                idle && ended && holder && !contender.doubts && contender.lease.is_named(),
                Action::GiveBack(who),
            );
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut world = world.clone();
        let compares = self.broken != Broken::Compare;
        match action {
            Action::Tick => world.now += 1,
            Action::FallBehind(who) => {
                world.now += 1;
                world.contenders[who].behind += 1;
            }
            Action::Read(who) => {
                let (now, record) = (world.now, world.record.clone());
                let contender = &mut world.contenders[who];
                contender.doubts = false;
                let clock = contender.clock(now);
                contender.lease.observe(record, clock);
                if let (Next::Yield(_), false) = (contender.lease.next(clock), contender.works) {
                    contender.lease.end();
                }
            }
            Action::Write(who) => {
                let draft = world.contenders[who].lease.claim();
                world.send(who, draft, self.broken);
            }
            Action::Arrive(who) => {
                let sent = world.contenders[who].sent.clone()?;
                let answer = world.take(&sent, compares);
                world.contenders[who].sent = Some(Sent { answer: Some(answer), ..sent });
            }
            Action::Answer(who) => world.answered(who, self.broken),
            Action::GiveUp(who) => {
                world.given_up += 1;
                let contender = &mut world.contenders[who];
                let sent = contender.sent.take()?;
                contender.doubts = true;
                if sent.answer.is_none() {
                    contender.adrift = Some(sent);
                }
            }
            Action::ArriveLate(who) => {
                let adrift = world.contenders[who].adrift.take()?;
                world.take(&adrift, compares);
            }
            Action::StopWork(who) => world.contenders[who].works = false,
            Action::GiveBack(who) => {
                let draft = world.contenders[who].lease.farewell();
                world.send(who, draft, self.broken);
            }
            Action::Delete => (world.record, world.deleted) = (None, true),
        }
        Some(world)
    }

    fn within_boundary(&self, world: &World) -> bool {
        world.version <= WRITES
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_HOLDER, |_, world: &World| {
                world.contenders.iter().filter(|one| one.holds(world.now)).count() <= 1
            }),
            Property::always(TERMS_GROW, |_, world: &World| !world.fell),
            Property::sometimes("both hold it, one after the other", |_, world: &World| {
                world.last.is_some() && world.contenders[1].works && world.version > 1
            }),
        ]
    }
}

/// Tries all orders, or until this was found.
fn explore(broken: Broken, until: HasDiscoveries) -> impl Checker<Protocol> {
    Protocol { broken }.checker().threads(2).finish_when(until).spawn_bfs().join()
}

#[test]
fn in_no_order_of_events_do_two_hold_it() {
    let begun = tokio::time::Instant::now();
    let checker = explore(Broken::Nothing, HasDiscoveries::All);
    let (states, distinct) = (checker.state_count(), checker.unique_state_count());
    let took = begun.elapsed();
    figures::tell(
        "model-states",
        &format!("model: {states} states explored, {distinct} of them distinct; {took:.1?}"),
    );
    checker.assert_properties();
    assert!(distinct > 10_000, "hardly anything could happen");
}

#[test]
fn whatever_is_broken_is_found_out() {
    let broken = [
        (Broken::Compare, ONE_HOLDER),
        (Broken::Compare, TERMS_GROW),
        (Broken::Margin, ONE_HOLDER),
        (Broken::Sent, ONE_HOLDER),
        (Broken::Release, ONE_HOLDER),
        (Broken::Counts, TERMS_GROW),
    ];
    let mut told = Vec::new();
    for (broken, property) in broken {
        let checker = explore(broken, HasDiscoveries::AllOf([property].into()));
        let found = checker.discovery(property);
        let steps =
            found.unwrap_or_else(|| panic!("{broken:?} goes unnoticed")).into_actions().len();
        told.push(format!("  {broken:?} broken: not \"{property}\" after {steps} steps"));
    }
    figures::tell("model-whatever-is-broken", &told.join("\n"));
}
