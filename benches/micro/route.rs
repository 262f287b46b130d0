//! How long does it take to find a request's route among 10, 1000 and 10 000?

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use metaparticle_benches::{picture, routes, short};
use metaparticle_gateway::route;

fn find(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route");
    for count in [10, 1000, 10_000] {
        let (_publisher, latest) = picture(&routes(count));
        let snapshot = latest.load();
        let host = format!("shop-{}.example", count / 20);
        for (what, host, path) in [
            ("exact", &*host, "/api/v7"),
            ("prefix", &*host, "/api/v7/users/alice/cart"),
            ("no-path", &*host, "/static/app.js"),
            ("no-host", "other.example", "/api/v7"),
        ] {
            let found = route::find(&snapshot, host, path).is_ok();
            assert_eq!(found, !what.starts_with("no-"), "{what}");
            group.bench_function(BenchmarkId::new(what, count), |bench| {
                bench.iter(|| route::find(&snapshot, black_box(host), black_box(path)).is_ok());
            });
        }
    }
}

criterion_group! { name = routes_found; config = short(); targets = find }
criterion_main!(routes_found);
