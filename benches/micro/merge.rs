//! How long does it take to make one answer of many, by each merge?

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use metaparticle_benches::{array, shards, short};
use metaparticle_gateway::fields::Fields;
use metaparticle_gateway::merge;
use metaparticle_gateway::model::{Answer, Outcome, Part, ShardName};
use metaparticle_gateway::words::{Merge, Require};

/// Leaves, and bytes of each.
const SHAPES: [(usize, usize); 2] = [(10, 1 << 10), (4, 64 << 10)];

/// Each merge, and what leaf `number` says to it in about `size` bytes.
type Says = fn(number: usize, size: usize) -> String;
const MERGES: [(&str, Says); 17] = [
    ("map", |_, size| array(size)),
    ("concat", |_, size| array(size)),
    ("concat:/n", |_, size| format!("{{\"n\":{}}}", array(size))),
    ("object", object),
    ("object:first", object),
    ("ndjson", rows),
    ("sorted:/t", sorted),
    ("sum:/n", number),
    ("min:/n", number),
    ("max:/n", number),
    ("avg:/n", number),
    ("union:/t", sorted),
    ("first", |_, size| array(size)),
    ("quorum", |_, size| array(size)),
    ("multipart", |_, size| array(size)),
    ("status", |_, size| array(size)),
    ("sum", |leaf, _| leaf.to_string()),
];

/// Members of a hundred bytes, no two leaves with the same.
fn object(leaf: usize, size: usize) -> String {
    let member = |number| format!("\"m{leaf}-{number}\":{}", array(90));
    let members: Vec<_> = (0..size / 100).map(member).collect();
    format!("{{{}}}", members.join(","))
}

fn number(leaf: usize, size: usize) -> String {
    format!("{{\"pad\":{},\"n\":{leaf}}}", array(size))
}

/// Objects of a hundred bytes in ascending order; `t` is different in every leaf.
fn objects(leaf: usize, size: usize) -> Vec<String> {
    let object = |number| format!("{{\"t\":{},\"v\":{}}}", number * 100 + leaf, array(85));
    (0..size / 100).map(object).collect()
}

fn sorted(leaf: usize, size: usize) -> String {
    format!("[{}]", objects(leaf, size).join(","))
}

fn rows(leaf: usize, size: usize) -> String {
    objects(leaf, size).join("\n") + "\n"
}

fn parts(count: usize, size: usize, says: Says) -> Vec<Part> {
    let part = |(number, shard): (usize, ShardName)| {
        let mut headers = Fields::default();
        headers.append(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = Bytes::from(says(number, size));
        let answer = Answer { status: StatusCode::OK, headers, body };
        Part { shard, outcome: Outcome::Answered(answer), hedged: false }
    };
    shards(count).into_iter().enumerate().map(part).collect()
}

fn merges(criterion: &mut Criterion) {
    for (count, size) in SHAPES {
        let mut group = criterion.benchmark_group(format!("merge/{count}x{}KiB", size >> 10));
        for (name, says) in MERGES {
            let merge: Merge = name.parse().expect("a merge");
            let parts = parts(count, size, says);
            let bytes: usize = parts.iter().map(length).sum();
            let merged = merge::parts(&merge, parts.clone(), Require::default());
            assert!(
                merged.is_ok_and(|merged| merged.coverage.is_whole()),
                "{name} fits its leaves"
            );
            group.throughput(Throughput::Bytes(bytes as u64));
            group.bench_function(BenchmarkId::from_parameter(name), |bench| {
                bench.iter_batched(
                    || parts.clone(),
                    |parts| merge::parts(&merge, parts, Require::default()),
                    BatchSize::SmallInput,
                );
            });
        }
    }
}

fn length(part: &Part) -> usize {
    match &part.outcome {
        Outcome::Answered(answer) => answer.body.len(),
        _ => 0,
    }
}

criterion_group! { name = merge_all; config = short(); targets = merges }
criterion_main!(merge_all);
