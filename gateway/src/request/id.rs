//! What is a request called? `X-Request-Id` and W3C `traceparent`: those that came, or new ones.

use http::{HeaderMap, HeaderName, HeaderValue};

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
    pub id: HeaderValue,
    /// The id is new: the client gave none.
    pub(super) is_new: bool,
    /// Where the client gave none: a line of its own.
    pub(super) traceparent: Option<[u8; LINE]>,
}

impl Default for Names {
    /// New names.
    fn default() -> Self {
        Self::find(&mut HeaderMap::new())
    }
}

impl Names {
    /// The names in `headers`, and new ones for those that are not there or not right, which are
    /// taken out. A new id is the trace's, so that a log line and a trace find each other.
    pub(super) fn find(headers: &mut HeaderMap) -> Self {
        let (mut trace, mut traceparent) = ([0; TRACE], None);
        let given = headers.get(&TRACEPARENT).map(trace_of);
        match given {
            Some(Some(right)) => trace = right,
            wrong => {
                if wrong.is_some() {
                    headers.remove(&TRACEPARENT);
                }
                let line = new_traceparent();
                trace.copy_from_slice(&line[3..3 + TRACE]);
                traceparent = Some(line);
            }
        }
        let given = headers.get(&REQUEST_ID);
        let is_right = |id: &&HeaderValue| {
            (1..=ID_MOST).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
        };
        if let Some(id) = given.filter(is_right) {
            return Self { id: id.clone(), is_new: false, traceparent };
        }
        if given.is_some() {
            headers.remove(&REQUEST_ID);
        }
        Self { id: value(&trace), is_new: true, traceparent }
    }

    /// Those that the request's own headers do not say.
    pub(super) fn each(&self, mut say: impl FnMut(&HeaderName, &[u8])) {
        if let Some(line) = &self.traceparent {
            say(&TRACEPARENT, line);
        }
        if self.is_new {
            say(&REQUEST_ID, self.id.as_bytes());
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
fn trace_of(line: &HeaderValue) -> Option<[u8; TRACE]> {
    let line = line.as_bytes();
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

fn value(text: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(text).expect("hexadecimal digits")
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
        let names = Names::find(&mut HeaderMap::new());
        let id = names.id.to_str().unwrap();
        let [(_, line), (_, told)] = &said(&names)[..] else { panic!("two names") };
        assert_eq!((line.len(), &line[3..35], told.as_str()), (55, id, id));
    }

    #[test]
    fn names_that_came_are_kept() {
        let line = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static(line));
        let names = Names::find(&mut headers);
        assert_eq!(names.id, "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(
            (said(&names).len(), &headers[&TRACEPARENT]),
            (1, &HeaderValue::from_static(line))
        );
        headers.insert(REQUEST_ID, HeaderValue::from_static("mine"));
        let names = Names::find(&mut headers);
        assert_eq!((names.id.as_bytes(), said(&names).len()), (&b"mine"[..], 0));
    }

    #[test]
    fn a_wrong_traceparent_or_id_is_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static("00-zz"));
        headers.insert(REQUEST_ID, HeaderValue::from_static("has spaces"));
        let names = Names::find(&mut headers);
        assert_eq!((names.id.len(), said(&names).len(), headers.len()), (32, 2, 0));
    }
}
