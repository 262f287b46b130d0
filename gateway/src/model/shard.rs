//! What owns a key? A shard: a stable name, served by one or more replicas.

use std::cmp::Ordering;

use crate::model::name::name;

name! {
    /// A shard's name: the same in every gateway, and after every restart of what serves it.
    ///
    /// Names are ordered as people count: `users-2` before `users-10`, and `users-2.users:80` before
    /// `users-10.users:80`. That order is the shard order, in which parts stand and `modulo` counts.
    ShardName, "shard"
}

/// A name with a number, in its parts, and ordered by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Numbered<'n> {
    /// What stands before the number, without its `-`.
    pub stem: &'n str,
    /// The number.
    pub ordinal: u32,
    /// What stands behind it: nothing, or all from the name's first `.` on.
    pub rest: &'n str,
}

impl ShardName {
    /// The parts of a name that ends in `-NUMBER`, as those of a StatefulSet's pods do, or has it before
    /// its first `.`, as the hosts of such pods do.
    #[must_use]
    pub fn numbered(&self) -> Option<Numbered<'_>> {
        let whole = || numbered(&self.0, "");
        whole().or_else(|| {
            let (pod, rest) = self.0.split_at(self.0.find('.')?);
            numbered(pod, rest)
        })
    }
}

fn numbered<'n>(pod: &'n str, rest: &'n str) -> Option<Numbered<'n>> {
    let (stem, digits) = pod.rsplit_once('-')?;
    let canonical = digits == "0" || !digits.starts_with('0');
    if !canonical || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Numbered { stem, ordinal: digits.parse().ok()?, rest })
}

impl Ord for ShardName {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.numbered(), other.numbered()) {
            (Some(mine), Some(theirs)) => mine.cmp(&theirs),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (None, None) => self.0.cmp(&other.0),
        }
    }
}

impl PartialOrd for ShardName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A shard's place in the shard order of one snapshot's service; means nothing outside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardIndex(u32);

impl ShardIndex {
    /// The shard at `place` in the shard order, from 0.
    ///
    /// # Panics
    /// When `place` does not fit 32 bits: no service has four thousand million shards.
    #[must_use]
    pub fn new(place: usize) -> Self {
        Self(u32::try_from(place).expect("fewer than 2^32 shards"))
    }

    /// The place, for indexing.
    #[must_use]
    pub fn place(self) -> usize {
        self.0 as usize
    }
}
