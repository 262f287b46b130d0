//! Was it right? What was written down is judged when the world has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::ops::AddAssign;
use std::time::Duration;

use metaparticle_sync::name::Name;

use crate::journal::{Hold, Journal};
use crate::linear::{Exclusive, is_linearizable};

/// What was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Violation {
    Overlap { first: String, second: String },
    SameTerm { first: String, second: String },
    TooMany { at: Duration, holders: usize },
    GivenBackBeforeTheWorkEnded { hold: String, at: Duration },
    NobodyLeads { name: String, since: Duration },
    NotLinearizable { what: String },
    RefusedForNothing { term: u64 },
}

/// What is expected of a world.
#[derive(Debug)]
pub(crate) struct Expected {
    /// So many hold at a time, each a Lease of its own.
    pub(crate) holders: usize,
    /// Each of these is held in the end; where there are none, something is.
    pub(crate) all: Vec<Name>,
    pub(crate) calm: Duration,
    pub(crate) end: Duration,
}

/// What happened in a world in which nothing was wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) holds: u64,
    pub(crate) requests: u64,
    pub(crate) faults: u64,
    pub(crate) histories: u64,
    pub(crate) operations: u64,
}

impl Journal {
    pub(crate) fn judge(&self, expected: &Expected) -> Result<Verdict, Violation> {
        let mut notes = self.notes();
        if let Some(violation) = notes.violation.take() {
            return Err(violation);
        }
        let mut holds = notes.holds.clone();
        holds.sort_by(|one, other| (&one.name, &one.term).cmp(&(&other.name, &other.term)));
        for pair in holds.windows(2).filter(|pair| pair[0].name == pair[1].name) {
            let (first, second) = (pair[0].told(), pair[1].told());
            if pair[0].term == pair[1].term {
                return Err(Violation::SameTerm { first, second });
            }
            if pair[0].last() > pair[1].begun && !notes.excused(&pair[0], &pair[1]) {
                return Err(Violation::Overlap { first, second });
            }
        }
        let mut verdict = Verdict { holds: holds.len() as u64, ..Verdict::default() };
        // Whoever deletes a Lease breaks it open, for those who are excused.
        if notes.deleted.is_empty() {
            at_most(&holds, expected.holders)?;
            verdict += explained(&holds)?;
        }
        leads(&holds, expected)?;
        Ok(verdict)
    }
}

/// At no time more than so many may act.
fn at_most(holds: &[Hold], most: usize) -> Result<(), Violation> {
    let ends = |at: Duration| holds.iter().filter(move |hold| hold.begun <= at && at < hold.last());
    let counts = holds.iter().map(|hold| (hold.begun, ends(hold.begun).count()));
    match counts.into_iter().find(|(_, holders)| *holders > most) {
        Some((at, holders)) => Err(Violation::TooMany { at, holders }),
        None => Ok(()),
    }
}

/// What was done with each Lease could have been done with a lock that knows of no time.
fn explained(holds: &[Hold]) -> Result<Verdict, Violation> {
    let mut verdict = Verdict::default();
    for of_one in holds.chunk_by(|one, other| one.name == other.name) {
        let history: Vec<_> = of_one.iter().flat_map(Hold::operations).collect();
        if !is_linearizable(Exclusive::default(), &history) {
            let what = format!("{}: {history:?}", of_one[0].name);
            return Err(Violation::NotLinearizable { what });
        }
        verdict.histories += 1;
        verdict.operations += history.len() as u64;
    }
    Ok(verdict)
}

/// In the end, when nothing is wrong any more, everything goes on.
fn leads(holds: &[Hold], expected: &Expected) -> Result<(), Violation> {
    let Expected { calm, end, all, .. } = expected;
    let mut last: BTreeMap<&Name, Duration> =
        all.iter().map(|name| (name, Duration::ZERO)).collect();
    for hold in holds {
        let acted = last.entry(&hold.name).or_default();
        *acted = hold.acted.max(*acted);
    }
    let late = |since: &Duration| *since < *calm + (*end - *calm) / 2;
    let wanted: BTreeSet<&Name> = all.iter().collect();
    let since = last.values().max().copied().unwrap_or_default();
    let idle = last.iter().find(|(name, since)| wanted.contains(*name) && late(since));
    match idle {
        Some((name, since)) => Err((name.to_string(), *since)),
        None if late(&since) => Err(("anything".to_owned(), since)),
        None => Ok(()),
    }
    .map_err(|(name, since)| Violation::NobodyLeads { name, since })
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
        self.histories += other.histories;
        self.operations += other.operations;
    }
}
