//! What happened? Everything that processes do is written down, in order: when a Lease was asked for, had, used
//! and given back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metaparticle_sync::name::{Identity, Name};
use metaparticle_sync::term::{Term, Version};
use tokio::time::Instant;

use crate::judge::Violation;
use crate::linear::{Operation, Use};

/// One time that a Lease, or a shard, was held; times are those of the world, steps the order of all that happened.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    process: usize,
    identity: Option<Identity>,
    pub(crate) name: Name,
    pub(crate) term: Term,
    pub(crate) begun: Duration,
    /// When it last did something.
    pub(crate) acted: Duration,
    /// When its work ended; never, when the process crashed.
    ended: Option<Duration>,
    /// When its work must have ended, as it was told last.
    deadline: Duration,
    crashed: bool,
    /// It was lost before its work ended.
    lost: bool,
    /// When its process saw that the Lease exists, since it asked for it.
    knew: Vec<Duration>,
    steps: Steps,
}

/// When it was asked for, had, used, ended, and when it was said to be given back.
#[derive(Debug, Clone, Default)]
struct Steps {
    asked: u64,
    begun: u64,
    acts: Vec<(u64, u64)>,
    ended: Option<u64>,
    given: Option<u64>,
}

impl Hold {
    /// Until when it could act.
    pub(crate) fn last(&self) -> Duration {
        self.ended.map_or(self.deadline, |ended| ended.min(self.deadline))
    }

    pub(crate) fn told(&self) -> String {
        format!("{self:?}")
    }

    /// What was done with it, for a lock that knows of no time.
    pub(crate) fn operations(&self) -> impl Iterator<Item = Operation<Use>> {
        let (term, steps) = (number(&self.term), &self.steps);
        let acquired =
            Operation { from: steps.asked, to: Some(steps.begun), call: Use::Acquire(term) };
        let acts = steps.acts.iter().map(move |(from, to)| Operation {
            from: *from,
            to: Some(*to),
            call: Use::Act(term),
        });
        let idle = steps.acts.last().map_or(steps.begun, |(_, to)| *to);
        // Who lost it had it until some time after it acted last.
        let from = steps.ended.filter(|_| !self.lost).unwrap_or(idle);
        let ended = Operation { from, to: steps.given, call: Use::End(term) };
        [acquired].into_iter().chain(acts).chain([ended])
    }
}

/// A term as a number.
pub(crate) fn number(term: &Term) -> u64 {
    term.as_str().parse().expect("a simulated server counts")
}

/// What is written down. All clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Journal(Arc<Mutex<Notes>>);

#[derive(Debug)]
pub(crate) struct Notes {
    begun: Instant,
    tells: bool,
    steps: u64,
    pub(crate) holds: Vec<Hold>,
    /// Whose Lease it is by this write.
    wrote: BTreeMap<Version, Identity>,
    /// Of every process that asks: at which step it did.
    asked: BTreeMap<usize, u64>,
    /// And when it saw since that a Lease exists.
    knew: BTreeMap<(usize, Name), Vec<Duration>>,
    pub(crate) deleted: Vec<(Name, Duration)>,
    /// By whom a Lease was created, and when that was sent and done.
    created: Vec<(usize, Name, Duration, Duration)>,
    pub(crate) violation: Option<Violation>,
}

impl Journal {
    pub(crate) fn new(begun: Instant, tells: bool) -> Self {
        Self(Arc::new(Mutex::new(Notes {
            begun,
            tells,
            steps: 0,
            holds: Vec::new(),
            wrote: BTreeMap::new(),
            asked: BTreeMap::new(),
            knew: BTreeMap::new(),
            deleted: Vec::new(),
            created: Vec::new(),
            violation: None,
        })))
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next step of the world.
    pub(crate) fn tick(&self) -> u64 {
        self.notes().tick()
    }

    /// `process` holds `name`; the hold is known by what this gives.
    pub(crate) fn began(&self, process: usize, name: &Name, term: &Term) -> usize {
        let mut notes = self.notes();
        let begun = notes.tell(|| format!("{process} holds {name} with {term}"));
        let asked = notes.asked.get(&process).copied().unwrap_or_default();
        let steps = Steps { asked, begun: notes.tick(), ..Steps::default() };
        let version: Version = term.as_str().parse().expect("a term is a version");
        let hold = Hold {
            process,
            identity: notes.wrote.get(&version).cloned(),
            name: name.clone(),
            term: term.clone(),
            begun,
            acted: begun,
            ended: None,
            deadline: begun,
            crashed: false,
            lost: false,
            knew: notes.knew.get(&(process, name.clone())).cloned().unwrap_or_default(),
            steps,
        };
        notes.holds.push(hold);
        notes.holds.len() - 1
    }

    pub(crate) fn asks(&self, process: usize) {
        let mut notes = self.notes();
        let step = notes.tick();
        notes.asked.insert(process, step);
        notes.knew.retain(|(who, _), _| *who != process);
    }

    pub(crate) fn saw(&self, process: usize, name: &Name) {
        let mut notes = self.notes();
        let now = notes.begun.elapsed();
        notes.knew.entry((process, name.clone())).or_default().push(now);
    }

    /// A write of `process`, sent then, was accepted; whether it created the Lease.
    pub(crate) fn wrote(
        &self,
        (process, sent): (usize, Duration),
        (name, version, holder): (&Name, &Version, Option<&Identity>),
        creates: bool,
    ) {
        let mut notes = self.notes();
        let now = notes.begun.elapsed();
        if let Some(holder) = holder {
            notes.wrote.insert(version.clone(), holder.clone());
        }
        if creates {
            notes.tell(|| format!("{process} creates {name}, as sent at {sent:?}"));
            notes.created.push((process, name.clone(), sent, now));
        }
    }

    /// All Leases that ever were.
    pub(crate) fn names(&self) -> BTreeSet<Name> {
        self.notes().created.iter().map(|(_, name, ..)| name.clone()).collect()
    }

    pub(crate) fn deleted(&self, name: &Name) {
        let mut notes = self.notes();
        let now = notes.tell(|| format!("somebody deletes {name}"));
        notes.deleted.push((name.clone(), now));
    }

    /// It acts, as it was allowed to between the step `from` and now, and until the deadline.
    pub(crate) fn acts(&self, hold: usize, from: u64, deadline: Instant) {
        let mut notes = self.notes();
        let now = notes.tell(|| format!("hold {hold} acts"));
        let (deadline, to) = (deadline - notes.begun, notes.tick());
        let hold = &mut notes.holds[hold];
        hold.deadline = hold.deadline.max(deadline);
        hold.acted = now;
        hold.steps.acts.push((from, to));
    }

    /// Its work has ended; whether it was `lost` by then.
    pub(crate) fn ended(&self, hold: usize, lost: bool) {
        let mut notes = self.notes();
        let now = notes.tell(|| format!("hold {hold} has ended its work"));
        let step = notes.tick();
        let hold = &mut notes.holds[hold];
        hold.lost = lost;
        (hold.ended, hold.steps.ended) = (Some(now), Some(step));
    }

    /// Who held it was told that it is given back.
    pub(crate) fn given(&self, hold: usize) {
        let mut notes = self.notes();
        let step = notes.tick();
        notes.holds[hold].steps.given = Some(step);
    }

    pub(crate) fn overran(&self, process: usize) {
        self.notes().tell(|| format!("{process} works on after its deadline"));
    }

    pub(crate) fn crashed(&self, process: usize) {
        let mut notes = self.notes();
        notes.tell(|| format!("{process} crashes"));
        for hold in &mut notes.holds {
            hold.crashed |= hold.process == process && hold.ended.is_none();
        }
    }

    /// A write that gives `name` back for `identity` was accepted; when it was its session, `all` that it owned.
    pub(crate) fn gave_back(&self, name: &Name, identity: &Identity, all: bool) {
        let mut notes = self.notes();
        let at = notes.tell(|| format!("{identity} gives {name} back"));
        let works = |hold: &&Hold| {
            hold.identity.as_ref() == Some(identity)
                && (all || hold.name == *name)
                && hold.ended.is_none()
                && !hold.crashed
        };
        if let Some(hold) = notes.holds.iter().find(works).map(Hold::told) {
            let violation = Violation::GivenBackBeforeTheWorkEnded { hold, at };
            notes.violation.get_or_insert(violation);
        }
    }
}

impl Notes {
    fn tick(&mut self) -> u64 {
        self.steps += 1;
        self.steps
    }

    #[expect(clippy::print_stdout, reason = "a test's output is what its reader has")]
    fn tell(&self, what: impl FnOnce() -> String) -> Duration {
        let now = self.begun.elapsed();
        if self.tells {
            println!("{:>9.3} {}", now.as_secs_f64(), what());
        }
        now
    }

    /// Whether the Lease was deleted between them, and the second had not seen that there was one, since it
    /// was deleted the time before: whoever deletes a Lease breaks it open for those who come new, and for
    /// those whose write is on its way.
    pub(crate) fn excused(&self, first: &Hold, second: &Hold) -> bool {
        // It was written up to a request's time before its holder began.
        let from = first.begun.saturating_sub(Duration::from_secs(5));
        let of_it =
            || self.deleted.iter().filter(|(name, _)| *name == first.name).map(|(_, at)| at);
        let between = |at: &&Duration| (from..=second.begun.max(first.begun)).contains(*at);
        let unknown = |at: &Duration| {
            let since = of_it().filter(|before| *before < at).max().copied().unwrap_or_default();
            let under_way = |(process, name, sent, done): &(usize, Name, Duration, Duration)| {
                (*process, name) == (second.process, &first.name)
                    && sent <= at
                    && at <= done
                    && *done <= second.begun
            };
            !second.knew.iter().any(|saw| (since..=*at).contains(saw))
                || self.created.iter().any(under_way)
        };
        of_it().filter(between).any(unknown)
    }
}
