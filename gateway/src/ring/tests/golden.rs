//! Do we say what another implementation says? `tests/golden/ring-v1.csv` was made by one.

use super::super::{Ring, hash};
use super::candidates;
use crate::model::ShardName;
use crate::words::Algorithm;

const VECTORS: &str = include_str!("../../../tests/golden/ring-v1.csv");

#[test]
fn every_golden_vector_is_met() {
    let mut ring = None;
    let mut met = 0;
    for line in VECTORS.lines().skip(1) {
        let [algorithm, shards, key, expected] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("four fields, not `{line}`");
        };
        let key = decode(key);
        met += 1;
        if algorithm == "hash" {
            assert_eq!(format!("{:016x}", hash(&key)), expected, "{line}");
            continue;
        }
        if ring.as_ref().is_none_or(|(of, _, _)| *of != (algorithm, shards)) {
            let names = names(shards);
            ring = Some(((algorithm, shards), Ring::build(named(algorithm), &names), names));
        }
        let (_, ring, names) = ring.as_ref().expect("just built");
        let expected: Vec<ShardName> = expected.split(' ').map(name).collect();
        let found = candidates(ring, names, &key);
        assert_eq!(found[..expected.len()], expected, "{line}");
        assert_eq!(expected.len(), names.len().min(3), "{line}");
    }
    assert!(met > 600, "only {met} vectors");
}

fn named(algorithm: &str) -> Algorithm {
    match algorithm {
        "rendezvous" => Algorithm::Rendezvous,
        "ring" => Algorithm::Ring,
        "maglev" => Algorithm::Maglev,
        "modulo" => Algorithm::Modulo,
        "metaparticle-v1" => Algorithm::MetaparticleV1,
        _ => panic!("no algorithm `{algorithm}`"),
    }
}

/// `users-{0..2}`, or names with spaces between.
fn names(shards: &str) -> Vec<ShardName> {
    let Some((stem, rest)) = shards.split_once("{0..") else {
        return shards.split(' ').map(name).collect();
    };
    let (last, tail) = rest.split_once('}').expect("a range ends");
    let last: u32 = last.parse().expect("a range ends in a number");
    (0..=last).map(|ordinal| name(&format!("{stem}{ordinal}{tail}"))).collect()
}

fn name(encoded: &str) -> ShardName {
    ShardName::new(std::str::from_utf8(&decode(encoded)).expect("names are UTF-8"))
}

fn decode(encoded: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(encoded).collect()
}
