//! Was it right? Everything that nodes did is written down, and judged when the world has ended.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metaparticle_sync::term::Term;
use tokio::time::Instant;

/// One time that the lock was held; times are those of the world.
#[derive(Debug, Clone)]
struct Hold {
    node: usize,
    term: Term,
    begun: Duration,
    /// When it last did something.
    acted: Duration,
    /// When its work ended; never, when the node crashed.
    ended: Option<Duration>,
    /// When its work must have ended, as it was told last.
    deadline: Duration,
    crashed: bool,
    /// When it saw that the Lease exists, since it asked for it.
    knew: Vec<Duration>,
}

impl Hold {
    /// Until when it could act.
    fn last(&self) -> Duration {
        self.ended.map_or(self.deadline, |ended| ended.min(self.deadline))
    }
}

/// What is written down. All clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Journal(Arc<Mutex<Notes>>);

#[derive(Debug)]
struct Notes {
    begun: Instant,
    tells: bool,
    holds: Vec<Hold>,
    /// Of every node that asks: when it saw that the Lease exists.
    knew: BTreeMap<usize, Vec<Duration>>,
    deleted: Vec<Duration>,
    /// By whom the Lease was created, and when that was sent and done.
    created: Vec<(usize, Duration, Duration)>,
    violation: Option<Violation>,
}

/// What was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Violation {
    Overlap { first: String, second: String },
    SameTerm { first: String, second: String },
    GivenBackBeforeTheWorkEnded { hold: String, at: Duration },
    NobodyLeads { since: Duration },
}

/// What happened in a world in which nothing was wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) holds: u64,
    pub(crate) requests: u64,
    pub(crate) faults: u64,
}

impl Journal {
    pub(crate) fn new(begun: Instant, tells: bool) -> Self {
        Self(Arc::new(Mutex::new(Notes {
            begun,
            tells,
            holds: Vec::new(),
            knew: BTreeMap::new(),
            deleted: Vec::new(),
            created: Vec::new(),
            violation: None,
        })))
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn began(&self, node: usize, term: &Term) {
        let mut notes = self.notes();
        let begun = notes.tell(|| format!("node {node} holds it with {term}"));
        let (term, deadline) = (term.clone(), begun);
        let (ended, crashed) = (None, false);
        let knew = notes.knew.get(&node).cloned().unwrap_or_default();
        notes.holds.push(Hold { node, term, begun, acted: begun, ended, deadline, crashed, knew });
    }

    pub(crate) fn asks(&self, node: usize) {
        self.notes().knew.insert(node, Vec::new());
    }

    pub(crate) fn saw(&self, node: usize) {
        let mut notes = self.notes();
        let now = notes.begun.elapsed();
        notes.knew.entry(node).or_default().push(now);
    }

    /// A write of `node`, sent then, created the Lease.
    pub(crate) fn created(&self, node: usize, sent: Duration) {
        let mut notes = self.notes();
        let now = notes.tell(|| format!("node {node} creates it, as sent at {sent:?}"));
        notes.created.push((node, sent, now));
    }

    pub(crate) fn deleted(&self) {
        let mut notes = self.notes();
        let now = notes.tell(|| "somebody deletes the lease".to_owned());
        notes.deleted.push(now);
    }

    pub(crate) fn acts(&self, node: usize, term: &Term, deadline: Instant) {
        let mut notes = self.notes();
        let now = notes.tell(|| format!("node {node} acts with {term}"));
        let deadline = deadline - notes.begun;
        if let Some(hold) = notes.last_of(node) {
            hold.deadline = hold.deadline.max(deadline);
            hold.acted = now;
        }
    }

    pub(crate) fn ended(&self, node: usize) {
        let mut notes = self.notes();
        let now = notes.tell(|| format!("node {node} has ended its work"));
        if let Some(hold) = notes.last_of(node) {
            hold.ended = Some(now);
        }
    }

    pub(crate) fn overran(&self, node: usize) {
        self.notes().tell(|| format!("node {node} works on after its deadline"));
    }

    pub(crate) fn crashed(&self, node: usize) {
        let mut notes = self.notes();
        notes.tell(|| format!("node {node} crashes"));
        if let Some(hold) = notes.last_of(node) {
            hold.crashed = true;
        }
    }

    /// A write of `node` that gives the Lease back was accepted.
    pub(crate) fn gave_back(&self, node: usize) {
        let mut notes = self.notes();
        let at = notes.tell(|| format!("node {node} gives it back"));
        if let Some(hold) = notes.last_of(node).filter(|hold| hold.ended.is_none()) {
            let hold = format!("{hold:?}");
            let violation = Violation::GivenBackBeforeTheWorkEnded { hold, at };
            notes.violation.get_or_insert(violation);
        }
    }

    pub(crate) fn judge(
        &self,
        calm: Duration,
        end: Duration,
        requests: &AtomicU64,
        faults: &AtomicU64,
    ) -> Result<Verdict, Violation> {
        let mut notes = self.notes();
        if let Some(violation) = notes.violation.take() {
            return Err(violation);
        }
        let mut holds = notes.holds.clone();
        holds.sort_by(|one, other| one.term.cmp(&other.term));
        for pair in holds.windows(2) {
            let (first, second) = (format!("{:?}", pair[0]), format!("{:?}", pair[1]));
            if pair[0].term == pair[1].term {
                return Err(Violation::SameTerm { first, second });
            }
            if pair[0].last() > pair[1].begun && !notes.excused(&pair[0], &pair[1]) {
                return Err(Violation::Overlap { first, second });
            }
        }
        let since = holds.iter().map(|hold| hold.acted).max().unwrap_or_default();
        if since < calm + (end - calm) / 2 {
            return Err(Violation::NobodyLeads { since });
        }
        let count = u64::try_from(notes.holds.len()).unwrap_or_default();
        let (requests, faults) = (requests.load(Relaxed), faults.load(Relaxed));
        Ok(Verdict { holds: count, requests, faults })
    }
}

impl Notes {
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
    fn excused(&self, first: &Hold, second: &Hold) -> bool {
        // It was written up to a request's time before its holder began.
        let from = first.begun.saturating_sub(Duration::from_secs(5));
        let between = |at: &&Duration| (from..=second.begun.max(first.begun)).contains(*at);
        let unknown = |at: &Duration| {
            let before = self.deleted.iter().filter(|before| *before < at).max();
            let since = before.copied().unwrap_or_default();
            let under_way = |(node, sent, done): &(usize, Duration, Duration)| {
                *node == second.node && sent <= at && at <= done && *done <= second.begun
            };
            !second.knew.iter().any(|saw| (since..=*at).contains(saw))
                || self.created.iter().any(under_way)
        };
        self.deleted.iter().filter(between).any(unknown)
    }

    fn last_of(&mut self, node: usize) -> Option<&mut Hold> {
        self.holds.iter_mut().rev().find(|hold| hold.node == node && !hold.crashed)
    }
}

impl Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#?}")
    }
}

impl AddAssign for Verdict {
    fn add_assign(&mut self, other: Self) {
        self.holds += other.holds;
        self.requests += other.requests;
        self.faults += other.faults;
    }
}
