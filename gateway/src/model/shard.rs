//! What owns a key? A shard: a stable name, served by one or more replicas.

use std::cmp::Ordering;

use crate::model::name::name;

name! {
    /// A shard's name: the same in every gateway, and after every restart of what serves it.
    ///
    /// Names are ordered as people count: `users-2` before `users-10`. That order is the shard order, in
    /// which parts stand and `modulo` counts.
    ShardName, "shard"
}

impl ShardName {
    /// The name's stem and its ordinal, where it ends in `-NUMBER` as a StatefulSet's pods do.
    #[must_use]
    pub fn ordinal(&self) -> Option<(&str, u32)> {
        let (stem, digits) = self.0.rsplit_once('-')?;
        let canonical = digits == "0" || !digits.starts_with('0');
        if !canonical || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some((stem, digits.parse().ok()?))
    }
}

impl Ord for ShardName {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.ordinal(), other.ordinal()) {
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
