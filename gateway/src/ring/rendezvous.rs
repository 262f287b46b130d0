//! Which shard scores highest for a key? Highest random weight (Thaler and Ravishankar 1998).
//!
//! A shard's score is [`mix::fold`] of key's hash ^ shard's first number. As no score depends on
//! another shard, one that goes leaves the order of all others as it was.

use std::hint;

use super::mix;

/// Each rank's first number.
pub(super) struct Rendezvous(Box<[u64]>);

impl Rendezvous {
    pub(super) fn build(names: &[&str]) -> Self {
        Self(names.iter().map(|name| mix::number(name, 0)).collect())
    }

    /// With numbers as given, to see what becomes of equal ones.
    #[cfg(test)]
    pub(super) fn of(numbers: &[u64]) -> Self {
        Self(numbers.into())
    }

    /// The rank with the highest score; of equals the earliest.
    pub(super) fn owner(&self, key: u64) -> usize {
        let (mut best, mut highest) = (0, 0);
        for (rank, number) in self.0.iter().enumerate() {
            let score = mix::fold(key ^ number);
            // A branch here would be guessed wrong at every new maximum.
            best = hint::select_unpredictable(score > highest, rank, best);
            highest = highest.max(score);
        }
        best
    }

    /// The rank that comes after `last` in the order of scores.
    fn after(&self, key: u64, last: usize) -> usize {
        let bound = mix::fold(key ^ self.0[last]);
        let mut best = None;
        for (rank, number) in self.0.iter().enumerate() {
            let score = mix::fold(key ^ number);
            let is_after = score < bound || (score == bound && rank > last);
            if is_after && best.is_none_or(|(_, highest)| score > highest) {
                best = Some((rank, score));
            }
        }
        best.map_or(last, |(rank, _)| rank)
    }

    pub(super) fn walk(&self, key: u64) -> Walk<'_> {
        Walk { shards: self, key, last: None }
    }
}

/// Scans anew at each step: most walks end at the first or second, and this way none allocates.
pub(super) struct Walk<'r> {
    shards: &'r Rendezvous,
    key: u64,
    last: Option<usize>,
}

impl Walk<'_> {
    pub(super) fn step(&mut self) -> usize {
        let rank = match self.last {
            None => self.shards.owner(self.key),
            Some(last) => self.shards.after(self.key, last),
        };
        self.last = Some(rank);
        rank
    }
}
