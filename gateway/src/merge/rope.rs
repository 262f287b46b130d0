//! How is a body put together without copying what is large? As segments, sent one after the other.

use std::mem;

use bytes::Bytes;

/// A piece shorter than this is cheaper copied than counted and written on its own.
const SPLICED: usize = 4096;

/// A body in the making.
#[derive(Debug, Default)]
pub(super) struct Rope {
    segments: Vec<Bytes>,
    tail: Vec<u8>,
}

impl Rope {
    /// Appends a copy of `text`.
    pub(super) fn copy(&mut self, text: &[u8]) {
        self.tail.extend_from_slice(text);
    }

    /// Appends `text` as a JSON string.
    pub(super) fn quote(&mut self, text: &str) {
        serde_json::to_writer(&mut self.tail, text).expect("text into memory");
    }

    /// Appends `piece`, which lies in `whole`: shared with it when it is large.
    pub(super) fn splice(&mut self, whole: &Bytes, piece: &[u8]) {
        if piece.len() < SPLICED {
            return self.copy(piece);
        }
        self.flush();
        self.segments.push(whole.slice_ref(piece));
    }

    /// The segments, none of them empty.
    pub(super) fn finish(mut self) -> Vec<Bytes> {
        self.flush();
        self.segments
    }

    fn flush(&mut self) {
        if !self.tail.is_empty() {
            self.segments.push(Bytes::from(mem::take(&mut self.tail)));
        }
    }
}
