//! What is one answer of bodies of any kind? `multipart/mixed` (RFC 2046), a part for each right answer.
//!
//! A leaf that is missing has no part: who spoke stands in each part's `metaparticle-shard`.

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use memchr::memmem;
use xxhash_rust::xxh3::Xxh3;

use crate::merge::rope::Rope;
use crate::model::{Answer, Outcome, Part};

/// The body, and its content type with the boundary.
pub(super) fn join(parts: &[Part]) -> (Vec<Bytes>, HeaderValue) {
    let answers: Vec<(&Part, &Answer)> = parts
        .iter()
        .filter_map(|part| match &part.outcome {
            Outcome::Answered(answer) => Some((part, answer)),
            _ => None,
        })
        .collect();
    let boundary = boundary(&answers);
    let mut rope = Rope::default();
    for (part, answer) in answers {
        rope.copy(format!("--{boundary}\r\nmetaparticle-shard: ").as_bytes());
        rope.copy(&line(part.shard.as_str()));
        let kind = answer.headers.get(CONTENT_TYPE);
        rope.copy(b"\r\ncontent-type: ");
        rope.copy(kind.unwrap_or(b"application/octet-stream"));
        for coding in answer.headers.all(CONTENT_ENCODING.as_str()) {
            rope.copy(b"\r\ncontent-encoding: ");
            rope.copy(coding);
        }
        rope.copy(b"\r\n\r\n");
        rope.splice(&answer.body, &answer.body);
        rope.copy(b"\r\n");
    }
    rope.copy(format!("--{boundary}--\r\n").as_bytes());
    let kind = HeaderValue::try_from(format!("multipart/mixed; boundary={boundary}"));
    (rope.finish(), kind.expect("a boundary of letters and digits"))
}

/// The same parts have the same boundary, and none of them has it in it. It follows from all the
/// bodies, so that no leaf can write one that makes many tries needed.
fn boundary(answers: &[(&Part, &Answer)]) -> String {
    let mut seed = 0;
    loop {
        let mut hash = Xxh3::with_seed(seed);
        for (_, answer) in answers {
            hash.update(&answer.body);
        }
        let boundary = format!("metaparticle-{:032x}", hash.digest128());
        let finder = memmem::Finder::new(&boundary);
        if answers.iter().all(|(_, answer)| finder.find(&answer.body).is_none()) {
            return boundary;
        }
        seed += 1;
    }
}

/// A name that a header can hold: what it cannot is escaped.
fn line(name: &str) -> Vec<u8> {
    match HeaderValue::from_str(name) {
        Ok(value) => value.as_bytes().to_vec(),
        Err(_) => name.escape_default().to_string().into_bytes(),
    }
}
