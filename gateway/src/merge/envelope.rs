//! What did each leaf say, under its name? (`map`, `status`)
//!
//! Every leaf that was asked is in it, in shard order: one without an answer with its `error`.
//! `map` takes any body: JSON stands as it is when the leaf calls it JSON (or calls it nothing) and it
//! is; other text is a string; the rest is `{"base64": "…"}`. An empty body is left out.

use bytes::Bytes;
use http::header::CONTENT_TYPE;

use crate::fields::Fields;
use crate::merge::reader;
use crate::merge::reader::Reader;
use crate::merge::rope::Rope;
use crate::model::{Answer, Outcome, Part};

const TIMED_OUT: &str = "timed out";
const NOT_WAITED_FOR: &str = "not waited for";

/// `{"SHARD":{"status":200,"body":…},"DOWN":{"error":"…"}}`
pub(super) fn map(parts: &[Part]) -> Vec<Bytes> {
    each(parts, |rope, outcome| match outcome {
        Outcome::Answered(answer) | Outcome::Refused(answer) => {
            rope.copy(format!("{{\"status\":{}", answer.status.as_u16()).as_bytes());
            // A right answer with a coding has been refused before; a refusal is told in any case.
            match reader::plain(answer) {
                Ok(()) => body(rope, answer),
                Err(why) => {
                    rope.copy(b",\"error\":");
                    rope.quote(&why);
                }
            }
            rope.copy(b"}");
        }
        Outcome::Failed(why) => error(rope, why),
        Outcome::TimedOut => error(rope, TIMED_OUT),
        Outcome::NotWaitedFor => error(rope, NOT_WAITED_FOR),
    })
}

/// `{"SHARD":200,"DOWN":"…"}`
pub(super) fn status(parts: &[Part]) -> Vec<Bytes> {
    each(parts, |rope, outcome| match outcome {
        Outcome::Answered(answer) | Outcome::Refused(answer) => {
            rope.copy(answer.status.as_str().as_bytes());
        }
        Outcome::Failed(why) => rope.quote(why),
        Outcome::TimedOut => rope.quote(TIMED_OUT),
        Outcome::NotWaitedFor => rope.quote(NOT_WAITED_FOR),
    })
}

fn each(parts: &[Part], say: impl Fn(&mut Rope, &Outcome)) -> Vec<Bytes> {
    let mut rope = Rope::default();
    rope.copy(b"{");
    for (at, Part { shard, outcome, .. }) in parts.iter().enumerate() {
        if at > 0 {
            rope.copy(b",");
        }
        rope.quote(shard.as_str());
        rope.copy(b":");
        say(&mut rope, outcome);
    }
    rope.copy(b"}");
    rope.finish()
}

fn error(rope: &mut Rope, why: &str) {
    rope.copy(b"{\"error\":");
    rope.quote(why);
    rope.copy(b"}");
}

fn body(rope: &mut Rope, answer: &Answer) {
    if answer.body.is_empty() {
        return;
    }
    rope.copy(b",\"body\":");
    if may_be_json(&answer.headers)
        && let Ok(text) = reader::text(answer)
        && is_json(&text)
    {
        return rope.splice(&answer.body, text.trim_ascii());
    }
    match std::str::from_utf8(&answer.body) {
        Ok(text) => rope.quote(text),
        Err(_) => {
            rope.copy(b"{\"base64\":\"");
            rope.copy(&base64(&answer.body));
            rope.copy(b"\"}");
        }
    }
}

fn may_be_json(headers: &Fields) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return true };
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii().to_ascii_lowercase();
    essence == b"application/json" || essence == b"text/json" || essence.ends_with(b"+json")
}

fn is_json(text: &[u8]) -> bool {
    let mut reader = Reader::new(text);
    reader.value().is_ok() && reader.end().is_ok()
}

/// RFC 4648, section 4, with padding.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut bits = [0; 4];
        bits[1..=group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes(bits);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= group.len() { digit } else { b'=' });
        }
    }
    text
}
