//! How long is the whole road to one leaf, when the leaf takes no time?

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use metaparticle_benches::{Road, SMALL, request, runtime, short, world};

fn one_leaf(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one_leaf");
    group.throughput(Throughput::Elements(1));
    for (name, policy) in [
        ("spread", ""),
        ("shard", "pattern: shard, shard-key: header:x-user"),
        ("shard-path", "pattern: shard, shard-key: path:^/users/([^/]+)"),
        ("hedged", "pattern: shard, shard-key: header:x-user, scatter-hedge: 20ms"),
    ] {
        let road = Road::new(&world(50, policy), SMALL);
        let runtime = runtime();
        group.bench_function(name, |bench| {
            bench.iter_batched(
                || request("alice"),
                |request| runtime.block_on(road.walk(request)),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group! { name = one; config = short(); targets = one_leaf }
criterion_main!(one);
