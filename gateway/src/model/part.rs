//! What did the leaves say? One part a leaf, and the truth about all of them.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;

use crate::fields::Fields;
use crate::model::ShardName;

/// What one leaf of a scatter said.
#[derive(Debug, Clone)]
pub struct Part {
    /// Which shard was asked.
    pub shard: ShardName,
    /// What came of it.
    pub outcome: Outcome,
    /// Whether a second replica was asked as well.
    pub hedged: bool,
}

/// What came of asking one leaf.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// A right answer (2xx), whole.
    Answered(Answer),
    /// An answer that is not right: any other status.
    Refused(Answer),
    /// No answer, or none that is of use; why, for people.
    Failed(Arc<str>),
    /// No answer by the deadline.
    TimedOut,
    /// Cancelled: what the others said was enough, or made an answer impossible.
    NotWaitedFor,
}

/// An answer; one that is held whole, where its body is not said to be another.
#[derive(Debug, Clone, Default)]
pub struct Answer<B = Bytes> {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: Fields,
    /// Its body.
    pub body: B,
}

impl<B> Answer<B> {
    /// 200, without headers.
    pub fn new(body: B) -> Self {
        Self { status: StatusCode::OK, headers: Fields::default(), body }
    }
}

/// The extensions are let go.
impl<B> From<http::Response<B>> for Answer<B> {
    fn from(response: http::Response<B>) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, headers: Fields::from(&head.headers), body }
    }
}

impl<B> From<Answer<B>> for http::Response<B> {
    fn from(answer: Answer<B>) -> Self {
        let mut response = Self::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = (&answer.headers).into();
        response
    }
}

/// Which leaves an answer has. An answer never claims one that it does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Leaves asked.
    pub total: usize,
    /// Leaves whose answers are in the answer.
    pub ok: usize,
    /// Leaves that refused, failed, or answered what cannot be merged.
    pub failed: usize,
    /// Leaves that said nothing by the deadline.
    pub timed_out: usize,
    /// Leaves for which a second replica was asked.
    pub hedged: usize,
}

impl Coverage {
    /// The coverage of these parts.
    #[must_use]
    pub fn of<'p>(parts: impl IntoIterator<Item = &'p Part>) -> Self {
        let mut coverage = Self::default();
        for part in parts {
            coverage.total += 1;
            match part.outcome {
                Outcome::Answered(_) => coverage.ok += 1,
                Outcome::Refused(_) | Outcome::Failed(_) => coverage.failed += 1,
                Outcome::TimedOut => coverage.timed_out += 1,
                Outcome::NotWaitedFor => {}
            }
            coverage.hedged += usize::from(part.hedged);
        }
        coverage
    }

    /// Whether every leaf is in the answer.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.ok == self.total
    }
}

impl fmt::Display for Coverage {
    /// The value of the `metaparticle-coverage` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { total, ok, failed, timed_out, hedged } = self;
        write!(f, "total={total}, ok={ok}, failed={failed}, timed-out={timed_out}, hedged={hedged}")
    }
}
