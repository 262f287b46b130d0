//! How do the parts of a scatter become one answer?

/// A JSON pointer (RFC 6901), already split and unescaped; empty is the whole document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// A pointer with these reference tokens, unescaped.
    #[must_use]
    pub fn new(tokens: Vec<String>) -> Self {
        Self(tokens)
    }

    /// The reference tokens, from the root down.
    #[must_use]
    pub fn tokens(&self) -> &[String] {
        &self.0
    }
}

/// Which value stands when two objects have the same member (`object:CONFLICT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Conflict {
    /// The one of the earlier shard.
    First,
    /// The one of the later shard.
    #[default]
    Last,
    /// None: the scatter is refused.
    Error,
    /// All, as an array in shard order.
    Array,
}

/// Which end of an order comes first (`sorted:PTR[:desc]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// The smallest.
    #[default]
    Ascending,
    /// The greatest.
    Descending,
}

/// How one answer is made of the parts (`scatter-merge`). Parts stand in shard order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Merge {
    /// `{"SHARD": {"status": 200, "body": …}, …}`.
    #[default]
    Map,
    /// The arrays at the pointer, one after the other, inside the first part's document.
    Concat(Pointer),
    /// One object with the members of all.
    Object(Conflict),
    /// Newline-delimited JSON, whole lines, streamed.
    Ndjson,
    /// Arrays of the whole document, each sorted by the value at the pointer in its elements, merged
    /// into one that is.
    Sorted(Pointer, Direction),
    /// The sum of the numbers at the pointer.
    Sum(Pointer),
    /// The least of the numbers at the pointer.
    Min(Pointer),
    /// The greatest of the numbers at the pointer.
    Max(Pointer),
    /// The mean of the numbers at the pointer.
    Avg(Pointer),
    /// The arrays of the whole documents as one, without elements whose value at the pointer was
    /// seen before.
    Union(Pointer),
    /// The first right answer; the other leaves are cancelled.
    First,
    /// The body that more than half of all leaves gave.
    Quorum,
    /// `multipart/mixed`, a part a leaf.
    Multipart,
    /// `{"SHARD": 200, …}`: what each leaf said, without the bodies.
    Status,
}
