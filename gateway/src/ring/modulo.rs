//! What is left of the key's hash? Its remainder by the number of shards.
//!
//! When that number changes, nearly all remainders do: what this algorithm is known for. Yet the
//! second candidate is the owner among the rest, as it is taken from the rest in the same way.

use super::mix;

/// How many shards there are.
pub(super) struct Modulo(usize);

impl Modulo {
    pub(super) fn new(shards: usize) -> Self {
        Self(shards)
    }

    pub(super) fn owner(&self, key: u64) -> usize {
        mix::modulo(key, self.0)
    }

    pub(super) fn walk(&self, key: u64) -> Walk {
        Walk { key, left: self.0, last: None, before: Vec::new() }
    }
}

/// Removes each rank that it gives and asks the rest.
pub(super) struct Walk {
    key: u64,
    left: usize,
    last: Option<usize>,
    /// Ranks given before the last, sorted; the last stands apart so that the first step does not
    /// allocate.
    before: Vec<usize>,
}

impl Walk {
    pub(super) fn step(&mut self) -> usize {
        if let Some(last) = self.last.take() {
            let place = self.before.partition_point(|&rank| rank < last);
            self.before.insert(place, last);
        }
        let mut rank = mix::modulo(self.key, self.left);
        for &gone in &self.before {
            if gone <= rank {
                rank += 1;
            }
        }
        self.left -= 1;
        self.last = Some(rank);
        rank
    }
}
