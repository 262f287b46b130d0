//! The laws of the ring: agreement, least movement, the order of takeover, evenness.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::Ring;
use super::circle::{Circle, Spot};
use super::hash;
use super::mix;
use super::modulo::Modulo;
use super::rendezvous::Rendezvous;
use crate::model::ShardName;
use crate::words::Algorithm;

mod golden;

const ALL: [Algorithm; 5] = [
    Algorithm::Rendezvous,
    Algorithm::Ring,
    Algorithm::Maglev,
    Algorithm::Modulo,
    Algorithm::MetaparticleV1,
];

/// Those by which only the keys of the shard that comes or goes move. By `maglev` a few others do
/// (see below); by `modulo` nearly all do, which is what it is.
const EXACT: [Algorithm; 3] = [Algorithm::Rendezvous, Algorithm::Ring, Algorithm::MetaparticleV1];

fn users(count: usize) -> Vec<ShardName> {
    (0..count).map(|ordinal| ShardName::new(&format!("users-{ordinal}"))).collect()
}

fn owner<'s>(ring: &Ring, shards: &'s [ShardName], key: &[u8]) -> Option<&'s ShardName> {
    ring.owner(key).map(|shard| &shards[shard.place()])
}

fn candidates(ring: &Ring, shards: &[ShardName], key: &[u8]) -> Vec<ShardName> {
    ring.candidates(key).map(|shard| shards[shard.place()].clone()).collect()
}

fn without(shards: &[ShardName], gone: &ShardName) -> Vec<ShardName> {
    shards.iter().filter(|shard| *shard != gone).cloned().collect()
}

fn any_shards() -> impl Strategy<Value = Vec<ShardName>> {
    let name = "[a-c.ü]{1,3}(-[0-9]{1,2})?".prop_map(|name| ShardName::new(&name));
    prop::collection::btree_set(name, 1..12).prop_map(|names| names.into_iter().collect())
}

fn any_keys() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn owners_follow_from_the_set_of_shards_in_whatever_order_it_comes(
        (shards, shuffled) in any_shards().prop_flat_map(|shards| {
            (Just(shards.clone()), Just(shards).prop_shuffle())
        }),
        keys in any_keys(),
    ) {
        for algorithm in ALL {
            let (ring, other) = (Ring::build(algorithm, &shards), Ring::build(algorithm, &shuffled));
            for key in &keys {
                prop_assert_eq!(
                    candidates(&ring, &shards, key),
                    candidates(&other, &shuffled, key),
                    "{:?}", algorithm
                );
            }
        }
    }

    #[test]
    fn candidates_are_all_shards_once_with_the_owner_first(
        shards in any_shards(),
        keys in any_keys(),
    ) {
        for algorithm in ALL {
            let ring = Ring::build(algorithm, &shards);
            for key in &keys {
                let found = candidates(&ring, &shards, key);
                prop_assert_eq!(found.first(), owner(&ring, &shards, key), "{:?}", algorithm);
                let once: BTreeSet<_> = found.iter().collect();
                prop_assert_eq!(once.len(), shards.len(), "{:?}", algorithm);
                prop_assert_eq!(found.len(), shards.len(), "{:?}", algorithm);
            }
        }
    }

    #[test]
    fn the_second_candidate_owns_the_key_once_the_first_is_gone(
        shards in any_shards(),
        key in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        for algorithm in ALL {
            let found = candidates(&Ring::build(algorithm, &shards), &shards, &key);
            let rest = without(&shards, &found[0]);
            let ring = Ring::build(algorithm, &rest);
            prop_assert_eq!(found.get(1), owner(&ring, &rest, &key), "{:?}", algorithm);
            if algorithm != Algorithm::Maglev {
                prop_assert_eq!(&found[1..], candidates(&ring, &rest, &key), "{:?}", algorithm);
            }
        }
    }

    #[test]
    fn only_the_keys_of_a_shard_that_comes_or_goes_move(
        shards in any_shards(),
        chosen in any::<prop::sample::Index>(),
        keys in any_keys(),
    ) {
        let moving = chosen.get(&shards);
        let rest = without(&shards, moving);
        for algorithm in EXACT {
            let (more, less) = (Ring::build(algorithm, &shards), Ring::build(algorithm, &rest));
            for key in keys.iter().filter(|key| owner(&more, &shards, key) != Some(moving)) {
                let stays = owner(&more, &shards, key) == owner(&less, &rest, key);
                prop_assert!(stays, "{:?} moved {:?}", algorithm, key);
            }
        }
    }

    #[test]
    fn a_search_of_the_circle_finds_what_an_ordered_set_does(
        points in prop::collection::vec((0..200_u32, 0..4_u32), 1..80),
        position in 0..220_u32,
    ) {
        let spots: BTreeSet<(u32, u32)> = points.iter().copied().collect();
        let next = spots.range((position, 0)..).next().or_else(|| spots.first());
        let circle = Circle::of(points.iter().map(|(point, rank)| Spot::new(*point, *rank)).collect());
        let found = u32::try_from(circle.owner(Spot::new(position, 0))).ok();
        prop_assert_eq!(found, next.map(|(_, rank)| *rank));
    }
}

#[test]
fn without_shards_nobody_owns_a_key() {
    for algorithm in ALL {
        let ring = Ring::build(algorithm, &[]);
        assert!(ring.is_empty(), "{algorithm:?}");
        assert_eq!(ring.owner(b"jim"), None, "{algorithm:?}");
        assert_eq!(ring.candidates(b"jim").next(), None, "{algorithm:?}");
    }
}

#[test]
fn one_shard_owns_every_key() {
    for algorithm in ALL {
        let shards = users(1);
        let ring = Ring::build(algorithm, &shards);
        for key in [&b""[..], b"jim", b"\xff\0"] {
            assert_eq!(candidates(&ring, &shards, key), shards, "{algorithm:?}");
        }
    }
}

#[test]
fn candidates_know_how_many_are_left() {
    let ring = Ring::build(Algorithm::default(), &users(3));
    let mut candidates = ring.candidates(b"jim");
    assert_eq!(candidates.len(), 3);
    candidates.next();
    assert_eq!(candidates.len(), 2);
    assert_eq!(candidates.by_ref().count(), 2);
    assert_eq!(ring.len(), 3);
}

#[test]
fn of_shards_with_equal_scores_the_earlier_comes_first() {
    let shards = Rendezvous::of(&[7, 7, 7]);
    let mut walk = shards.walk(hash(b"jim"));
    assert_eq!([walk.step(), walk.step(), walk.step()], [0, 1, 2]);
}

#[test]
fn a_long_walk_goes_on_as_it_began() {
    let key = hash(b"jim");
    // Few different numbers, so that many are equal.
    let numbers: Vec<u64> = (0..100).map(|rank| mix::mix(rank % 40)).collect();
    let mut expected: Vec<usize> = (0..100).collect();
    expected.sort_by_key(|&rank| (Reverse(mix::fold(key ^ numbers[rank])), rank));
    let scores = Rendezvous::of(&numbers);
    let mut walk = scores.walk(key);
    assert_eq!((0..100).map(|_| walk.step()).collect::<Vec<_>>(), expected);

    let mut left: Vec<usize> = (0..100).collect();
    let remainder = |left: &mut Vec<usize>| left.remove(mix::modulo(key, left.len()));
    let mut walk = Modulo::new(100).walk(key);
    assert!((0..100).all(|_| walk.step() == remainder(&mut left)));

    let points = (0..1000)
        .map(|point| Spot::new(point, u32::try_from(mix::mix(point.into()) % 100).unwrap()));
    let mut expected: Vec<usize> = Vec::new();
    for point in 0..1000 {
        let rank = mix::modulo(mix::mix(point), 100);
        if !expected.contains(&rank) {
            expected.push(rank);
        }
    }
    let circle = Circle::of(points.collect());
    let mut walk = circle.walk(Spot::new(0, 0));
    assert_eq!((0..expected.len()).map(|_| walk.step()).collect::<Vec<_>>(), expected);
}

#[test]
fn a_walk_along_very_many_shards_ends_soon() {
    // A walk that looks at all shards for each takes minutes, and this one less than a second.
    const MANY: u32 = 400_000;
    let (ended, hear) = mpsc::channel();
    thread::spawn(move || {
        let scores = Rendezvous::of(&(0..MANY.into()).map(mix::mix).collect::<Vec<_>>());
        let mut walk = scores.walk(7);
        let last = (0..MANY).map(|_| walk.step()).last();
        let mut walk = Modulo::new(MANY as usize).walk(7);
        let last = (0..MANY).map(|_| walk.step()).last().or(last);
        let circle = Circle::of((0..MANY).map(|point| Spot::new(point, MANY - point)).collect());
        let mut walk = circle.walk(Spot::new(0, 0));
        ended.send((0..MANY).map(|_| walk.step()).last().and(last))
    });
    assert!(hear.recv_timeout(Duration::from_secs(20)).is_ok_and(|last| last.is_some()));
}

#[test]
fn of_shards_at_one_point_the_earlier_rank_comes_first_and_the_other_next() {
    let circle = Circle::of(vec![Spot::new(9, 2), Spot::new(5, 1), Spot::new(5, 0)]);
    let mut walk = circle.walk(Spot::new(5, 0));
    assert_eq!([walk.step(), walk.step(), walk.step()], [0, 1, 2]);
}

#[test]
fn past_the_last_point_comes_the_first() {
    let points = (0..100).map(|rank| Spot::new(10 * rank, rank)).collect();
    let circle = Circle::of(points);
    assert_eq!(circle.owner(Spot::new(990, 0)), 99);
    assert_eq!(circle.owner(Spot::new(991, 0)), 0);
    assert_eq!(circle.owner(Spot::new(u32::MAX, 0)), 0);
}

#[test]
fn original_vectors_have_their_original_owners() {
    let check = |shards: &[&str], expected: &[(&str, &str)]| {
        let shards: Vec<_> = shards.iter().map(|name| ShardName::new(name)).collect();
        let ring = Ring::build(Algorithm::MetaparticleV1, &shards);
        for (key, name) in expected {
            let found = owner(&ring, &shards, key.as_bytes()).map(ShardName::as_str);
            assert_eq!(found, Some(*name), "{key}");
        }
    };
    check(
        &["a", "b", "c"],
        &[
            ("test", "a"),
            ("test1", "b"),
            ("test2", "b"),
            ("test3", "c"),
            ("aaaa", "b"),
            ("bbbb", "a"),
        ],
    );
    let [zero, one, two] = ["server-0.server:8080", "server-1.server:8080", "server-2.server:8080"];
    check(
        &[zero, one, two],
        &[("jim", two), ("jane", two), ("/users/jim/x", one), ("user/42/", one), ("/", two)],
    );
}

/// What the busiest of `shards` shards has, over what it should have.
fn busiest(algorithm: Algorithm, shards: usize, keys: u32) -> f64 {
    let ring = Ring::build(algorithm, &users(shards));
    let mut load = vec![0_u32; shards];
    for key in 0..keys {
        let key = format!("/shard/users/user{key}");
        load[ring.owner(key.as_bytes()).unwrap().place()] += 1;
    }
    let most = load.into_iter().max().unwrap_or_default();
    f64::from(most) * shards as f64 / f64::from(keys)
}

#[test]
fn a_shard_has_its_even_share() {
    for (algorithm, bound) in [
        (Algorithm::Rendezvous, 1.05),
        (Algorithm::Ring, 1.25),
        (Algorithm::Maglev, 1.05),
        (Algorithm::Modulo, 1.05),
        (Algorithm::MetaparticleV1, 1.25),
    ] {
        let busiest = busiest(algorithm, 10, 100_000);
        assert!(busiest <= bound, "{algorithm:?}: {busiest} times the mean");
    }
    let few = busiest(Algorithm::Rendezvous, 5, 1000);
    assert!(few <= 1.25, "1000 users on 5 shards: {few} times the mean");
}

/// The share of keys that move between shards which are there both before and after.
fn collateral(algorithm: Algorithm, shards: usize) -> f64 {
    let (more, less) = (users(shards + 1), users(shards));
    let (after, before) = (Ring::build(algorithm, &more), Ring::build(algorithm, &less));
    let keys = 0..20_000;
    let moved = keys.clone().filter(|key| {
        let key = format!("/users/{key}");
        let (from, to) = (before.owner(key.as_bytes()), after.owner(key.as_bytes()));
        from != to && to.is_some_and(|to| to.place() < shards)
    });
    moved.count() as f64 / keys.len() as f64
}

#[test]
fn maglev_moves_few_keys_between_shards_that_stay() {
    for shards in [3, 10, 50] {
        let share = collateral(Algorithm::Maglev, shards);
        assert!(share < 0.01, "{share} of all keys at {shards} shards");
    }
}

#[test]
fn modulo_moves_most_keys_between_shards_that_stay() {
    assert!(collateral(Algorithm::Modulo, 10) > 0.75, "then `modulo` belongs to the exact ones");
}
