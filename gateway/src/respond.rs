//! What is the last word? An answer with the truth about who gave it, or a refusal and its status.
//!
//! Every room says in its own words why it will not go on; only this one knows the statuses.

mod body;
mod refusal;

pub use self::body::{Body, Kept};
pub use self::refusal::Refusal;

use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRAILER};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, Version};

use crate::gather::Open;
use crate::memory::Held;
use crate::merge::{Merged, Stream};
use crate::model::Coverage;
use crate::request::strip_answer;
use crate::send::Reply;
use crate::words::labels;

const SHARD: HeaderName = HeaderName::from_static(labels::SHARD);
const COVERAGE: HeaderName = HeaderName::from_static(labels::COVERAGE);
const REQUEST_ID: HeaderName = HeaderName::from_static(labels::REQUEST_ID);
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// One leaf's answer, passed through.
#[must_use]
pub fn one(reply: Reply) -> Response<Body> {
    let Reply { mut response, shard, replica, .. } = reply;
    let upgrade = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    strip_answer(response.headers_mut(), upgrade);
    // The version is this hop's own (RFC 9110 §6.2).
    *response.version_mut() = Version::HTTP_11;
    if let (Some(_), Some(value)) = (shard, &replica.shard_value) {
        response.headers_mut().insert(SHARD, value.clone());
    }
    response.map(Body::leaf)
}

/// The answer that was merged of many; the memory of its parts is held until it is sent.
#[must_use]
pub fn merged(merged: Merged, held: Vec<Held>) -> Response<Body> {
    let Merged { status, headers, body, coverage } = merged;
    let mut response = Response::new(Body::segments(body, held));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    cover(&mut response, coverage);
    response
}

/// The first right answer, passed through: it is one of many, and says so.
#[must_use]
pub fn first(leaves: Vec<Open>) -> Response<Body> {
    let coverage = coverage(&leaves);
    let reply = leaves.into_iter().find_map(|leaf| leaf.reply);
    let mut response = reply.map_or_else(Response::default, |reply| one(*reply));
    cover(&mut response, coverage);
    response
}

/// Lines as the leaves speak them, in shard order, until `deadline`. The header says who spoke when
/// it began; the trailer, for clients that take one, who had when it ended.
#[must_use]
pub fn lines(leaves: Vec<Open>, least: usize, deadline: tokio::time::Instant) -> Response<Body> {
    let coverage = coverage(&leaves);
    let bodies = leaves.into_iter().filter_map(|leaf| leaf.reply);
    let bodies = bodies.map(|reply| reply.response.into_body()).collect();
    let late = tokio::time::sleep_until(deadline);
    let stream = Stream::new(bodies, coverage, least, late, COVERAGE);
    let mut response = Response::new(Body::lines(stream));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(TRAILER, HeaderValue::from_static(labels::COVERAGE));
    cover(&mut response, coverage);
    // Whether it is whole is known only at its end, and a cache does not read trailers.
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

/// The coverage of leaves that are still speaking: what has begun is not lost yet.
#[must_use]
pub fn coverage(leaves: &[Open]) -> Coverage {
    Coverage::of(leaves.iter().map(|leaf| &leaf.part))
}

fn cover(response: &mut Response<Body>, coverage: Coverage) {
    let value = HeaderValue::try_from(coverage.to_string());
    response.headers_mut().insert(COVERAGE, value.expect("digits and commas"));
    if !coverage.is_whole() {
        response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    }
}

/// The answer as `method` wants it: to `HEAD` what the gateway says itself has no body.
pub fn fit(response: &mut Response<Body>, method: &Method) {
    if method != Method::HEAD {
        return;
    }
    if let Some(size @ 1..) = http_body::Body::size_hint(response.body()).exact() {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| size.into());
    }
    response.body_mut().keep_silent();
}

/// What every answer says: what the request was called, and whether the connection ends with it.
pub fn sign(
    response: &mut Response<Body>,
    id: Option<&HeaderValue>,
    version: Version,
    close: bool,
) {
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id.clone());
    }
    // HTTP/2 ends a connection with GOAWAY, and forbids the header.
    if close && version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}
