//! What is a request called? `X-Request-Id` and W3C `traceparent`: those that came, or new ones.

use std::fmt;

use http::{HeaderName, HeaderValue};

use crate::fields::{Fields, Name};
use crate::words::labels;

const REQUEST_ID: HeaderName = HeaderName::from_static(labels::REQUEST_ID);
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Ids longer than this are somebody's payload.
const ID_MOST: usize = 128;
/// How long a `traceparent` is, and the trace id within it.
const LINE: usize = 55;
const TRACE: usize = 32;

/// What a request is called.
#[derive(Debug, Clone)]
pub struct Names {
    /// In logs and answers.
    pub id: Id,
    /// Where the client gave none: a line of its own.
    pub(super) traceparent: Option<[u8; LINE]>,
}

/// What a request is called in logs and answers.
#[derive(Clone, PartialEq, Eq)]
pub enum Id {
    /// By the client.
    Given(HeaderValue),
    /// By us, who were given none: as its trace is.
    New([u8; TRACE]),
}

impl Id {
    /// The id, in visible letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = match self {
            Self::Given(value) => value.as_bytes(),
            Self::New(digits) => digits,
        };
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Default for Names {
    /// None: the id is all zeros, which no trace has.
    fn default() -> Self {
        Self { id: Id::New([b'0'; TRACE]), traceparent: None }
    }
}

impl Names {
    /// The names in `headers`, and new ones for those that are not there or not right, which are
    /// taken out. A new id is the trace's, so that a log line and a trace find each other.
    pub(super) fn find(headers: &mut Fields) -> Self {
        let given = headers.known(Name::Traceparent).next();
        let (trace, traceparent) = match given.and_then(trace_of) {
            Some(right) => (right, None),
            None => {
                headers.remove_known(Name::Traceparent);
                let line = new_traceparent();
                (line[3..3 + TRACE].try_into().expect("32 of them"), Some(line))
            }
        };
        let given = headers.known(Name::RequestId).next();
        let is_right =
            |id: &&[u8]| (1..=ID_MOST).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic);
        if let Some(id) = given.filter(is_right) {
            let id = HeaderValue::from_bytes(id).expect("it was one");
            return Self { id: Id::Given(id), traceparent };
        }
        headers.remove_known(Name::RequestId);
        Self { id: Id::New(trace), traceparent }
    }

    /// Those that the request's own headers do not say.
    pub(super) fn each(&self, mut say: impl FnMut(&HeaderName, &[u8])) {
        if let Some(line) = &self.traceparent {
            say(&TRACEPARENT, line);
        }
        if let Id::New(digits) = &self.id {
            say(&REQUEST_ID, digits);
        }
    }
}

/// `00-TRACE-SPAN-00`: not sampled, because nobody here records spans.
fn new_traceparent() -> [u8; LINE] {
    let (high, low) = (fastrand::u64(1..), fastrand::u64(..));
    let span = fastrand::u64(1..);
    let mut line = *b"00-00000000000000000000000000000000-0000000000000000-00";
    hex(high, &mut line[3..19]);
    hex(low, &mut line[19..35]);
    hex(span, &mut line[36..52]);
    line
}

fn hex(number: u64, into: &mut [u8]) {
    for (pair, byte) in into.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
}

/// The trace id of a right `traceparent` (W3C Trace Context §3.2).
fn trace_of(line: &[u8]) -> Option<[u8; TRACE]> {
    let digits = |range: &[u8]| range.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let right = line.len() >= 55
        && [2, 35, 52].iter().all(|place| line[*place] == b'-')
        && digits(&line[..2])
        && &line[..2] != b"ff"
        && digits(&line[3..35])
        && line[3..35].iter().any(|byte| *byte != b'0')
        && digits(&line[36..52])
        && digits(&line[53..55]);
    right.then(|| line[3..35].try_into().expect("32 of them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(names: &Names) -> Vec<(String, String)> {
        let mut said = Vec::new();
        names.each(|name, value| {
            said.push((name.to_string(), String::from_utf8_lossy(value).into_owned()));
        });
        said
    }

    #[test]
    fn a_request_without_names_gets_both_and_they_agree() {
        let names = Names::find(&mut Fields::default());
        let [(_, line), (_, told)] = &said(&names)[..] else { panic!("two names") };
        assert_eq!(
            (line.len(), &line[3..35], told.as_str()),
            (55, names.id.as_str(), &line[3..35])
        );
    }

    #[test]
    fn names_that_came_are_kept() {
        let line = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut headers = Fields::default();
        headers.insert(TRACEPARENT, HeaderValue::from_static(line));
        let names = Names::find(&mut headers);
        assert_eq!(names.id.as_str(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!((said(&names).len(), headers.text(TRACEPARENT)), (1, Some(line)));
        headers.insert(REQUEST_ID, HeaderValue::from_static("mine"));
        let names = Names::find(&mut headers);
        assert_eq!((names.id.as_str(), said(&names).len()), ("mine", 0));
    }

    #[test]
    fn a_wrong_traceparent_or_id_is_replaced() {
        let mut headers = Fields::default();
        headers.insert(TRACEPARENT, HeaderValue::from_static("00-zz"));
        headers.insert(REQUEST_ID, HeaderValue::from_static("has spaces"));
        let names = Names::find(&mut headers);
        let lengths = (names.id.as_str().len(), said(&names).len(), headers.len());
        assert_eq!(lengths, (32, 2, 0));
    }
}
