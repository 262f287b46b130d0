//! What is one document with the arrays of all? The first one's, with its array made longer.

use bytes::Bytes;

use crate::merge::Fit;
use crate::merge::rope::Rope;

/// The first document byte for byte, and in its array the elements of all.
pub(super) fn join(fits: &[Fit]) -> Vec<Bytes> {
    let mut rope = Rope::default();
    let Some(Fit { text, place, .. }) = fits.first() else { return rope.finish() };
    rope.splice(text, &text[..=place.start]);
    let mut behind = false;
    for fit in fits {
        let elements = fit.text[fit.place.start + 1..fit.place.end - 1].trim_ascii();
        if elements.is_empty() {
            continue;
        }
        if behind {
            rope.copy(b",");
        }
        rope.splice(&fit.text, elements);
        behind = true;
    }
    rope.splice(text, &text[place.end - 1..]);
    rope.finish()
}
