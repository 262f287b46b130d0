//! How long does it take from a route and a key to the first replica?
//!
//! The bar: at most 100 ns for 50 shards.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use metaparticle_benches::{picture, short, world};
use metaparticle_gateway::key::Key;
use metaparticle_gateway::pick::{Leaves, leaves};
use metaparticle_gateway::route;

const NOW: Duration = Duration::from_secs(60);
/// Random bits, as far as a choice is concerned.
const CHANCE: u64 = 0x9E37_79B9_7F4A_7C15;

fn one(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pick");
    for count in [3, 50, 1000] {
        for (name, policy) in [
            ("spread/least-request", "balance: least-request"),
            ("spread/peak-ewma", "balance: peak-ewma"),
            ("spread/round-robin", "balance: round-robin"),
            ("shard/rendezvous", "pattern: shard"),
            ("shard/ring", "pattern: shard, shard-algorithm: ring"),
            ("shard/maglev", "pattern: shard, shard-algorithm: maglev"),
            ("shard/bounded", "pattern: shard, shard-load-bound: 1.25"),
        ] {
            let (_publisher, latest) = picture(&world(count, policy));
            let snapshot = latest.load();
            let route = route::find(&snapshot, "", "/").expect("the world has a route");
            let mut chance = CHANCE;
            group.bench_function(BenchmarkId::new(name, count), |bench| {
                bench.iter(|| {
                    chance = chance.rotate_left(7).wrapping_mul(CHANCE);
                    let key = chance.to_le_bytes();
                    match leaves(route, Some(&Key::new(&key[..]))) {
                        Ok(Leaves::One(mut leaf)) => leaf.next(NOW, chance).is_some(),
                        _ => false,
                    }
                });
            });
        }
    }
}

fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pick/scatter");
    for count in [4, 10, 100] {
        let (_publisher, latest) = picture(&world(count, "pattern: scatter"));
        let snapshot = latest.load();
        let route = route::find(&snapshot, "", "/").expect("the world has a route");
        group.bench_function(BenchmarkId::from_parameter(count), |bench| {
            bench.iter(|| match leaves(black_box(route), None) {
                Ok(Leaves::All(mut all)) => {
                    all.iter_mut().filter_map(|leaf| leaf.next(NOW, CHANCE)).count()
                }
                _ => 0,
            });
        });
    }
}

criterion_group! { name = pick; config = short(); targets = one, all }
criterion_main!(pick);
