//! Where did the original Metaparticle sharder put a key? Its ring, point for point.
//!
//! The original used `serialx/hashring` with equal weights: 40 digests a shard, 3 points a digest.
//! Its points are the keys of a map, so that of two shards at one point the one added last stays;
//! it added them in the order of its address list, which is the shard order here. The other's point
//! is kept behind it, for the walk. Most of a lookup is the MD5 of the key, which cannot be helped.

use md5::{Digest, Md5};

use super::circle::{Circle, Spot};

const DIGESTS: u32 = 40;
const POINTS: usize = 3;

/// The circle of these shards, last added first.
pub(super) fn build(names: &[&str]) -> Circle {
    let mut spots = Vec::with_capacity(names.len() * DIGESTS as usize * POINTS);
    for (rank, name) in (0..).zip(names) {
        for turn in 0..DIGESTS {
            let digest = Md5::digest(format!("{name}-{turn}"));
            spots.extend(words(&digest).take(POINTS).map(|point| Spot::new(point, rank)));
        }
    }
    Circle::of(spots)
}

/// The spot of `key`. The original looks for a point strictly greater than the key's.
pub(super) fn spot(key: &[u8]) -> Spot {
    let position = words(&Md5::digest(key)).next().unwrap_or_default();
    Spot::new(position.wrapping_add(1), 0)
}

/// A digest's words, least significant byte first.
fn words(digest: &[u8]) -> impl Iterator<Item = u32> {
    digest.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word))
}
