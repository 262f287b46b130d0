//! What did the leaves say? A part a leaf, in shard order, whether or not it answered.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use metaparticle_gateway::model;
use metaparticle_gateway::model::Outcome;
use serde::de::DeserializeOwned;

use crate::wire::TOOK;

/// What one leaf said.
#[derive(Debug, Clone)]
pub struct Part<T> {
    /// Which leaf: the name of its replica.
    pub shard: String,
    /// How long its answer took; none where there is none.
    pub latency: Option<Duration>,
    /// Its answer.
    pub answer: Result<T, Missed>,
}

/// Why a leaf's answer is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missed {
    /// It answered with another status than success.
    #[error("answered {0}")]
    Refused(StatusCode),
    /// It could not be asked, or its answer broke off.
    #[error("{0}")]
    Failed(Arc<str>),
    /// It did not answer by the deadline.
    #[error("timed out")]
    TimedOut,
    /// It was not waited for.
    #[error("not waited for")]
    NotWaitedFor,
}

/// The parts of a scatter, in shard order. At least as many are right answers as the service requires.
#[derive(Debug, Clone)]
pub struct Parts<T>(Vec<Part<T>>);

impl<T> Parts<T> {
    /// The answers, in shard order.
    pub fn answers(self) -> impl Iterator<Item = T> {
        self.0.into_iter().filter_map(|part| part.answer.ok())
    }

    /// All parts, to look at.
    pub fn iter(&self) -> std::slice::Iter<'_, Part<T>> {
        self.0.iter()
    }

    /// How many leaves were asked.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.len()
    }

    /// How many of them answered.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.0.iter().filter(|part| part.answer.is_ok()).count()
    }
}

impl<T> IntoIterator for Parts<T> {
    type Item = Part<T>;
    type IntoIter = std::vec::IntoIter<Part<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'p, T> IntoIterator for &'p Parts<T> {
    type Item = &'p Part<T>;
    type IntoIter = std::slice::Iter<'p, Part<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// For tests of a merge: parts that all answered.
impl<T> FromIterator<T> for Parts<T> {
    fn from_iter<I: IntoIterator<Item = T>>(answers: I) -> Self {
        let part = |(number, answer): (usize, T)| Part {
            shard: format!("leaf-{number}"),
            latency: Some(Duration::ZERO),
            answer: Ok(answer),
        };
        Self(answers.into_iter().enumerate().map(part).collect())
    }
}

/// For tests of a merge: parts of which some may be missing.
impl<T> From<Vec<Part<T>>> for Parts<T> {
    fn from(parts: Vec<Part<T>>) -> Self {
        Self(parts)
    }
}

/// A leaf's right answer is not what the merge takes.
#[derive(Debug)]
pub(crate) struct Misread {
    shard: String,
    why: serde_json::Error,
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` answered what the merge does not take: {}", self.shard, self.why)
    }
}

impl<T: DeserializeOwned> Parts<T> {
    /// Reads what the leaves said. A right answer that cannot be read is nobody's part: to go on without it
    /// would be to claim a leaf that is not in the answer.
    pub(crate) fn read(parts: &[model::Part]) -> Result<Self, Misread> {
        parts.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

fn read<T: DeserializeOwned>(part: &model::Part) -> Result<Part<T>, Misread> {
    let shard = part.shard.as_str().to_owned();
    let mut latency = None;
    let answer = match &part.outcome {
        Outcome::Answered(answer) => {
            latency = answer.headers.text(&TOOK).and_then(took);
            match serde_json::from_slice(&answer.body) {
                Ok(answer) => Ok(answer),
                Err(why) => return Err(Misread { shard, why }),
            }
        }
        Outcome::Refused(answer) => Err(Missed::Refused(answer.status)),
        Outcome::Failed(why) => Err(Missed::Failed(Arc::clone(why))),
        Outcome::TimedOut => Err(Missed::TimedOut),
        Outcome::NotWaitedFor => Err(Missed::NotWaitedFor),
    };
    Ok(Part { shard, latency, answer })
}

/// Reads `12.345ms`.
fn took(text: &str) -> Option<Duration> {
    let millis: f64 = text.strip_suffix("ms")?.parse().ok()?;
    Duration::try_from_secs_f64(millis / 1e3).ok()
}
