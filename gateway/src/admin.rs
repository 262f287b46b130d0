//! How is the gateway? For operators and their probes, on a door of its own.
//!
//! | path | what it says |
//! |---|---|
//! | `/healthz` | `ok`: the process answers |
//! | `/readyz` | `ready`, or 503 with `starting` or `draining` |
//! | `/metrics` | the counters, for Prometheus |
//! | `/snapshot` | services, shards, replicas and routes, as JSON |
//! | `/explain?service=S&key=K` | who owns a key, and who is next; JSON, or text to who accepts it |
//! | `/` | all of it in a browser |

mod explain;
mod mistakes;
mod ready;
mod server;
#[cfg(test)]
mod tests;
mod view;

pub use self::explain::{Candidate, Explanation, Known, Unknown, explain};
pub use self::mistakes::Mistakes;
pub use self::ready::{Ready, State};

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};
use http_body_util::Full;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::json;

use crate::metrics;
use crate::snapshot::Latest;
use crate::tasks::Clock;

use self::view::View;

const DASHBOARD: &str = include_str!("admin/dashboard.html");
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
/// The dashboard asks this door and no other, and runs nothing but what stands in it.
const POLICY: &str = "default-src 'none'; connect-src 'self'; img-src data:; \
                      style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
const PATHS: &str = "/, /healthz, /readyz, /metrics, /snapshot, /explain?service=S&key=K";
const EXPLAIN: &str = "say /explain?service=S&key=K, percent-encoded as UTF-8; &count=N for the \
                       first N candidates";
/// Candidates told where nobody says how many.
const CANDIDATES: usize = 10;

/// What the operators' door knows.
#[derive(Clone)]
pub struct Admin {
    /// What there is.
    pub latest: Latest,
    /// How far the gateway is.
    pub ready: Ready,
    /// The gateway's time.
    pub clock: Clock,
    /// What the picture does not know; the time and the mistakes are filled in here.
    pub facts: Arc<dyn Fn() -> metrics::Facts + Send + Sync>,
    /// What is wrong with the source.
    pub mistakes: Mistakes,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { latest: _, ready, clock: _, facts: _, mistakes } = self;
        f.debug_struct("Admin")
            .field("ready", ready)
            .field("mistakes", mistakes)
            .finish_non_exhaustive()
    }
}

/// What is answered.
pub(crate) type Answer = Response<Full<Bytes>>;

impl Admin {
    /// Answers one question.
    pub(crate) fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Answer {
        if method != Method::GET && method != Method::HEAD {
            let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, "ask with GET");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match uri.path() {
            "/healthz" => answer(StatusCode::OK, TEXT, "ok\n"),
            "/readyz" => self.readyz(),
            "/metrics" => {
                let page = metrics::render(&self.latest.load(), &self.facts());
                answer(StatusCode::OK, metrics::CONTENT_TYPE, page)
            }
            "/snapshot" => {
                let (snapshot, mistakes) = (self.latest.load(), self.mistakes.get());
                let state = self.ready.get();
                json_of(&View::of(&snapshot, &self.facts(), state, &mistakes))
            }
            "/explain" => self.explain(uri.query().unwrap_or_default(), headers),
            "/" => {
                let mut page = answer(StatusCode::OK, "text/html; charset=utf-8", DASHBOARD);
                let policy = HeaderValue::from_static(POLICY);
                page.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
                page
            }
            other => {
                problem(StatusCode::NOT_FOUND, &format!("`{other}` is not here; there are {PATHS}"))
            }
        }
    }

    fn facts(&self) -> metrics::Facts {
        let mistakes = self.mistakes.count() as u64;
        metrics::Facts { mistakes, now: self.clock.now(), ..(self.facts)() }
    }

    fn readyz(&self) -> Answer {
        let state = self.ready.get();
        let status = match state {
            State::Ready => StatusCode::OK,
            State::Starting | State::Draining => StatusCode::SERVICE_UNAVAILABLE,
        };
        answer(status, TEXT, format!("{}\n", state.as_str()))
    }

    fn explain(&self, query: &str, headers: &HeaderMap) -> Answer {
        let (service, key) = (parameter(query, "service"), parameter(query, "key"));
        // An empty value is no key: that is so for requests, too.
        let (Some(service), Some(key)) = (service, key.filter(|key| !key.is_empty())) else {
            return problem(StatusCode::BAD_REQUEST, EXPLAIN);
        };
        let count = match parameter(query, "count").map(|count| count.parse()) {
            None => CANDIDATES,
            Some(Ok(count)) => count,
            Some(Err(_)) => return problem(StatusCode::BAD_REQUEST, EXPLAIN),
        };
        match explain(&self.latest.load(), &service, &key, count, self.clock.now()) {
            Err(unknown) => problem(StatusCode::NOT_FOUND, &unknown.to_string()),
            Ok(found) if wants_text(headers) => answer(StatusCode::OK, TEXT, found.to_string()),
            Ok(found) => json_of(&found),
        }
    }
}

fn wants_text(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).map(HeaderValue::as_bytes).unwrap_or_default();
    accept.starts_with(b"text/plain")
}

/// The first value of `name`; none where it is not UTF-8.
fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(found, _)| *found == name)?;
    let spaced = value.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn json_of(value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(text) => answer(StatusCode::OK, JSON, text),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn problem(status: StatusCode, detail: &str) -> Answer {
    let problem = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
    });
    answer(status, "application/problem+json", problem.to_string())
}

fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}
