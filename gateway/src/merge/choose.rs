//! Whose answer stands for all? (`first`, `quorum`)
//!
//! Both say themselves how many leaves are enough, so `scatter-require` is not asked.

use std::collections::HashMap;
use std::mem;

use http::HeaderValue;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};

use crate::merge;
use crate::merge::headers;
use crate::merge::{Merged, Unmerged};
use crate::model::{Answer, Coverage, Outcome, Part};

/// The first right answer with its status and all its headers. Other right answers were not needed:
/// they are not counted.
pub(super) fn first(mut parts: Vec<Part>) -> Result<Merged, Unmerged> {
    let mut sought = true;
    parts.retain(|part| {
        !matches!(part.outcome, Outcome::Answered(_)) || mem::replace(&mut sought, false)
    });
    if sought {
        return Err(Unmerged::TooFew { parts, least: 1 });
    }
    let coverage = Coverage::of(&parts);
    let chosen = parts.into_iter().find_map(|part| match part.outcome {
        Outcome::Answered(answer) => Some(answer),
        _ => None,
    });
    let Answer { status, mut headers, body } = chosen.expect("one was found above");
    if !coverage.is_whole() {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(Merged { status, headers, body: vec![body], coverage })
}

/// The right answer that more than half of all leaves gave: same status, same body byte for byte. The
/// leaves that gave another are not in the answer, and are counted as failed.
pub(super) fn quorum(mut parts: Vec<Part>) -> Result<Merged, Unmerged> {
    let Some(winner) = majority(&parts) else { return Err(Unmerged::NoMajority { parts }) };
    let mut agreeing = Vec::new();
    for part in &mut parts {
        let Outcome::Answered(answer) = &part.outcome else { continue };
        if said(answer) == said(&winner) {
            agreeing.push(answer.clone());
        } else {
            part.outcome = Outcome::Failed("not what the majority answered".into());
        }
    }
    let coverage = Coverage::of(&parts);
    let agreeing: Vec<&Answer> = agreeing.iter().collect();
    let mut headers = headers::join(&agreeing, coverage);
    for name in [CONTENT_TYPE, CONTENT_ENCODING] {
        headers.append_all(&winner.headers, &name);
    }
    let body = if winner.body.is_empty() { Vec::new() } else { vec![winner.body] };
    Ok(Merged { status: merge::status(&agreeing, &body), headers, body, coverage })
}

/// The earliest of the answers that more than half gave.
fn majority(parts: &[Part]) -> Option<Answer> {
    let mut votes: HashMap<_, (usize, &Answer)> = HashMap::new();
    for part in parts {
        if let Outcome::Answered(answer) = &part.outcome {
            votes.entry(said(answer)).or_insert((0, answer)).0 += 1;
        }
    }
    let (_, winner) = votes.into_values().find(|(count, _)| *count > parts.len() / 2)?;
    Some(winner.clone())
}

/// What two answers must have in common to be one.
fn said(answer: &Answer) -> (StatusCode, Option<&[u8]>, &[u8]) {
    (answer.status, answer.headers.get(CONTENT_ENCODING), &answer.body)
}
