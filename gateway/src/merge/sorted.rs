//! What is one sorted array of many? A merge of all heads, which never looks further than that.
//!
//! An element without a value at the pointer counts as null. Equal elements stand in shard order.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::ops::Range;

use bytes::Bytes;

use crate::merge::Fit;
use crate::merge::reader;
use crate::merge::reader::{Element, Inside, Kind, Misfit, Place, Reader};
use crate::merge::rope::Rope;
use crate::merge::scalar::Scalar;
use crate::words::{Direction, Pointer};

/// Where the array is, which must be sorted.
pub(super) fn find(
    text: &[u8],
    pointer: &Pointer,
    direction: Direction,
) -> Result<Range<usize>, Misfit> {
    let mut reader = Reader::new(text);
    if reader.peek() != Some(b'[') {
        return reader::find(text, &Pointer::default(), Kind::Array);
    }
    let mut inside = reader.enter();
    let mut before: Option<Scalar<'_>> = None;
    let mut index = 0;
    let by = Place(pointer.tokens());
    while let Some(Element { value, .. }) = reader.element(&mut inside, pointer.tokens())? {
        let here = value.map_or(Ok(Scalar::Null), |value| Scalar::read(&text[value]));
        let here = here.map_err(|kind| format!("cannot sort /{index} by {by}: found {kind}"))?;
        if before.is_some_and(|before| order(direction, &before, &here).is_gt()) {
            let way = if direction == Direction::Ascending { "ascending" } else { "descending" };
            return Err(format!("not sorted at /{index}: not {way} by {by}"));
        }
        before = Some(here);
        index += 1;
    }
    reader.end()?;
    Ok(0..text.len())
}

/// One array.
pub(super) fn join(pointer: &Pointer, direction: Direction, fits: &[Fit]) -> Vec<Bytes> {
    let queues = fits.iter().enumerate().map(|(at, fit)| {
        let mut reader = Reader::new(&fit.text);
        let inside = reader.enter();
        let (key, element) = (Scalar::Null, 0..0);
        Queue { fit: at, text: &fit.text, reader, inside, direction, key, element }
    });
    let tokens = pointer.tokens();
    let mut heads: BinaryHeap<Queue<'_>> =
        queues.filter_map(|mut queue| queue.step(tokens).then_some(queue)).collect();
    let mut rope = Rope::default();
    let mut before: &[u8] = b"[";
    while let Some(mut head) = heads.peek_mut() {
        rope.copy(before);
        rope.splice(&fits[head.fit].text, &head.text[head.element.clone()]);
        before = b",";
        if !head.step(tokens) {
            drop(PeekMut::pop(head));
        }
    }
    rope.copy(if before == b"[" { b"[]" } else { b"]" });
    rope.finish()
}

fn order(direction: Direction, one: &Scalar<'_>, other: &Scalar<'_>) -> Ordering {
    match direction {
        Direction::Ascending => one.cmp(other),
        Direction::Descending => other.cmp(one),
    }
}

/// One part's elements, and the one at its head.
struct Queue<'a> {
    fit: usize,
    text: &'a [u8],
    reader: Reader<'a>,
    inside: Inside,
    direction: Direction,
    key: Scalar<'a>,
    element: Range<usize>,
}

impl Queue<'_> {
    /// Steps to the next element, which [`find`] has seen to be right.
    fn step(&mut self, tokens: &[String]) -> bool {
        let Ok(Some(Element { whole, value })) = self.reader.element(&mut self.inside, tokens)
        else {
            return false;
        };
        self.key =
            value.and_then(|value| Scalar::read(&self.text[value]).ok()).unwrap_or(Scalar::Null);
        self.element = whole;
        true
    }
}

impl Ord for Queue<'_> {
    /// The heap gives its greatest: that is the element that comes first.
    fn cmp(&self, other: &Self) -> Ordering {
        order(self.direction, &other.key, &self.key).then_with(|| other.fit.cmp(&self.fit))
    }
}

impl PartialOrd for Queue<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Queue<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Queue<'_> {}
