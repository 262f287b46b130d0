//! How long does it take to paint a picture of what there is, and what does an update cost?

use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use metaparticle_benches::{picture, routes, short, world};
use metaparticle_gateway::snapshot::channel;

/// Nothing is carried over: what a gateway does when it starts.
fn first(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("snapshot/first");
    for algorithm in ["rendezvous", "ring", "maglev"] {
        let world = world(1000, &format!("pattern: shard, shard-algorithm: {algorithm}"));
        group.bench_function(BenchmarkId::new("1000-shards", algorithm), |bench| {
            bench.iter_batched(
                channel,
                |(mut publisher, latest)| {
                    publisher.publish(&world);
                    (publisher, latest)
                },
                BatchSize::SmallInput,
            );
        });
    }
    let world = routes(10_000);
    group.bench_function("10000-routes", |bench| {
        bench.iter_batched(
            channel,
            |(mut publisher, latest)| {
                publisher.publish(&world);
                (publisher, latest)
            },
            BatchSize::SmallInput,
        );
    });
}

/// One of 1000 replicas stops being ready, and comes back: the ring is carried over.
fn again(criterion: &mut Criterion) {
    let all = world(1000, "pattern: shard");
    let mut fewer = all.clone();
    Arc::make_mut(&mut fewer.services[0]).replicas[7].ready = false;
    let (mut publisher, latest) = picture(&all);
    let mut worlds = [&fewer, &all].into_iter().cycle();
    criterion.bench_function("snapshot/again/1000-shards", |bench| {
        bench.iter(|| {
            if let Some(world) = worlds.next() {
                publisher.publish(world);
            }
            latest.load()
        });
    });
    criterion.bench_function("snapshot/load", |bench| bench.iter(|| latest.load()));
}

criterion_group! { name = snapshot; config = short(); targets = first, again }
criterion_main!(snapshot);
