//! How are an ask and its answer written? As JSON over HTTP, which `curl` speaks.
//!
//! An ask is the body, as JSON; a body that is no JSON, and is not said to be, is a text. Without a body it
//! is the query, and without that it is nothing (`null`, or an object without members).

mod error;
#[cfg(test)]
mod tests;

pub use self::error::{Error, Result};

pub(crate) use self::error::Refused;

use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use futures::FutureExt;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use metaparticle_gateway::words::labels;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A message's body, whoever carries it.
pub type Body = UnsyncBoxBody<Bytes, Cause>;
/// What a replica is asked.
pub type Request = http::Request<Body>;
/// What it answers.
pub type Response = http::Response<Body>;
/// Why a body broke off.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Which build answers: during a rollout two builds of a program meet.
pub(crate) const BUILD: HeaderName = HeaderName::from_static("metaparticle-build");
/// How long a replica took, as whoever asked it saw it.
pub(crate) const TOOK: HeaderName = HeaderName::from_static("metaparticle-took");
/// As which shard a replica is asked.
pub(crate) const SHARD: HeaderName = HeaderName::from_static(labels::SHARD);
/// How many milliseconds an answer is still of use.
pub(crate) const DEADLINE: HeaderName = HeaderName::from_static(labels::DEADLINE);
/// What a request hands on to those that follow from it.
pub(crate) const HANDED_ON: [HeaderName; 3] = [
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static(labels::REQUEST_ID),
];

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A body of these bytes.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Reads what `request` asks, in at most so many bytes.
pub(crate) async fn ask<T: DeserializeOwned>(request: Request, most: u64) -> Result<T> {
    let (head, body) = request.into_parts();
    let body = held(body, most).await?;
    let is_json = head.headers.get(CONTENT_TYPE).is_some_and(|kind| says_json(kind.as_bytes()));
    read(&head.uri, is_json, &body)
}

/// Reads a body whole.
async fn held(mut body: Body, most: u64) -> Result<Vec<u8>> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let wrong = |why| Error::bad_request(format!("the body did not come: {why}"));
        let Ok(data) = frame.map_err(wrong)?.into_data() else { continue };
        if (whole.len() + data.len()) as u64 > most {
            let told = format!("the body is larger than {most} bytes (max-body)");
            return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, told));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}

/// Whether this content type is JSON's.
pub(crate) fn says_json(kind: &[u8]) -> bool {
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    kind.eq_ignore_ascii_case(b"application/json")
}

/// Reads an ask that came to `uri` with this `body`, which is said to be JSON or may be a text.
pub(crate) fn read<T: DeserializeOwned>(uri: &Uri, is_json: bool, body: &[u8]) -> Result<T> {
    if !body.is_empty() {
        let why = match serde_json::from_slice(body) {
            Ok(ask) => return Ok(ask),
            Err(why) => why,
        };
        let text = std::str::from_utf8(body).ok().filter(|_| !is_json);
        let as_text = |text: &str| serde_json::from_value(text.trim_end().into()).ok();
        let wrong = || Error::bad_request(format!("the body is not what is asked for here: {why}"));
        return text.and_then(as_text).ok_or_else(wrong);
    }
    if let Some(query) = uri.query().filter(|query| !query.is_empty()) {
        let wrong =
            |why| Error::bad_request(format!("the query is not what is asked for here: {why}"));
        return serde_urlencoded::from_str(query).map_err(wrong);
    }
    let nothing = [serde_json::Value::Null, serde_json::json!({})];
    let read = nothing.into_iter().find_map(|nothing| serde_json::from_value(nothing).ok());
    read.ok_or_else(|| {
        Error::bad_request(
            "nothing was asked: send JSON as the body (curl -d '…'), or a query (?name=value)",
        )
    })
}

/// A request with this ask.
pub(crate) fn question<A: Serialize + ?Sized>(ask: &A) -> Result<http::Request<Bytes>> {
    let mut request = http::Request::new(line(&ask)?);
    *request.method_mut() = Method::POST;
    request.headers_mut().insert(CONTENT_TYPE, JSON);
    Ok(request)
}

/// Writes `answer` as one line.
pub(crate) fn line<R: Serialize>(answer: &R) -> Result<Bytes> {
    let mut text = serde_json::to_vec(answer)?;
    text.push(b'\n');
    Ok(text.into())
}

/// Writes what came of an ask.
pub(crate) fn answer<R: Serialize>(answer: Result<R>) -> Response {
    match answer.and_then(|answer| line(&answer)) {
        Ok(line) => {
            let mut response = Response::new(whole(line));
            response.headers_mut().insert(CONTENT_TYPE, JSON);
            response
        }
        Err(error) => refuse(&error),
    }
}

/// What came of `work`, also where it panicked.
pub(crate) async fn caught<T>(work: impl Future<Output = T>) -> Result<T> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|with| Error::panicked(&*with))
}

/// Writes why there is no answer (RFC 9457).
pub(crate) fn refuse(error: &Error) -> Response {
    refusal(error).map(whole)
}

/// The same, whole; what only the log should know is said there.
pub(crate) fn refusal(error: &Error) -> http::Response<Bytes> {
    if error.has_cause() || error.status() == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::warn!(status = error.status().as_u16(), error = %error.in_full(), "a request failed");
    }
    let status = error.status();
    let problem = serde_json::json!({
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": error.to_string(),
    });
    let mut response = http::Response::new(Bytes::from(format!("{problem}\n")));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
