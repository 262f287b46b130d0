//! How long is the whole road to all leaves and back, when the leaves take no time?

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use metaparticle_benches::{Road, array, request, runtime, short, world};

fn fan_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fan_out");
    group.throughput(Throughput::Elements(1));
    for merge in ["concat", "map", "ndjson", "first"] {
        for (leaves, size) in [(4, 1 << 10), (10, 1 << 10), (100, 1 << 10), (4, 64 << 10)] {
            let policy = format!("pattern: scatter, scatter-merge: {merge}");
            let road = Road::new(&world(leaves, &policy), array(size));
            let runtime = runtime();
            let id = BenchmarkId::new(merge, format!("{leaves}x{}KiB", size >> 10));
            group.bench_function(id, |bench| {
                bench.iter_batched(
                    || request("alice"),
                    |request| runtime.block_on(road.walk(request)),
                    BatchSize::SmallInput,
                );
            });
        }
    }
}

criterion_group! { name = all; config = short(); targets = fan_out }
criterion_main!(all);
