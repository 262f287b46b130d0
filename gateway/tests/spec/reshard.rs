//! The world changes while requests come: which keys move, and what does a request see of it?

use std::collections::BTreeMap;
use std::future::IntoFuture;

use tokio::join;

use crate::world::{World, answers, refuses, wait, world};

const ALGORITHMS: [&str; 5] = ["rendezvous", "ring", "maglev", "modulo", "metaparticle-v1"];

fn words(algorithm: &str) -> String {
    format!("pattern: shard, shard-key: header:x-user, shard-algorithm: {algorithm}")
}

/// Who answers for each of three hundred keys.
async fn owners(world: &World) -> BTreeMap<String, String> {
    let mut owners = BTreeMap::new();
    for key in 0..300 {
        let key = format!("user-{key}");
        let answer = world.get("/").header("x-user", &key).await.is(200);
        owners.insert(key, answer.shard().to_owned());
    }
    owners
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_restarts_under_its_name_moves_no_key() {
    for algorithm in ALGORITHMS {
        let world = world(&words(algorithm), "users-0 users-1 users-2");
        let before = owners(&world).await;
        world.publish(&words(algorithm), "users-0 users-1@9 users-2");
        assert_eq!(owners(&world).await, before, "{algorithm}");
        assert!(world.asked().iter().any(|asked| asked.address == "127.0.0.1:9"), "it is asked");
    }
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_comes_takes_only_its_own_keys() {
    for algorithm in ["rendezvous", "ring"] {
        let world = world(&words(algorithm), "a b c d");
        let before = owners(&world).await;
        world.publish(&words(algorithm), "a b c d e");
        let after = owners(&world).await;
        let moved: Vec<_> = before.keys().filter(|key| before[*key] != after[*key]).collect();
        assert!(moved.iter().all(|key| after[*key] == "e"), "{algorithm}");
        assert!((20..=120).contains(&moved.len()), "{algorithm}: a fifth, not {}", moved.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_goes_leaves_its_keys_to_those_who_stood_in_for_it() {
    for algorithm in ["rendezvous", "ring"] {
        let world = world(&words(algorithm), "a b c d");
        let before = owners(&world).await;
        world.publish(&words(algorithm), "a b! c d");
        let stood_in = owners(&world).await;
        world.publish(&words(algorithm), "a c d");
        assert_eq!(owners(&world).await, stood_in, "{algorithm}: candidates[1] is the next owner");
        assert!(before.iter().all(|(key, owner)| owner == "b" || stood_in[key] == *owner));
        world.publish(&words(algorithm), "a b c d");
        assert_eq!(owners(&world).await, before, "{algorithm}: and it has them back");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_is_reserved_keeps_its_keys_while_nobody_serves_it() {
    let words = format!("{}, shard-count: 3", words("rendezvous"));
    let world = world(&words, "users-0 users-1 users-2");
    let before = owners(&world).await;
    world.publish(&words, "users-0 users-2");
    let away = owners(&world).await;
    assert!(before.iter().all(|(key, owner)| owner == "users-1" || away[key] == *owner));
    let asked = world.asked();
    assert_eq!(asked.last().and_then(|asked| asked.header("metaparticle-shards")), Some("3"));
}

#[tokio::test(start_paused = true)]
async fn a_request_lives_in_the_picture_that_it_took_at_the_door() {
    let world = world("balance: round-robin", "a b").replica("a", refuses().after(100));
    let change = async {
        wait(50).await;
        world.publish("balance: round-robin", "a c");
    };
    let (answer, ()) = join!(world.get("/").into_future(), change);
    answer.is(200).reads("\"b\"").took(100);
    assert_eq!(world.who(), "a b");
    assert_eq!(world.service().replicas.len(), 2);
    world.recast("a", answers());
    for _ in 0..10 {
        world.get("/").await.is(200);
    }
    assert_eq!((world.count("b"), world.count("c")), (1, 5), "the next one sees the new picture");
}

#[tokio::test(start_paused = true)]
async fn a_scatter_ends_in_the_picture_in_which_it_began() {
    let words = "pattern: scatter";
    let world = world(words, "a b").replica("a b", answers().after(100));
    let change = async {
        wait(50).await;
        world.publish(words, "c d e");
    };
    let (answer, ()) = join!(world.get("/").into_future(), change);
    answer.is(200).covers("2 2 0 0 0");
    assert_eq!(world.who(), "a b");
    world.get("/").await.is(200).covers("3 3 0 0 0");
}

#[tokio::test(start_paused = true)]
async fn what_is_known_of_a_service_outlives_a_picture() {
    let world = world("retries: 0, max-concurrency: 1", "a b").replica("a b", answers().after(100));
    let change = async {
        wait(50).await;
        world.publish("retries: 0, max-concurrency: 1", "a b c");
        world.get("/").await.problem(503, "busy");
    };
    let (answer, ()) = join!(world.get("/").into_future(), change);
    answer.is(200);
}
