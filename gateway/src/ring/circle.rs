//! Which point comes next on the circle? Consistent hashing (Karger 1997).
//!
//! The circle is searched by [`consistent_hash_ring`]; three things are ours, each for a reason.
//! *Positions*: the crate would hash with `std::hash`, whose bytes follow no standard. *Its nodes
//! are runs of neighbouring points*, added in ascending order: so an insert appends, where a shard
//! inserted whole moves half of the circle for each of its points (160 points: 4.9 s for 1000
//! shards), and there are few inserts, as each costs 80 ns (one a point: 17 ms; 256 points by runs:
//! 5 ms). *The walk*: the crate's `replicas` hashes the key anew for each candidate, which is not
//! the order of takeover.

use std::hash::{BuildHasher, Hash, Hasher};

use consistent_hash_ring::RingBuilder;

use super::{FEW, mix};

/// Points of each shard. Fixed, as a number that depends on how many shards there are would move
/// keys between shards that stay.
const POINTS: usize = 256;

/// Points of a run: a search ends within two cache lines.
const RUN: usize = 16;

/// Where a key or a point stands on the circle: 32 bits of position, then 32 bits of rank. Two
/// shards at one position are thus two spots, the earlier rank first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot(u64);

impl Spot {
    pub(super) fn new(position: u32, rank: u32) -> Self {
        Self(u64::from(position) << 32 | u64::from(rank))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the rank is the low half")]
    fn rank(self) -> u32 {
        self.0 as u32
    }
}

/// The spot of the key with this hash.
pub(super) fn spot(key: u64) -> Spot {
    Spot::new((key >> 32) as u32, 0)
}

/// The points of all shards, in order, and the crate's ring that finds the run of a spot.
pub(super) struct Circle {
    points: Box<[Spot]>,
    runs: consistent_hash_ring::Ring<Run, AsIs>,
}

impl Circle {
    /// The circle of these shards.
    pub(super) fn build(names: &[&str]) -> Self {
        let mut points = Vec::with_capacity(names.len() * POINTS);
        for (rank, name) in (0..).zip(names) {
            let numbers = mix::numbers(name).take(POINTS);
            points.extend(numbers.map(|number| Spot::new((number >> 32) as u32, rank)));
        }
        Self::of(points)
    }

    /// The circle of these points.
    pub(super) fn of(mut points: Vec<Spot>) -> Self {
        points.sort_unstable();
        points.dedup();
        let starts = (0..).step_by(RUN);
        let runs = starts.zip(points.chunks(RUN)).map(|(start, run)| {
            let last = run[run.len() - 1];
            Run { last, start }
        });
        let runs = RingBuilder::new(AsIs).vnodes(1).nodes_iter(runs).build();
        Self { points: points.into(), runs }
    }

    /// The rank of the first point at `spot` or after it.
    pub(super) fn owner(&self, spot: Spot) -> usize {
        self.points[self.place(spot)].rank() as usize
    }

    /// The place of the first point at `spot` or after it; past the last, the first.
    fn place(&self, spot: Spot) -> usize {
        let start = self.runs.get(spot).start;
        let run = &self.points[start..self.points.len().min(start + RUN)];
        let before = run.iter().filter(|point| **point < spot).count();
        // All of a run is before the spot only when all of the circle is, and the run is the first.
        if before == run.len() { start } else { start + before }
    }

    fn following(&self, place: usize) -> usize {
        if place + 1 == self.points.len() { 0 } else { place + 1 }
    }

    /// The walk that begins at `spot`.
    pub(super) fn walk(&self, spot: Spot) -> Walk<'_> {
        Walk { circle: self, stage: Stage::Owner(spot), given: Given::default() }
    }
}

/// Goes along the circle, past points of shards that were given.
pub(super) struct Walk<'r> {
    circle: &'r Circle,
    stage: Stage,
    given: Given,
}

enum Stage {
    Owner(Spot),
    After(usize),
}

impl Walk<'_> {
    pub(super) fn step(&mut self) -> usize {
        let mut place = match self.stage {
            Stage::Owner(spot) => self.circle.place(spot),
            Stage::After(place) => self.circle.following(place),
        };
        let mut rank = self.circle.points[place].rank();
        while self.given.has(rank) {
            place = self.circle.following(place);
            rank = self.circle.points[place].rank();
        }
        self.stage = Stage::After(place);
        self.given.add(rank);
        rank as usize
    }
}

/// The ranks that a walk has given. The first few stand in place, so that a short walk, which nearly
/// all are, does not allocate; then each rank has a bit.
#[derive(Default)]
struct Given {
    count: usize,
    few: [u32; FEW],
    bits: Vec<u64>,
}

impl Given {
    fn has(&self, rank: u32) -> bool {
        if self.count <= FEW {
            return self.few[..self.count].contains(&rank);
        }
        self.bits.get(rank as usize / 64).is_some_and(|bits| bits >> (rank % 64) & 1 == 1)
    }

    fn add(&mut self, rank: u32) {
        if self.count < FEW {
            self.few[self.count] = rank;
        } else if self.count == FEW {
            self.few.into_iter().for_each(|rank| self.set(rank));
        }
        if self.count >= FEW {
            self.set(rank);
        }
        self.count += 1;
    }

    fn set(&mut self, rank: u32) {
        let place = rank as usize / 64;
        if place >= self.bits.len() {
            self.bits.resize(place + 1, 0);
        }
        self.bits[place] |= 1 << (rank % 64);
    }
}

/// Neighbouring points, as the crate knows them: by the last.
#[derive(Clone)]
struct Run {
    last: Spot,
    start: usize,
}

impl PartialEq for Run {
    fn eq(&self, other: &Self) -> bool {
        self.last == other.last
    }
}

impl Eq for Run {}

impl Hash for Run {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.last.hash(state);
    }
}

impl Hash for Spot {
    /// As a `u128`, which tells a spot from the crate's hash of a hash (a `u64`).
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from(self.0));
    }
}

/// A spot's hash is the spot. The crate hashes that again to look for points of a node's former,
/// heavier self, which it would remove: it is sent to where no point stands.
#[derive(Clone, Copy)]
struct AsIs;

impl BuildHasher for AsIs {
    type Hasher = Standing;

    fn build_hasher(&self) -> Standing {
        Standing(NOWHERE)
    }
}

/// No point stands here: a rank is less than 2^32 - 1.
const NOWHERE: u64 = u64::MAX;

struct Standing(u64);

impl Hasher for Standing {
    #[expect(clippy::cast_possible_truncation, reason = "a spot has 64 bits")]
    fn write_u128(&mut self, spot: u128) {
        self.0 = spot as u64;
    }

    fn write(&mut self, _: &[u8]) {
        self.0 = NOWHERE;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
