//! Where in a JSON text is what a merge needs? One validating pass, and nothing is built.
//!
//! `serde_json` skips the values, without recursion; this file walks only the arrays and objects that
//! a pointer goes through. Where an object has a member twice, the last one counts, as it does in
//! `serde_json` and in JavaScript.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use serde::de::{Deserialize, Deserializer, IgnoredAny, Visitor};

use crate::model::Answer;
use crate::words::Pointer;

/// Why a part cannot be merged, for people: what is wrong, and where.
pub(super) type Misfit = String;

/// The byte order mark, in UTF-8.
pub(super) const MARK: [u8; 3] = *b"\xEF\xBB\xBF";

/// What a JSON value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    /// The kind of a right value.
    pub(super) fn of(value: &[u8]) -> Self {
        match value.first() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::String,
            Some(b't' | b'f') => Self::Bool,
            Some(b'n') | None => Self::Null,
            Some(_) => Self::Number,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        })
    }
}

/// Refuses a body that cannot be looked into.
pub(super) fn plain(answer: &Answer) -> Result<(), Misfit> {
    for value in answer.headers.all(CONTENT_ENCODING.as_str()) {
        if !value.eq_ignore_ascii_case(b"identity") {
            let coding = String::from_utf8_lossy(value);
            return Err(format!("content-encoding {coding} cannot be merged"));
        }
    }
    Ok(())
}

/// The body as UTF-8, without the byte order mark that RFC 8259 allows a reader to ignore.
pub(super) fn text(answer: &Answer) -> Result<Bytes, Misfit> {
    plain(answer)?;
    let mark = if answer.body.starts_with(&MARK) { MARK.len() } else { 0 };
    let text = answer.body.slice(mark..);
    if let Err(error) = std::str::from_utf8(&text) {
        return Err(format!("not UTF-8 at byte {}", mark + error.valid_up_to()));
    }
    if text.trim_ascii().is_empty() {
        return Err("not JSON: the body is empty".to_owned());
    }
    Ok(text)
}

/// Where the value at `pointer` is, which must be of the kind `wanted`; all of `text` is validated.
pub(super) fn find(text: &[u8], pointer: &Pointer, wanted: Kind) -> Result<Range<usize>, Misfit> {
    let mut reader = Reader::new(text);
    let found = reader.locate(pointer.tokens())?;
    reader.end()?;
    let noun = wanted.to_string();
    let noun = noun.split(' ').next_back().unwrap_or_default();
    match found {
        None => Err(format!("not a JSON {noun} at {}: nothing is there", Place(pointer.tokens()))),
        Some(range) => match Kind::of(&text[range.clone()]) {
            kind if kind == wanted => Ok(range),
            kind => Err(format!("not a JSON {noun} at {}: found {kind}", Place(pointer.tokens()))),
        },
    }
}

/// A string's bytes without quotes and escapes. Half of a surrogate pair, which has no meaning as
/// text, is encoded as if it had (WTF-8), and so is like no text, however that is written.
pub(super) fn unescaped(string: &[u8]) -> Cow<'_, [u8]> {
    let inside = string.get(1..string.len() - 1).unwrap_or_default();
    if memchr::memchr(b'\\', inside).is_none() {
        return Cow::Borrowed(inside);
    }
    match serde_json::from_slice(string) {
        Ok(Unescaped(text)) => Cow::Owned(text),
        Err(_) => Cow::Borrowed(inside),
    }
}

/// A string as `serde_json` gives it to who asks for bytes: it need not be UTF-8.
struct Unescaped(Vec<u8>);

impl<'de> Deserialize<'de> for Unescaped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Self(Vec::new()))
    }
}

impl Visitor<'_> for Unescaped {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self, E> {
        Ok(Self(bytes.to_vec()))
    }
}

/// A pointer as people write it.
pub(super) struct Place<'a>(pub(super) &'a [String]);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the root");
        }
        for token in self.0 {
            write!(f, "/{}", token.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

/// A walk over one JSON text, which is known to be UTF-8.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Passes one value whole.
    pub(super) fn value(&mut self) -> Result<Range<usize>, Misfit> {
        self.peek();
        let start = self.at;
        if let Some(length) = plain_scalar(&self.text[start..]) {
            self.at += length;
            return Ok(start..self.at);
        }
        let rest = serde_json::Deserializer::from_slice(&self.text[start..]);
        let mut values = rest.into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {
                self.at = start + values.byte_offset();
                Ok(start..self.at)
            }
            Some(Err(error)) => Err(self.wrong_below(&error)),
            None => Err(self.wrong("the text ends where a value should be")),
        }
    }

    /// Passes one value whole, and says where in it the value at the pointer is.
    pub(super) fn locate(&mut self, tokens: &[String]) -> Result<Option<Range<usize>>, Misfit> {
        let Some((token, below)) = tokens.split_first() else { return self.value().map(Some) };
        let mut found = None;
        match self.peek() {
            Some(b'{') => {
                let mut members = self.enter();
                while let Some(name) = self.name(&mut members)? {
                    if *unescaped(&self.text[name]) == *token.as_bytes() {
                        found = self.locate(below)?;
                    } else {
                        self.value()?;
                    }
                }
            }
            Some(b'[') => {
                let wanted = index(token);
                let mut elements = self.enter();
                let mut here = 0;
                while self.more(&mut elements, b']')? {
                    if Some(here) == wanted {
                        found = self.locate(below)?;
                    } else {
                        self.value()?;
                    }
                    here += 1;
                }
            }
            _ => {
                self.value()?;
            }
        }
        Ok(found)
    }

    /// Steps into the array or object that stands here.
    pub(super) fn enter(&mut self) -> Inside {
        self.peek();
        self.at += 1;
        Inside { first: true }
    }

    /// Steps to the next element, or over `close`.
    pub(super) fn more(&mut self, inside: &mut Inside, close: u8) -> Result<bool, Misfit> {
        let first = std::mem::replace(&mut inside.first, false);
        match self.peek() {
            Some(byte) if byte == close => self.at += 1,
            Some(_) if first => return Ok(true),
            Some(b',') => {
                self.at += 1;
                return Ok(true);
            }
            _ => return Err(self.wrong(&format!("expected `,` or `{}`", char::from(close)))),
        }
        Ok(false)
    }

    /// Steps to the next member's value; where its name is, with the quotes.
    pub(super) fn name(&mut self, inside: &mut Inside) -> Result<Option<Range<usize>>, Misfit> {
        if !self.more(inside, b'}')? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return Err(self.wrong("expected a member's name"));
        }
        let name = self.value()?;
        if self.peek() != Some(b':') {
            return Err(self.wrong("expected `:`"));
        }
        self.at += 1;
        Ok(Some(name))
    }

    /// Steps to the next element of an array and passes it.
    pub(super) fn element(
        &mut self,
        inside: &mut Inside,
        tokens: &[String],
    ) -> Result<Option<Element>, Misfit> {
        if !self.more(inside, b']')? {
            return Ok(None);
        }
        self.peek();
        let start = self.at;
        let found = self.locate(tokens)?;
        Ok(Some(Element { whole: start..self.at, value: found }))
    }

    /// Nothing may follow but white space.
    pub(super) fn end(&mut self) -> Result<(), Misfit> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong("expected the end")),
        }
    }

    /// The next byte that is not white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.text.get(self.at) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn wrong(&self, what: &str) -> Misfit {
        let (line, column) = self.position();
        format!("not JSON at line {line} column {column}: {what}")
    }

    /// `serde_json` counts from where it began.
    fn wrong_below(&self, error: &serde_json::Error) -> Misfit {
        let (mut line, mut column) = self.position();
        if error.line() > 1 {
            column = 0;
        } else {
            column -= 1;
        }
        line += error.line().saturating_sub(1);
        column += error.column();
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or_default();
        format!("not JSON at line {line} column {column}: {what}")
    }

    fn position(&self) -> (usize, usize) {
        let before = &self.text[..self.at];
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |end| end + 1) + 1;
        (line, column)
    }
}

/// Where an element is, and where in it the value that it was searched for.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) whole: Range<usize>,
    pub(super) value: Option<Range<usize>>,
}

/// How far an array or an object has been read.
#[derive(Debug)]
pub(super) struct Inside {
    first: bool,
}

/// The length of a string without escapes, or of a short run of digits: most of what stands in the
/// objects that are walked, and too little to set a parser up for. All else is `serde_json`'s.
fn plain_scalar(rest: &[u8]) -> Option<usize> {
    match rest.first()? {
        b'"' => {
            let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
            let length = rest[1..].iter().position(ends)?;
            (rest[1 + length] == b'"').then_some(length + 2)
        }
        b'1'..=b'9' => {
            let length = rest.iter().position(|byte| !byte.is_ascii_digit())?;
            matches!(rest[length], b',' | b'}' | b']').then_some(length)
        }
        _ => None,
    }
}

/// An array's index as RFC 6901 writes it: without leading zeros.
fn index(token: &str) -> Option<usize> {
    let canonical = token == "0" || !token.starts_with(['0', '+']);
    if canonical { token.parse().ok() } else { None }
}
