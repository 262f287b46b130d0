//! What do the parts of a scatter say together?
//!
//! The parts stand in shard order, and so does everything in the answer: when a leaf answered makes no
//! difference. First each right answer is read as the merge needs it; one that does not fit counts as
//! failed, with what is wrong and where. Then the leaves are counted against `scatter-require`, and
//! only then is one body made, in segments that share the leaves' bytes where these are large.
//!
//! The status is 200, or the one that all right answers have in common where such a status can have
//! this body. An answer that misses a leaf must not be cached.

mod choose;
mod concat;
mod envelope;
mod headers;
mod lines;
mod multipart;
mod number;
mod object;
mod reader;
mod rope;
mod scalar;
mod sorted;
mod stream;
#[cfg(test)]
mod tests;
mod union;

use std::ops::Range;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderValue, StatusCode};

use crate::fields::Fields;
use crate::model::{Answer, Coverage, MergeFn, Outcome, Part, ShardName};
use crate::words::{Merge, Pointer, Require};

pub use self::lines::{LineTooLong, Lines};
pub use self::stream::{BrokeOff, Stream};

/// One answer of many.
#[derive(Debug, Clone)]
pub struct Merged {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, without those that count the leaves.
    pub headers: Fields,
    /// Its body: segments, to be sent one after the other.
    pub body: Vec<Bytes>,
    /// Which leaves are in it.
    pub coverage: Coverage,
}

/// Why there is no answer. The parts stand in shard order, and say what came of each leaf; one whose
/// answer does not fit the merge has failed, with the reason.
#[derive(Debug, thiserror::Error)]
pub enum Unmerged {
    /// Too few leaves gave an answer that can be merged.
    #[error("{} of {} leaves answered, {least} are needed", Coverage::of(parts).ok, parts.len())]
    TooFew {
        /// What came of each leaf.
        parts: Vec<Part>,
        /// How many are needed.
        least: usize,
    },
    /// Two leaves have the same member, and the merge is `object:error`.
    #[error("leaves {} and {} both have the member {member:?}", shards[0], shards[1])]
    Conflict {
        /// What came of each leaf.
        parts: Vec<Part>,
        /// The member's name.
        member: String,
        /// Who has it, the earlier first.
        shards: [ShardName; 2],
    },
    /// No answer was given by more than half of the leaves.
    #[error("no answer was given by more than half of {} leaves", parts.len())]
    NoMajority {
        /// What came of each leaf.
        parts: Vec<Part>,
    },
    /// The embedding program's own merge refused.
    #[error("{why}")]
    Code {
        /// What came of each leaf.
        parts: Vec<Part>,
        /// Why it refused.
        why: String,
    },
    /// The sum is greater than a number can be.
    #[error("the sum is greater than a number can be")]
    TooGreat {
        /// What came of each leaf.
        parts: Vec<Part>,
    },
}

impl Unmerged {
    /// What came of each leaf, in shard order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        match self {
            Self::TooFew { parts, .. }
            | Self::Conflict { parts, .. }
            | Self::NoMajority { parts }
            | Self::Code { parts, .. }
            | Self::TooGreat { parts } => parts,
        }
    }
}

/// Makes one answer of `parts`, which stand in shard order.
///
/// # Errors
/// When too few of them are right answers that fit the merge, or when they contradict each other and
/// the merge does not say which is right.
pub fn parts(merge: &Merge, mut parts: Vec<Part>, require: Require) -> Result<Merged, Unmerged> {
    match merge {
        Merge::First => return choose::first(parts),
        Merge::Quorum => return choose::quorum(parts),
        _ => {}
    }
    let fits = read(merge, &mut parts);
    let coverage = Coverage::of(&parts);
    let least = require.least(parts.len());
    if coverage.ok < least {
        return Err(Unmerged::TooFew { parts, least });
    }
    let (body, kind) = match join(merge, &parts, &fits) {
        Ok(joined) => joined,
        Err(clash) => return Err(clash.of(parts)),
    };
    let answers: Vec<&Answer> = parts.iter().filter_map(answer).collect();
    let mut headers = headers::join(&answers, coverage);
    headers.insert(CONTENT_TYPE, kind);
    Ok(Merged { status: status(&answers, &body), headers, body, coverage })
}

/// Makes the answer to `HEAD`: what its headers can be without bodies to merge.
///
/// # Errors
/// When too few of the parts are right answers.
pub fn heads(parts: Vec<Part>, least: usize) -> Result<Merged, Unmerged> {
    let coverage = Coverage::of(&parts);
    if coverage.ok < least {
        return Err(Unmerged::TooFew { parts, least });
    }
    let answers: Vec<&Answer> = parts.iter().filter_map(answer).collect();
    let headers = headers::join(&answers, coverage);
    Ok(Merged { status: StatusCode::OK, headers, body: Vec::new(), coverage })
}

/// Makes one answer of `parts`, as the embedding program's `code` does.
///
/// # Errors
/// When too few of them are right answers, or `code` says that they make none.
pub fn by_code(code: &MergeFn, parts: Vec<Part>, require: Require) -> Result<Merged, Unmerged> {
    let coverage = Coverage::of(&parts);
    let least = require.least(parts.len());
    if coverage.ok < least {
        return Err(Unmerged::TooFew { parts, least });
    }
    match code.merge(&parts) {
        Ok(Answer { status, mut headers, body }) => {
            // Copied from a leaf, these would say how long another message is.
            for name in [CONTENT_LENGTH, CONTENT_ENCODING, TRANSFER_ENCODING, CONNECTION, UPGRADE] {
                headers.remove(name);
            }
            if !coverage.is_whole() {
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            Ok(Merged { status, headers, body: vec![body], coverage })
        }
        Err(why) => Err(Unmerged::Code { parts, why }),
    }
}

/// A right answer that fits the merge.
#[derive(Debug)]
struct Fit {
    /// Whose it is: its place among the parts.
    part: usize,
    /// Its body as text.
    text: Bytes,
    /// Where in it is what the merge needs.
    place: Range<usize>,
}

/// What only shows when fitting answers are brought together.
#[derive(Debug)]
enum Clash {
    Member { name: String, parts: [usize; 2] },
    TooGreat,
}

impl Clash {
    fn member(name: &[u8], parts: [usize; 2]) -> Self {
        Self::Member { name: String::from_utf8_lossy(name).into_owned(), parts }
    }

    fn of(self, parts: Vec<Part>) -> Unmerged {
        match self {
            Self::Member { name: member, parts: both } => {
                let shards = both.map(|part| parts[part].shard.clone());
                Unmerged::Conflict { parts, member, shards }
            }
            Self::TooGreat => Unmerged::TooGreat { parts },
        }
    }
}

/// Reads the right answers; those that do not fit become failures.
fn read(merge: &Merge, parts: &mut [Part]) -> Vec<Fit> {
    let mut fits = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter_mut().enumerate() {
        let Outcome::Answered(answer) = &part.outcome else { continue };
        match fit(merge, answer) {
            Ok((text, place)) => fits.push(Fit { part: at, text, place }),
            Err(misfit) => part.outcome = Outcome::Failed(misfit.into()),
        }
    }
    fits
}

fn fit(merge: &Merge, answer: &Answer) -> Result<(Bytes, Range<usize>), reader::Misfit> {
    let root = Pointer::default();
    let text = match merge {
        Merge::Status | Merge::Multipart | Merge::First | Merge::Quorum => answer.body.clone(),
        Merge::Map | Merge::Ndjson => {
            reader::plain(answer)?;
            answer.body.clone()
        }
        _ => reader::text(answer)?,
    };
    let place = match merge {
        Merge::Concat(pointer) => reader::find(&text, pointer, reader::Kind::Array)?,
        Merge::Union(_) => reader::find(&text, &root, reader::Kind::Array)?,
        Merge::Object(_) => reader::find(&text, &root, reader::Kind::Object)?,
        Merge::Sorted(pointer, direction) => sorted::find(&text, pointer, *direction)?,
        Merge::Sum(pointer) | Merge::Avg(pointer) => number::find(&text, pointer, true)?,
        Merge::Min(pointer) | Merge::Max(pointer) => number::find(&text, pointer, false)?,
        _ => 0..text.len(),
    };
    Ok((text, place))
}

/// The body and its content type.
fn join(merge: &Merge, parts: &[Part], fits: &[Fit]) -> Result<(Vec<Bytes>, HeaderValue), Clash> {
    let body = match merge {
        Merge::Multipart => return Ok(multipart::join(parts)),
        Merge::Ndjson => {
            return Ok((lines::join(fits), HeaderValue::from_static("application/x-ndjson")));
        }
        Merge::Concat(_) => concat::join(fits),
        Merge::Object(conflict) => object::join(*conflict, fits)?,
        Merge::Sorted(pointer, direction) => sorted::join(pointer, *direction, fits),
        Merge::Union(pointer) => union::join(pointer, fits),
        Merge::Sum(_) | Merge::Min(_) | Merge::Max(_) | Merge::Avg(_) => number::join(merge, fits)?,
        Merge::Status => envelope::status(parts),
        Merge::Map | Merge::First | Merge::Quorum => envelope::map(parts),
    };
    Ok((body, HeaderValue::from_static("application/json")))
}

fn answer(part: &Part) -> Option<&Answer> {
    match &part.outcome {
        Outcome::Answered(answer) => Some(answer),
        _ => None,
    }
}

/// The status of all; 200 where they differ, or where theirs cannot have a body, or speaks of a range.
fn status(answers: &[&Answer], body: &[Bytes]) -> StatusCode {
    let mut statuses = answers.iter().map(|answer| answer.status);
    let Some(first) = statuses.next().filter(|first| statuses.all(|other| other == *first)) else {
        return StatusCode::OK;
    };
    match first {
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT if !body.is_empty() => StatusCode::OK,
        StatusCode::PARTIAL_CONTENT => StatusCode::OK,
        status => status,
    }
}
