//! How often does a request allocate? The whole road, with leaves in memory, a request at a time.
//!
//! ```text
//! cargo run --release -p metaparticle-benches --bin allocations
//! ```
//!
//! Counted are the road, the reading of the answer, and what the leaf makes; not the request itself,
//! nor hyper and the sockets. Where they come from shows `valgrind --tool=dhat` of this program.

use std::alloc::System;
use std::io::Write;

use metaparticle_benches::{Road, SMALL, request, runtime, world};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const REQUESTS: usize = 1000;

const WORKS: [(&str, usize, &str); 5] = [
    ("spread", 50, ""),
    ("shard", 50, "pattern: shard, shard-key: header:x-user"),
    ("shard by path", 50, "pattern: shard, shard-key: path:^/users/([^/]+)"),
    ("scatter 4", 4, "pattern: scatter, scatter-merge: concat"),
    ("scatter 16", 16, "pattern: scatter, scatter-merge: concat"),
];

fn main() -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "| work | allocations | reallocations | bytes |")?;
    writeln!(out, "|---|---:|---:|---:|")?;
    for (name, shards, policy) in WORKS {
        let road = Road::new(&world(shards, policy), SMALL);
        let Stats { allocations, reallocations, bytes_allocated, .. } = measure(&road);
        let each = |count| count / REQUESTS;
        let (allocations, reallocations) = (each(allocations), each(reallocations));
        writeln!(out, "| {name} | {allocations} | {reallocations} | {} |", each(bytes_allocated))?;
    }
    Ok(())
}

/// What a thousand requests allocate, after some that warm the road.
fn measure(road: &Road) -> Stats {
    let runtime = runtime();
    runtime.block_on(async {
        let requests = |count| (0..count).map(|_| request("alice")).collect::<Vec<_>>();
        for request in requests(10) {
            road.walk(request).await;
        }
        let requests = requests(REQUESTS);
        let region = Region::new(COUNTED);
        for request in requests {
            road.walk(request).await;
        }
        region.change()
    })
}
