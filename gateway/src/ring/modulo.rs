//! What is left of the key's hash? Its remainder by the number of shards.
//!
//! When that number changes, nearly all remainders do: what this algorithm is known for. Yet the
//! second candidate is the owner among the rest, as it is taken from the rest in the same way.

use super::{FEW, mix};

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
        Walk { key, shards: self.0, steps: 0, rest: Rest::default() }
    }
}

/// Removes each rank that it gives and asks the rest.
pub(super) struct Walk {
    key: u64,
    shards: usize,
    steps: usize,
    rest: Rest,
}

impl Walk {
    pub(super) fn step(&mut self) -> usize {
        let (key, shards, step) = (self.key, self.shards, self.steps);
        self.steps += 1;
        let remainder = |step: usize| mix::modulo(key, shards - step);
        if step < FEW {
            // Back through the steps: where each removed an earlier one, the rank was one greater.
            let undo = |rank, removed| if removed <= rank { rank + 1 } else { rank };
            return (0..step).rev().map(remainder).fold(remainder(step), undo);
        }
        if step == FEW {
            self.rest = Rest::of(shards);
            for before in 0..FEW {
                self.rest.take(remainder(before));
            }
        }
        self.rest.take(remainder(step))
    }
}

/// The ranks that are left: a binary tree that counts them, its root first, each row below at twice
/// the place of the one above.
#[derive(Default)]
struct Rest(Box<[usize]>);

impl Rest {
    /// All ranks. Those that fill the last row up stand behind all others, and are not asked for.
    fn of(shards: usize) -> Self {
        let row = shards.next_power_of_two();
        Self((0..2 * row).map(|node| row >> node.max(1).ilog2()).collect())
    }

    /// Removes the rank at this place among those that are left.
    fn take(&mut self, mut place: usize) -> usize {
        let Self(counts) = self;
        let row = counts.len() / 2;
        let mut node = 1;
        while node < row {
            node *= 2;
            if place >= counts[node] {
                place -= counts[node];
                node += 1;
            }
            counts[node] -= 1;
        }
        node - row
    }
}
