//! Which shard owns a key, and which is next when it is gone?
//!
//! The answer is a function of the shards' names, the key and [`hash`], and of nothing else: every
//! gateway gives the same one, after any restart. Shards that are down stay in the ring; a request
//! walks further along its [`Candidates`].
//!
//! | algorithm | when a shard comes or goes | the owner is found by |
//! |---|---|---|
//! | `rendezvous` | only its keys move | a scan of all shards, 1 ns each |
//! | `ring` | only its keys move | a binary search; for very many shards |
//! | `maglev` | its keys, and less than 1 % of the others | a table; most even for many shards |
//! | `modulo` | nearly all keys move | one division |
//! | `metaparticle-v1` | only its keys move | a binary search; for keys placed by the original |
//!
//! The definitions, for other languages, are in `tests/golden/README.md`, with vectors beside them.

use std::fmt;
use std::iter::FusedIterator;

use xxhash_rust::xxh3;

use crate::model::{ShardIndex, ShardName};
use crate::words::Algorithm;

mod circle;
mod maglev;
mod mix;
mod modulo;
mod rendezvous;
#[cfg(test)]
mod tests;
mod v1;

use self::circle::Circle;
use self::maglev::Maglev;
use self::modulo::Modulo;
use self::rendezvous::Rendezvous;

/// The hash of keys and of shard names: XXH3, 64 bits, seed 0.
///
/// The seed is the one every XXH3 library has when none is given, so that any language can compute
/// a key's shard.
#[must_use]
pub fn hash(key: &[u8]) -> u64 {
    xxh3::xxh3_64(key)
}

/// The steps of a walk that are found without a table of what was given: so many cost less than it.
/// Of ten thousand shards nine thousand may be away, and no walk may look at all for each.
const FEW: usize = 8;

/// A set of shards, ready to say who owns a key.
pub struct Ring {
    algorithm: Algorithm,
    /// The index of each rank. A rank is a shard's place among the sorted names: all below counts in
    /// ranks, so that the order in which names were given changes nothing.
    places: Box<[ShardIndex]>,
    plan: Plan,
}

enum Plan {
    Rendezvous(Rendezvous),
    Ring(Circle),
    Maglev(Maglev),
    Modulo(Modulo),
    MetaparticleV1(Circle),
}

impl Ring {
    /// The ring of these shards; the index of a shard is its place in `shards`. Names are unique.
    #[must_use]
    pub fn build(algorithm: Algorithm, shards: &[ShardName]) -> Self {
        let mut places: Vec<usize> = (0..shards.len()).collect();
        places.sort_by_key(|&place| &shards[place]);
        if algorithm == Algorithm::MetaparticleV1 {
            // Of two shards at one point the original keeps the one it added last.
            places.reverse();
        }
        let names: Vec<&str> = places.iter().map(|&place| shards[place].as_str()).collect();
        let plan = match algorithm {
            Algorithm::Rendezvous => Plan::Rendezvous(Rendezvous::build(&names)),
            Algorithm::Ring => Plan::Ring(Circle::build(&names)),
            Algorithm::Maglev => Plan::Maglev(Maglev::build(&names)),
            Algorithm::Modulo => Plan::Modulo(Modulo::new(names.len())),
            Algorithm::MetaparticleV1 => Plan::MetaparticleV1(v1::build(&names)),
        };
        Self { algorithm, places: places.into_iter().map(ShardIndex::new).collect(), plan }
    }

    /// How many shards there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no shard at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Which function this ring computes.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The shard that owns `key`; `None` when there are no shards.
    #[must_use]
    pub fn owner(&self, key: &[u8]) -> Option<ShardIndex> {
        if self.is_empty() {
            return None;
        }
        let rank = match &self.plan {
            Plan::Rendezvous(shards) => shards.owner(hash(key)),
            Plan::Ring(circle) => circle.owner(circle::spot(hash(key))),
            Plan::Maglev(table) => table.owner(hash(key)),
            Plan::Modulo(shards) => shards.owner(hash(key)),
            Plan::MetaparticleV1(circle) => circle.owner(v1::spot(key)),
        };
        Some(self.places[rank])
    }

    /// Every shard exactly once, the owner of `key` first.
    ///
    /// The second owns the key once the first is gone. Found one at a time: the first costs what
    /// [`Ring::owner`] does and allocates nothing; all `n` cost `n log n`.
    pub fn candidates<'r>(&'r self, key: &[u8]) -> Candidates<'r> {
        let walk = match &self.plan {
            Plan::Rendezvous(shards) => Walk::Rendezvous(shards.walk(hash(key))),
            Plan::Ring(circle) => Walk::Circle(circle.walk(circle::spot(hash(key)))),
            Plan::Maglev(table) => Walk::Maglev(table.walk(hash(key))),
            Plan::Modulo(shards) => Walk::Modulo(shards.walk(hash(key))),
            Plan::MetaparticleV1(circle) => Walk::Circle(circle.walk(v1::spot(key))),
        };
        Candidates { places: &self.places, left: self.len(), walk }
    }
}

impl fmt::Debug for Ring {
    /// Without the tables, which are long and follow from the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { algorithm, places, plan: _ } = self;
        f.debug_struct("Ring")
            .field("algorithm", algorithm)
            .field("shards", &places.len())
            .finish_non_exhaustive()
    }
}

/// The shards for one key, best first: see [`Ring::candidates`].
#[must_use = "candidates are found only when they are asked for"]
pub struct Candidates<'r> {
    places: &'r [ShardIndex],
    left: usize,
    walk: Walk<'r>,
}

/// A walk over ranks that gives each once; it is not asked for more than there are.
enum Walk<'r> {
    Rendezvous(rendezvous::Walk<'r>),
    Circle(circle::Walk<'r>),
    Maglev(maglev::Walk<'r>),
    Modulo(modulo::Walk),
}

impl Iterator for Candidates<'_> {
    type Item = ShardIndex;

    fn next(&mut self) -> Option<ShardIndex> {
        self.left = self.left.checked_sub(1)?;
        let rank = match &mut self.walk {
            Walk::Rendezvous(walk) => walk.step(),
            Walk::Circle(walk) => walk.step(),
            Walk::Maglev(walk) => walk.step(),
            Walk::Modulo(walk) => walk.step(),
        };
        Some(self.places[rank])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Candidates<'_> {}
impl FusedIterator for Candidates<'_> {}

impl fmt::Debug for Candidates<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidates").field("left", &self.left).finish_non_exhaustive()
    }
}
