//! How long does it take to build a ring, and to find a key's shard in it?
//!
//! Beside ours stands the bare `consistent_hash_ring`, as its documentation uses it: one insert a
//! shard. That is quadratic in the points, so it is built only while that takes milliseconds.

use std::hint::black_box;
use std::num::NonZeroUsize;

use consistent_hash_ring::RingBuilder;
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use metaparticle_benches::{SIZES, keys, shards, short};
use metaparticle_gateway::model::ShardName;
use metaparticle_gateway::ring::Ring;
use metaparticle_gateway::words::Algorithm;

const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::Rendezvous,
    Algorithm::Ring,
    Algorithm::Maglev,
    Algorithm::Modulo,
    Algorithm::MetaparticleV1,
];
/// Points of a shard in the bare crate's ring: as many as `ring` has.
const POINTS: usize = 256;
const BARE_MOST: usize = 50;

fn build(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ring/build");
    for count in SIZES {
        let names = shards(count);
        for algorithm in ALGORITHMS {
            let id = BenchmarkId::new(algorithm.to_string(), count);
            group.bench_function(id, |bench| bench.iter(|| Ring::build(algorithm, &names)));
        }
        if count <= BARE_MOST {
            let id = BenchmarkId::new("bare", count);
            group.bench_function(id, |bench| bench.iter(|| bare(&names)));
        }
    }
}

fn lookup(criterion: &mut Criterion) {
    for (what, walked) in [("owner", 0), ("first", 1), ("second", 2)] {
        let mut group = criterion.benchmark_group(format!("ring/{what}"));
        for count in SIZES {
            let names = shards(count);
            for algorithm in ALGORITHMS {
                let ring = Ring::build(algorithm, &names);
                let id = BenchmarkId::new(algorithm.to_string(), count);
                let mut keys = keys();
                let mut key = || keys.next().unwrap_or_default();
                group.bench_function(id, |bench| match NonZeroUsize::new(walked) {
                    None => bench.iter_batched(
                        &mut key,
                        |key| ring.owner(key.as_bytes()),
                        BatchSize::SmallInput,
                    ),
                    Some(which) => bench.iter_batched(
                        &mut key,
                        |key| ring.candidates(key.as_bytes()).nth(which.get() - 1),
                        BatchSize::SmallInput,
                    ),
                });
            }
            if what == "owner" && count <= BARE_MOST {
                let (ring, mut keys) = (bare(&names), keys());
                let id = BenchmarkId::new("bare", count);
                let mut key = || keys.next().unwrap_or_default();
                group.bench_function(id, |bench| {
                    bench.iter_batched(
                        &mut key,
                        |key| black_box(ring.get(key.as_str())),
                        BatchSize::SmallInput,
                    );
                });
            }
        }
    }
}

/// The crate's ring, without anything of ours.
fn bare(names: &[ShardName]) -> consistent_hash_ring::Ring<&str> {
    let names = names.iter().map(ShardName::as_str);
    RingBuilder::default().vnodes(POINTS).nodes_iter(names).build()
}

criterion_group! { name = ring; config = short(); targets = build, lookup }
criterion_main!(ring);
