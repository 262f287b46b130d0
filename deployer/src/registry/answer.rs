//! What does a registry answer? A head, a body that fits into memory, and its own words for what is wrong.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderName, StatusCode, Uri, header};
use serde_json::Value;

use super::Fault;
use super::fault::hint;

/// An answer, whole.
#[derive(Debug)]
pub(super) struct Answer {
    /// What was asked, for who reads of it.
    pub(super) what: String,
    /// Where it came from.
    pub(super) from: Uri,
    pub(super) head: Parts,
    pub(super) body: Bytes,
}

/// A registry's own words, as they stand behind ours: nothing, or with a colon before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(String);

impl Display for Words {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

const WORDS_MOST: usize = 300;

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        self.head.status
    }

    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// Itself, if it has one of these statuses.
    pub(super) fn expect(self, statuses: &[StatusCode]) -> Result<Self, Fault> {
        if statuses.contains(&self.status()) { Ok(self) } else { Err(self.refused()) }
    }

    /// That it is not what was hoped for.
    pub(super) fn refused(self) -> Fault {
        let (status, said, after) = (self.status(), self.words(), self.retry_after());
        Fault::Refused { what: self.what, status, said, hint: hint(status), after }
    }

    pub(super) fn nonsense(&self, why: impl Into<String>) -> Fault {
        Fault::Nonsense { what: self.what.clone(), why: why.into() }
    }

    /// What the registry says: its errors if it lists them, or else the beginning of its text.
    pub(super) fn words(&self) -> Words {
        let parsed = serde_json::from_slice::<Value>(&self.body).unwrap_or_default();
        let errors = parsed["errors"].as_array().into_iter().flatten();
        let told: Vec<_> = errors.map(one).collect();
        let text = if told.is_empty() {
            String::from_utf8_lossy(&self.body).into_owned()
        } else {
            told.join("; ")
        };
        let page = text.trim_start().starts_with('<');
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Words(if page { String::new() } else { line.chars().take(WORDS_MOST).collect() })
    }

    fn retry_after(&self) -> Option<Duration> {
        let value = self.header(&header::RETRY_AFTER)?;
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        // By the registry's clock, if it tells it: ours may be another.
        let date = |text: &str| httpdate::parse_http_date(text).ok();
        let now = date(self.header(&header::DATE)?)?;
        date(value)?.duration_since(now).ok()
    }
}

fn one(error: &Value) -> String {
    let (code, message) = (&error["code"], &error["message"]);
    let detail = match &error["detail"] {
        Value::String(detail) if !detail.is_empty() => format!(" ({detail})"),
        _ => String::new(),
    };
    let parts = [code, message].into_iter().filter_map(Value::as_str).filter(|it| !it.is_empty());
    parts.collect::<Vec<_>>().join(" ") + &detail
}
