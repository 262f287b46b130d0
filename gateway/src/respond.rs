//! What is the last word? An answer with the truth about who gave it, or a refusal and its status.
//!
//! Every room says in its own words why it will not go on; only this one knows the statuses.

mod body;
mod refusal;

pub use self::body::{Body, Kept};
pub use self::refusal::Refusal;

use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRAILER};
use http::{HeaderName, HeaderValue, Method, StatusCode, Version};

use crate::fields::Name;
use crate::gather::Open;
use crate::memory::Held;
use crate::merge::{Merged, Stream};
use crate::model::{Answer, Coverage};
use crate::request::{Id, strip_answer};
use crate::send::Reply;
use crate::words::labels;

const SHARD: HeaderName = HeaderName::from_static(labels::SHARD);
const COVERAGE: HeaderName = HeaderName::from_static(labels::COVERAGE);
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// One leaf's answer, passed through.
#[must_use]
pub fn one(reply: Reply) -> Answer<Body> {
    let Reply { answer: Answer { status, mut headers, body }, shard, replica, .. } = reply;
    strip_answer(&mut headers, status == StatusCode::SWITCHING_PROTOCOLS);
    if let (Some(_), Some(value)) = (shard, &replica.shard_value) {
        headers.remove_known(Name::Shard);
        headers.append(SHARD, value);
    }
    Answer { status, headers, body: Body::leaf(body) }
}

/// The answer that was merged of many; the memory of its parts is held until it is sent.
#[must_use]
pub fn merged(merged: Merged, held: Vec<Held>) -> Answer<Body> {
    let Merged { status, headers, body, coverage } = merged;
    let mut answer = Answer { status, headers, body: Body::segments(body, held) };
    cover(&mut answer, coverage);
    answer
}

/// The first right answer, passed through: it is one of many, and says so.
#[must_use]
pub fn first(leaves: Vec<Open>) -> Answer<Body> {
    let coverage = coverage(&leaves);
    let reply = leaves.into_iter().find_map(|leaf| leaf.reply);
    let mut answer = reply.map_or_else(Answer::default, |reply| one(*reply));
    cover(&mut answer, coverage);
    answer
}

/// Lines as the leaves speak them, in shard order, until `deadline`. The header says who spoke when
/// it began; the trailer, for clients that take one, who had when it ended.
#[must_use]
pub fn lines(leaves: Vec<Open>, least: usize, deadline: tokio::time::Instant) -> Answer<Body> {
    let coverage = coverage(&leaves);
    let bodies = leaves.into_iter().filter_map(|leaf| leaf.reply);
    let bodies = bodies.map(|reply| reply.answer.body).collect();
    let late = tokio::time::sleep_until(deadline);
    let stream = Stream::new(bodies, coverage, least, late, COVERAGE);
    let mut answer = Answer::new(Body::lines(stream));
    answer.headers.append(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    answer.headers.append(TRAILER, HeaderValue::from_static(labels::COVERAGE));
    cover(&mut answer, coverage);
    // Whether it is whole is known only at its end, and a cache does not read trailers.
    answer.headers.insert(CACHE_CONTROL, NO_STORE);
    answer
}

/// The coverage of leaves that are still speaking: what has begun is not lost yet.
#[must_use]
pub fn coverage(leaves: &[Open]) -> Coverage {
    Coverage::of(leaves.iter().map(|leaf| &leaf.part))
}

fn cover(answer: &mut Answer<Body>, coverage: Coverage) {
    let value = HeaderValue::try_from(coverage.to_string());
    answer.headers.insert(COVERAGE, value.expect("digits and commas"));
    if !coverage.is_whole() {
        answer.headers.insert(CACHE_CONTROL, NO_STORE);
    }
}

/// The answer as `method` wants it: to `HEAD` what the gateway says itself has no body.
pub fn fit(answer: &mut Answer<Body>, method: &Method) {
    if method != Method::HEAD {
        return;
    }
    if let Some(size @ 1..) = http_body::Body::size_hint(&answer.body).exact()
        && !answer.headers.seen().has(Name::ContentLength)
    {
        answer.headers.append(CONTENT_LENGTH, HeaderValue::from(size));
    }
    answer.body.keep_silent();
}

/// What every answer says: what the request was called, and whether the connection ends with it.
pub fn sign(answer: &mut Answer<Body>, id: Option<&Id>, version: Version, close: bool) {
    if let Some(id) = id {
        answer.headers.remove_known(Name::RequestId);
        answer.headers.append_bytes(labels::REQUEST_ID, id.as_str().as_bytes());
    }
    // HTTP/2 ends a connection with GOAWAY, and forbids the header.
    if close && version < Version::HTTP_2 {
        answer.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}
