//! What is a request called? `X-Request-Id` and W3C `traceparent`: those that came, or new ones.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::words::labels;

const REQUEST_ID: HeaderName = HeaderName::from_static(labels::REQUEST_ID);
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Ids longer than this are somebody's payload.
const ID_MOST: usize = 128;

/// Makes sure that `headers` have both, and gives the id.
///
/// A new id is the trace's, so that a log line and a trace find each other.
pub(super) fn assign(headers: &mut HeaderMap) -> HeaderValue {
    let traced = headers.get(&TRACEPARENT).and_then(trace_of);
    let trace = traced.unwrap_or_else(|| {
        let line = new_traceparent();
        let trace = line.slice(3..35);
        headers.insert(TRACEPARENT, value(line));
        trace
    });
    if let Some(id) = headers.get(&REQUEST_ID)
        && (1..=ID_MOST).contains(&id.len())
        && id.as_bytes().iter().all(u8::is_ascii_graphic)
    {
        return id.clone();
    }
    let id = value(trace);
    headers.insert(REQUEST_ID, id.clone());
    id
}

/// `00-TRACE-SPAN-00`: not sampled, because nobody here records spans.
fn new_traceparent() -> Bytes {
    let (high, low) = (fastrand::u64(1..), fastrand::u64(..));
    let span = fastrand::u64(1..);
    let mut line = *b"00-00000000000000000000000000000000-0000000000000000-00";
    hex(high, &mut line[3..19]);
    hex(low, &mut line[19..35]);
    hex(span, &mut line[36..52]);
    Bytes::copy_from_slice(&line)
}

fn hex(number: u64, into: &mut [u8]) {
    let nibbles = number.to_be_bytes().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    for (digit, nibble) in into.iter_mut().zip(nibbles) {
        *digit = b"0123456789abcdef"[usize::from(nibble)];
    }
}

/// The trace id of a right `traceparent` (W3C Trace Context §3.2).
fn trace_of(line: &HeaderValue) -> Option<Bytes> {
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
    right.then(|| Bytes::copy_from_slice(&line[3..35]))
}

fn value(text: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text).expect("hexadecimal digits and dashes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_names_gets_both_and_they_agree() {
        let mut headers = HeaderMap::new();
        let id = assign(&mut headers);
        let line = headers[&TRACEPARENT].to_str().unwrap();
        assert_eq!(line.len(), 55);
        assert_eq!(&line[3..35], id.to_str().unwrap());
        assert_eq!(headers[&REQUEST_ID], id);
    }

    #[test]
    fn names_that_came_are_kept() {
        let line = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static(line));
        assert_eq!(assign(&mut headers), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(headers[&TRACEPARENT], line);
        headers.insert(REQUEST_ID, HeaderValue::from_static("mine"));
        assert_eq!(assign(&mut headers), "mine");
    }

    #[test]
    fn a_wrong_traceparent_or_id_is_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static("00-zz"));
        headers.insert(REQUEST_ID, HeaderValue::from_static("has spaces"));
        let id = assign(&mut headers);
        assert_eq!(id.len(), 32);
        assert_eq!(headers[&TRACEPARENT].len(), 55);
    }
}
