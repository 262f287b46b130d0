//! What do the fields of a head say? They stand in a list, in the order they came, over the bytes
//! they came in.
//!
//! What is passed on is mostly what came. A map would take it apart, hash each name, share each
//! value, and put it together again; here a head that nothing was taken out of is written as one
//! piece. There are few fields, so to look for one is to walk the list.
//!
//! ```
//! use http::HeaderValue;
//! use http::header::ACCEPT;
//! use metaparticle_gateway::fields::Fields;
//!
//! let mut fields = Fields::default();
//! fields.append(ACCEPT, HeaderValue::from_static("text/html"));
//! fields.append(ACCEPT, HeaderValue::from_static("text/plain, */*"));
//! assert_eq!(fields.get("ACCEPT"), Some(&b"text/html"[..]));
//! assert_eq!(fields.list("accept").collect::<Vec<_>>(), ["text/html", "text/plain", "*/*"]);
//! ```

mod name;

pub use self::name::{Known, Name};

use std::borrow::Borrow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The fields of a head. What it holds can be written as it is: names are tokens, and no value has a
/// control character.
#[derive(Clone, Default)]
pub struct Fields {
    /// Where they stand, as they came.
    came: Bytes,
    /// Where those stand that were added.
    added: Vec<u8>,
    list: Vec<Field>,
    /// Which of the known names there are.
    seen: Known,
}

/// Where a field stands.
#[derive(Debug, Clone, Copy)]
struct Field {
    at: u32,
    name: u16,
    /// What stands between name and value.
    gap: u16,
    value: u32,
    known: Option<Name>,
    added: bool,
    /// Not to be kept in HTTP/2's tables of headers (RFC 7541 §7.1.3).
    sensitive: bool,
}

impl Field {
    fn name(self) -> Range<usize> {
        let at = self.at as usize;
        at..at + usize::from(self.name)
    }

    fn value(self) -> Range<usize> {
        let at = self.name().end + usize::from(self.gap);
        at..at + self.value as usize
    }
}

/// Longer than a head may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Fields {
    /// None yet, of which most will stand in `came`, and of which there may be `count`.
    pub(crate) fn over(came: Bytes, count: usize) -> Self {
        Self { came, list: Vec::with_capacity(count), ..Self::default() }
    }

    /// A field that stands in what came: its name, which is a token, and its value. Who finds a control
    /// character in one of the values lets go of all. Says which it is.
    pub(crate) fn found(
        &mut self,
        name: Range<usize>,
        value: Range<usize>,
    ) -> Result<Option<Name>, TooLong> {
        let known = Name::of(&self.came[name.clone()]);
        self.list.push(Field {
            at: u32::try_from(name.start).map_err(|_| TooLong)?,
            name: u16::try_from(name.len()).map_err(|_| TooLong)?,
            gap: u16::try_from(value.start - name.end).map_err(|_| TooLong)?,
            value: u32::try_from(value.len()).map_err(|_| TooLong)?,
            known,
            added: false,
            sensitive: false,
        });
        self.seen.extend(known);
        Ok(known)
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Which of the known names there are.
    #[must_use]
    pub fn seen(&self) -> Known {
        self.seen
    }

    /// Each field, in the order they came: its name, as it was written, and its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let text = |name| std::str::from_utf8(name).unwrap_or_default();
        self.list.iter().map(move |field| (text(self.name_of(field)), self.value_of(field)))
    }

    /// The name of each field, as it was written.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.list.iter().map(|field| self.name_of(field))
    }

    /// Whether there is a field called `name`.
    #[must_use]
    pub fn contains(&self, name: impl AsRef<str>) -> bool {
        self.get(name).is_some()
    }

    /// The value of the first field called `name`.
    #[must_use]
    pub fn get(&self, name: impl AsRef<str>) -> Option<&[u8]> {
        let name = name.as_ref();
        self.list.iter().find(|field| self.is(field, name)).map(|field| self.value_of(field))
    }

    /// The value of the first field called `name`, where it is text in ASCII.
    #[must_use]
    pub fn text(&self, name: impl AsRef<str>) -> Option<&str> {
        self.get(name).and_then(text)
    }

    /// The values of all fields with this known name, in the order they came.
    pub fn known(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        let found = self.list.iter().filter(move |field| field.known == Some(name));
        found.map(|field| self.value_of(field))
    }

    /// The values of all fields called `name`, in the order they came.
    pub fn all<'f>(&'f self, name: &'f str) -> impl DoubleEndedIterator<Item = &'f [u8]> {
        let found = self.list.iter().filter(move |field| self.is(field, name));
        found.map(|field| self.value_of(field))
    }

    /// The entries of the list that the fields called `name` are together (RFC 9110 §5.6.1); what is
    /// no text in ASCII is left out.
    pub fn list<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let entries = self.all(name).filter_map(text).flat_map(|text| text.split(','));
        entries.map(str::trim).filter(|entry| !entry.is_empty())
    }

    /// Whether the list that the fields called `name` are has `wanted`, however it is written.
    #[must_use]
    pub fn lists(&self, name: &str, wanted: &str) -> bool {
        self.list(name).any(|entry| entry.eq_ignore_ascii_case(wanted))
    }

    /// Adds a field.
    pub fn append(&mut self, name: impl Borrow<HeaderName>, value: impl Borrow<HeaderValue>) {
        let value = value.borrow();
        self.append_bytes(name.borrow().as_str(), value.as_bytes());
        self.last_is_sensitive(value.is_sensitive());
    }

    fn last_is_sensitive(&mut self, sensitive: bool) {
        if let Some(last) = self.list.last_mut() {
            last.sensitive = sensitive;
        }
    }

    /// Adds a field whose name is a token, and whose value has no control character.
    pub(crate) fn append_bytes(&mut self, name: &str, value: &[u8]) {
        let at = self.added.len();
        self.added.reserve((name.len() + value.len() + 4).max(ADDED_USUAL));
        put(&mut self.added, name.as_bytes(), value);
        let known = Name::of(name.as_bytes());
        self.list.push(Field {
            at: u32::try_from(at).expect("less than 4 GiB"),
            name: u16::try_from(name.len()).expect("no name is longer"),
            gap: 2,
            value: u32::try_from(value.len()).expect("less than 4 GiB"),
            known,
            added: true,
            sensitive: false,
        });
        self.seen.extend(known);
    }

    /// Adds the fields that `others` has called `name`.
    pub fn append_all(&mut self, others: &Self, name: &HeaderName) {
        for field in others.list.iter().filter(|field| others.is(field, name.as_str())) {
            self.append_bytes(name.as_str(), others.value_of(field));
            self.last_is_sensitive(field.sensitive);
        }
    }

    /// Adds a field in the place of those of its name.
    pub fn insert(&mut self, name: impl Borrow<HeaderName>, value: impl Borrow<HeaderValue>) {
        self.remove(name.borrow());
        self.append(name, value);
    }

    /// Takes out the fields called `name`.
    pub fn remove(&mut self, name: impl AsRef<str>) {
        let name = name.as_ref().as_bytes();
        self.retain(|found| !found.eq_ignore_ascii_case(name));
    }

    /// Takes out the fields whose names `keep` does not want.
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8]) -> bool) {
        let Self { came, added, list, seen } = self;
        let text = |field: &Field| if field.added { &added[..] } else { &came[..] };
        list.retain(|field| keep(&text(field)[field.name()]));
        *seen = list.iter().filter_map(|field| field.known).collect();
    }

    /// Takes out the fields with these known names.
    pub fn remove_known(&mut self, names: impl Into<Known>) {
        let names = names.into();
        if self.seen.has_any(names) {
            self.list.retain(|field| !field.known.is_some_and(|name| names.has(name)));
            self.seen = self.list.iter().filter_map(|field| field.known).collect();
        }
    }

    /// Takes out all fields with this known name but the first.
    pub(crate) fn keep_first(&mut self, name: Name) {
        let mut before = false;
        self.list
            .retain(|field| field.known != Some(name) || !std::mem::replace(&mut before, true));
    }

    /// Writes them, each on a line: those that stand together as they came are one piece.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut run = 0..0;
        for field in &self.list {
            let (name, value) = (field.name(), field.value());
            if field.added || &self.came[name.end..value.start] != b": " {
                out.extend_from_slice(&self.came[run]);
                run = 0..0;
                put(out, self.name_of(field), self.value_of(field));
                continue;
            }
            if run.end != name.start {
                out.extend_from_slice(&self.came[run]);
                run = name.start..name.start;
            }
            run.end = value.end;
            if self.came[value.end..].starts_with(b"\r\n") {
                run.end += 2;
            } else {
                out.extend_from_slice(&self.came[run]);
                out.extend_from_slice(b"\r\n");
                run = 0..0;
            }
        }
        out.extend_from_slice(&self.came[run]);
    }

    fn text_behind(&self, field: &Field) -> &[u8] {
        if field.added { &self.added } else { &self.came }
    }

    fn name_of(&self, field: &Field) -> &[u8] {
        &self.text_behind(field)[field.name()]
    }

    fn value_of(&self, field: &Field) -> &[u8] {
        &self.text_behind(field)[field.value()]
    }

    fn is(&self, field: &Field, name: &str) -> bool {
        usize::from(field.name) == name.len()
            && self.name_of(field).eq_ignore_ascii_case(name.as_bytes())
    }
}

/// What is added to a head is mostly not much more.
const ADDED_USUAL: usize = 128;

/// One field, on a line.
fn put(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// A value as text, where it is text in ASCII.
fn text(value: &[u8]) -> Option<&str> {
    if value.is_ascii() { std::str::from_utf8(value).ok() } else { None }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |(name, value): (_, &[u8])| (name, value.escape_ascii().to_string());
        f.debug_map().entries(self.iter().map(text)).finish()
    }
}

impl From<&HeaderMap> for Fields {
    fn from(map: &HeaderMap) -> Self {
        let mut text = Vec::with_capacity(map.len() * FIELD_USUAL);
        for (name, value) in map {
            put(&mut text, name.as_str().as_bytes(), value.as_bytes());
        }
        let mut fields = Self::over(text.into(), map.len());
        let mut at = 0;
        for (name, value) in map {
            let name = at..at + name.as_str().len();
            let place = name.end + 2..name.end + 2 + value.len();
            at = place.end + 2;
            fields.found(name, place).expect("a map has no more than 4 GiB");
            fields.last_is_sensitive(value.is_sensitive());
        }
        fields
    }
}

impl FromIterator<(HeaderName, HeaderValue)> for Fields {
    fn from_iter<I: IntoIterator<Item = (HeaderName, HeaderValue)>>(all: I) -> Self {
        let mut fields = Self::default();
        all.into_iter().for_each(|(name, value)| fields.append(name, value));
        fields
    }
}

/// How long a field usually is, with its end.
pub(crate) const FIELD_USUAL: usize = 40;

impl From<&Fields> for HeaderMap {
    fn from(fields: &Fields) -> Self {
        let mut map = Self::with_capacity(fields.len());
        for field in &fields.list {
            let name = HeaderName::from_bytes(fields.name_of(field)).expect("a token");
            let value = if field.added {
                HeaderValue::from_bytes(fields.value_of(field))
            } else {
                HeaderValue::from_maybe_shared(fields.came.slice(field.value()))
            };
            let mut value = value.expect("it was one");
            value.set_sensitive(field.sensitive);
            map.append(name, value);
        }
        map
    }
}

#[cfg(test)]
mod tests;
