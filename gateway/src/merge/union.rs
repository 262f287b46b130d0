//! What is one array without what was seen before? The earliest shard's element stands.
//!
//! An element without a value at the pointer is like no other, and always stands.

use std::collections::HashSet;

use bytes::Bytes;

use crate::merge::Fit;
use crate::merge::reader::{Element, Reader};
use crate::merge::rope::Rope;
use crate::merge::scalar::Identity;
use crate::words::Pointer;

/// One array.
pub(super) fn join(pointer: &Pointer, fits: &[Fit]) -> Vec<Bytes> {
    let mut rope = Rope::default();
    let mut seen = HashSet::new();
    let mut before: &[u8] = b"[";
    for fit in fits {
        let mut reader = Reader::new(&fit.text);
        let mut inside = reader.enter();
        while let Ok(Some(Element { whole, value })) = reader.element(&mut inside, pointer.tokens())
        {
            if value.is_none_or(|value| seen.insert(Identity::read(&fit.text[value]))) {
                rope.copy(before);
                rope.splice(&fit.text, &fit.text[whole]);
                before = b",";
            }
        }
    }
    rope.copy(if before == b"[" { b"[]" } else { b"]" });
    rope.finish()
}
