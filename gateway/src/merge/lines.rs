//! Where does a line end? Lines are never torn, never blank, and end in one line feed.

use std::mem;

use bytes::Bytes;

use crate::merge::Fit;
use crate::merge::reader::MARK;
use crate::merge::rope::Rope;

/// A line is longer than is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line is longer than {most} bytes")]
pub struct LineTooLong {
    /// The most bytes of a line, without its end.
    pub most: usize,
}

/// The lines of one leaf as they arrive in chunks: gives them back whole, however they were cut.
///
/// After an error nothing more may be asked of it: the leaf's lines end there.
#[derive(Debug)]
pub struct Lines {
    /// The beginning of a line whose end has not come; has no line feed.
    begun: Vec<u8>,
    most: usize,
    /// Whether a byte order mark may still begin here: `begun` is less than one.
    fresh: bool,
}

impl Lines {
    /// Holds at most `most` bytes of a line.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { begun: Vec::new(), most, fresh: true }
    }

    /// The lines that are whole with this chunk; empty when there is none. A byte order mark before
    /// the first is left out: it would stand in the middle of the answer.
    ///
    /// A chunk of whole lines comes back as it is, without a copy.
    ///
    /// # Errors
    /// When a line is too long; the lines of this chunk are lost with it.
    pub fn push(&mut self, mut chunk: Bytes) -> Result<Bytes, LineTooLong> {
        if self.fresh {
            chunk = self.unmarked(chunk);
        }
        let whole = memchr::memrchr(b'\n', &chunk).map_or(0, |end| end + 1);
        let torn = chunk.len() - whole;
        if whole == 0 {
            self.fits(self.begun.len() + torn)?;
            self.begun.extend_from_slice(&chunk);
            return Ok(Bytes::new());
        }
        let lines = if self.begun.is_empty() {
            chunk.slice(..whole)
        } else {
            let mut begun = mem::take(&mut self.begun);
            begun.extend_from_slice(&chunk[..whole]);
            Bytes::from(begun)
        };
        let mut blanks = false;
        for line in pieces(&lines) {
            self.fits(line.len() - 1)?;
            blanks |= is_blank(line);
        }
        self.fits(torn)?;
        self.begun.extend_from_slice(&chunk[whole..]);
        if !blanks {
            return Ok(lines);
        }
        Ok(pieces(&lines).filter(|line| !is_blank(line)).collect::<Vec<_>>().concat().into())
    }

    /// The leaf has ended as it should: its last line, if that had no end.
    #[must_use]
    pub fn finish(mut self) -> Option<Bytes> {
        if is_blank(&self.begun) {
            return None;
        }
        self.begun.push(b'\n');
        Some(Bytes::from(self.begun))
    }

    /// What of the first chunks is not a byte order mark, however that is cut.
    fn unmarked(&mut self, chunk: Bytes) -> Bytes {
        let left = &MARK[self.begun.len()..];
        let alike = left.iter().zip(&chunk).take_while(|(mark, byte)| mark == byte).count();
        if alike == left.len() {
            self.begun.clear();
            self.fresh = false;
            return chunk.slice(alike..);
        }
        if alike == chunk.len() {
            self.begun.extend_from_slice(&chunk);
            return Bytes::new();
        }
        self.fresh = false;
        chunk
    }

    fn fits(&self, length: usize) -> Result<(), LineTooLong> {
        if length > self.most { Err(LineTooLong { most: self.most }) } else { Ok(()) }
    }
}

/// The lines of all parts, one part after another.
pub(super) fn join(fits: &[Fit]) -> Vec<Bytes> {
    let mut rope = Rope::default();
    for Fit { text, .. } in fits {
        // What lies between blank lines is spliced as one piece.
        let mut start = if text.starts_with(&MARK) { MARK.len() } else { 0 };
        let mut end = start;
        for line in pieces(&text[start..]) {
            if is_blank(line) {
                rope.splice(text, &text[start..end]);
                start = end + line.len();
            }
            end += line.len();
        }
        rope.splice(text, &text[start..end]);
        if start < end && !text.ends_with(b"\n") {
            rope.copy(b"\n");
        }
    }
    rope.finish()
}

/// The lines, each with its end where it has one.
fn pieces(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let (line, behind) = rest.split_at(end);
        rest = behind;
        (!line.is_empty()).then_some(line)
    })
}

fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii().is_empty()
}
