//! Which shard scores highest for a key? Highest random weight (Thaler and Ravishankar 1998).
//!
//! A shard's score is [`mix::fold`] of key's hash ^ shard's first number. As no score depends on
//! another shard, one that goes leaves the order of all others as it was.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint;

use super::{FEW, mix};

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

    /// The scores of all that come after `last`, and whose they are; the earlier of equals is greater.
    fn rest(&self, key: u64, last: usize) -> BinaryHeap<(u64, Reverse<usize>)> {
        let scored = |(rank, number): (usize, &u64)| (mix::fold(key ^ number), Reverse(rank));
        let bound = scored((last, &self.0[last]));
        self.0.iter().enumerate().map(scored).filter(|one| *one < bound).collect()
    }

    pub(super) fn walk(&self, key: u64) -> Walk<'_> {
        Walk { shards: self, key, stage: Stage::Owner }
    }
}

/// Scans anew at each of the first steps: most walks end at the first or second, and this way none
/// of those allocates. A walk that goes on has all scores found once, and costs a heap's sort.
pub(super) struct Walk<'r> {
    shards: &'r Rendezvous,
    key: u64,
    stage: Stage,
}

enum Stage {
    Owner,
    /// After this many steps, the last of which gave this rank.
    Scan(usize, usize),
    Rest(BinaryHeap<(u64, Reverse<usize>)>),
}

impl Walk<'_> {
    pub(super) fn step(&mut self) -> usize {
        let (steps, rank) = match &mut self.stage {
            Stage::Owner => (1, self.shards.owner(self.key)),
            Stage::Scan(FEW, last) => {
                let mut rest = self.shards.rest(self.key, *last);
                let next = rest.pop().map_or(*last, |(_, Reverse(rank))| rank);
                self.stage = Stage::Rest(rest);
                return next;
            }
            Stage::Scan(steps, last) => (*steps + 1, self.shards.after(self.key, *last)),
            // It is not asked for more than there are.
            Stage::Rest(rest) => return rest.pop().map_or(0, |(_, Reverse(rank))| rank),
        };
        self.stage = Stage::Scan(steps, rank);
        rank
    }
}
