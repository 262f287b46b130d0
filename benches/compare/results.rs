//! What came of it? All that was measured, round by round, as it is kept in `compare.json`.

use std::fmt;

use serde::Serialize;

use crate::contestants::Gateway;
use crate::idle::Idle;
use crate::latency::Latency;
use crate::machine::Machine;
use crate::measure::Run;
use crate::verify::Alike;
use crate::works::{Measured, Work};

/// A whole comparison.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) rounds: u8,
    pub(crate) seconds: f64,
    /// By gateway, what it says of itself, or why it is not there.
    pub(crate) versions: Vec<(&'static str, String)>,
    pub(crate) tables: Vec<Table>,
    pub(crate) took_seconds: u64,
}

/// A work.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    pub(crate) work: &'static str,
    pub(crate) about: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// What a gateway made of it.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) gateway: &'static str,
    /// How alike its answers are to ours; nothing when they are wrong.
    pub(crate) alike: Option<Alike>,
    pub(crate) outcome: Outcome,
}

/// What was measured, or why nothing was.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Cpu(Vec<Run>),
    Idle(Vec<Idle>),
    Latency(Vec<Latency>),
    /// It is not installed, its answers are wrong, or requests failed.
    Left(String),
}

impl Results {
    pub(crate) fn row(&self, work: &str, gateway: Gateway) -> Option<&Row> {
        self.tables.iter().find(|table| table.work == work)?.row(gateway)
    }
}

impl Table {
    pub(crate) fn new(work: &Work) -> Self {
        Self { work: work.name, about: work.about, rows: Vec::new() }
    }

    pub(crate) fn row(&self, gateway: Gateway) -> Option<&Row> {
        self.rows.iter().find(|row| row.gateway == gateway.name())
    }
}

impl Row {
    /// What was measured of CPU time: nothing when it does not stand to the end.
    pub(crate) fn runs(&self) -> &[Run] {
        match &self.outcome {
            Outcome::Cpu(runs) => runs,
            Outcome::Idle(_) | Outcome::Latency(_) | Outcome::Left(_) => &[],
        }
    }

    /// The CPU time of a request, in microseconds.
    pub(crate) fn micros(&self) -> Option<Spread> {
        Spread::of(self.runs().iter().map(|run| run.micros))
    }

    /// How many times as much as `other` it took, round by round: what drifts, drifts for both.
    pub(crate) fn times(&self, other: &Self) -> Option<Spread> {
        let rounds = self.runs().iter().zip(other.runs());
        Spread::of(rounds.map(|(own, other)| own.micros / other.micros))
    }
}

impl Outcome {
    pub(crate) fn nothing_yet(work: &Work) -> Self {
        match work.measured {
            Measured::Cpu => Self::Cpu(Vec::new()),
            Measured::Idle => Self::Idle(Vec::new()),
            Measured::Latency => Self::Latency(Vec::new()),
        }
    }
}

/// The middle and the ends of some values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Nothing of nothing.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut all: Vec<f64> = values.collect();
        all.sort_by(f64::total_cmp);
        let (least, most) = (*all.first()?, *all.last()?);
        let median = f64::midpoint(all[all.len() / 2], all[(all.len() - 1) / 2]);
        Some(Self { median, least, most })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, least, most } = self;
        write!(f, "{median:.2} ({least:.2}..{most:.2})")
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        let spread = Spread::of([4.0, 1.0, 10.0, 2.0].into_iter());
        assert_eq!(spread, Some(Spread { median: 3.0, least: 1.0, most: 10.0 }));
    }

    #[test]
    fn nothing_has_no_median() {
        assert_eq!(Spread::of(std::iter::empty()), None);
    }
}
