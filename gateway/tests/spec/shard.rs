//! The shard that owns a key answers: which one is it, and who answers while it cannot?

use std::future::IntoFuture;

use tokio::join;

use crate::world::{Ask, World, answers, breaks, refuses, wait, world};

const SHARDS: &str = "s-0 s-1 s-2 s-3 s-4 s-5 s-6 s-7 s-8 s-9 s-10 s-11";

/// Shards by the header `x-user`; `words` besides.
fn sharded(words: &str, replicas: &str) -> World {
    world(&format!("pattern: shard, shard-key: header:x-user{words}"), replicas)
}

fn by<'w>(world: &'w World, user: &str) -> Ask<'w> {
    world.get("/").header("x-user", user)
}

/// Who owns `alice` among `replicas`.
async fn owner(replicas: &str) -> String {
    by(&sharded("", replicas), "alice").await.is(200).shard().to_owned()
}

/// The owner of `alice` among four, and who owns it once that is gone.
async fn first_and_second() -> (String, String) {
    let four = "a b c d";
    let first = owner(four).await;
    let rest: Vec<_> = four.split(' ').filter(|name| *name != first).collect();
    (first, owner(&rest.join(" ")).await)
}

#[tokio::test(start_paused = true)]
async fn a_key_has_one_owner_and_keys_have_many() {
    let world = sharded("", SHARDS);
    let mut owners = std::collections::BTreeSet::new();
    for key in 0..200 {
        let key = format!("user-{key}");
        let owner = by(&world, &key).await.is(200).shard().to_owned();
        for _ in 0..3 {
            by(&world, &key).await.is(200).by_shard(&owner);
        }
        owners.insert(owner);
    }
    assert_eq!(owners.len(), 12, "every shard owns some");
}

#[tokio::test(start_paused = true)]
async fn two_gateways_agree_whatever_they_saw_first_and_who_is_ill() {
    for algorithm in ["rendezvous", "ring", "maglev", "modulo", "metaparticle-v1"] {
        let words = format!(", shard-algorithm: {algorithm}");
        let one = sharded(&words, "a b c d e");
        let other = sharded(&words, "c d").replica("b", refuses());
        other.publish(&format!("pattern: shard, shard-key: header:x-user{words}"), "e d c! b a");
        for key in 0..100 {
            let key = format!("user-{key}");
            let mine = by(&one, &key).await.is(200).shard().to_owned();
            let asked = other.asked().len();
            let theirs = by(&other, &key).await.is(200).shard().to_owned();
            // Who answers may differ while the owner is ill; who owns may not.
            let told = &other.asked()[asked].headers["metaparticle-shard"];
            assert_eq!(told, mine.as_str(), "{algorithm}");
            assert!(theirs == mine || ["b", "c"].contains(&mine.as_str()), "{algorithm}");
        }
    }
}

/// With `sources` the request that `build` makes belongs to the owner of `key`.
#[track_caller]
fn check_key(
    sources: &str,
    key: &str,
    build: impl Fn(&World) -> Ask<'_>,
) -> impl Future<Output = ()> {
    let expected = sharded("", SHARDS);
    let world = world(&format!("pattern: shard, shard-key: \"{sources}\""), SHARDS);
    let (sources, key) = (sources.to_owned(), key.to_owned());
    async move {
        let owner = by(&expected, &key).await.is(200).shard().to_owned();
        let found = build(&world).await.is(200).shard().to_owned();
        assert_eq!(found, owner, "{sources}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_source_gives_its_key() {
    check_key("path:^/users/([^/]+)", "alice", |world| world.get("/users/alice/photos")).await;
    check_key("header:x-id", "bob", |world| world.get("/").header("x-id", "bob")).await;
    check_key("cookie:sid", "s7", |world| world.get("/").header("cookie", "a=1; sid=s7")).await;
    check_key("query:id", "a b", |world| world.get("/?x=1&id=a%20b")).await;
    check_key("host", "web.example", |world| world.get("/")).await;
    check_key("client-ip", "198.51.100.9", |world| world.get("/").from("198.51.100.9:1")).await;
    check_key("body:$.user.id", "42", |world| world.post("/").body(r#"{"user":{"id":42}}"#)).await;
    check_key("path", "/a/b", |world| world.get("/a/b?x=1")).await;
    check_key("header:x-none, query:id", "7", |world| world.get("/?id=7")).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_was_looked_into_still_reaches_the_owner() {
    let world = world("pattern: shard, shard-key: \"body:$.id\"", "a b c");
    world.post("/").body(r#"{"id":"x"}"#).await.is(200);
    assert_eq!(world.asked()[0].body, r#"{"id":"x"}"#);
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_key_is_refused_spread_or_scattered() {
    let reject = sharded(", shard-missing-key: reject", "a b c");
    reject.get("/").await.problem(400, "no-key");
    assert_eq!(reject.who(), "");

    let spread = sharded(", shard-missing-key: spread", "a b c");
    for _ in 0..100 {
        spread.get("/").await.is(200).lacks("metaparticle-shard");
    }
    assert!(["a", "b", "c"].iter().all(|name| spread.count(name) > 5), "each gets a share");

    let scatter = sharded(", shard-missing-key: scatter", "a b c");
    scatter.get("/").await.is(200).covers("3 3 0 0 0");
}

#[tokio::test(start_paused = true)]
async fn the_next_candidate_answers_for_an_owner_that_refuses_and_says_so() {
    let (first, second) = first_and_second().await;
    let world = sharded("", "a b c d").replica(&first, refuses());
    by(&world, "alice").await.is(200).by_shard(&second).reads(&format!("\"{second}\""));
    assert_eq!(world.who(), format!("{first} {second}"));
    let told = world.asked()[1].header("metaparticle-shard").map(str::to_owned);
    assert_eq!(told, Some(first), "the leaf is told whose key it is");
}

#[tokio::test(start_paused = true)]
async fn the_next_candidate_answers_for_an_owner_that_is_not_ready() {
    let (first, second) = first_and_second().await;
    let replicas = "a b c d".replace(&first, &format!("{first}!"));
    let world = sharded("", &replicas);
    by(&world, "alice").await.is(200).by_shard(&second);
    assert_eq!(world.who(), second);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_was_left_alone_answers_again_and_nobody_else_did_but_the_next() {
    let (first, second) = first_and_second().await;
    let world = sharded("", "a b c d").replica(&first, refuses());
    for _ in 0..5 {
        by(&world, "alice").await.is(200).by_shard(&second);
    }
    assert_eq!(world.count(&first), 5);
    world.recast(&first, answers());
    for _ in 0..9 {
        wait(100).await;
        by(&world, "alice").await.is(200).by_shard(&second);
    }
    assert_eq!(world.count(&first), 5, "it is left alone for a second");
    wait(100).await;
    for _ in 0..9 {
        by(&world, "alice").await.is(200).by_shard(&first);
    }
}

#[tokio::test(start_paused = true)]
async fn where_nobody_stands_in_an_owner_that_is_down_is_a_503_at_once() {
    let (first, _) = first_and_second().await;
    let replicas = "a b c d".replace(&first, &format!("{first}!"));
    let world = sharded(", shard-on-owner-down: fail", &replicas);
    by(&world, "alice").await.problem(503, "owner-away").has("retry-after", "1").took(0);
    assert_eq!(world.who(), "");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_stands_in_an_owner_that_refuses_is_a_503_at_once() {
    let (first, _) = first_and_second().await;
    let world = sharded(", shard-on-owner-down: fail", "a b c d").replica(&first, refuses());
    let answer = by(&world, "alice").await;
    assert_eq!(world.who(), first);
    answer.problem(503, "owner-away").took(0);
}

/// Asks for `alice` of an owner that comes back after 190 ms; the gateway looks every 25.
async fn comes_back(world: &World, back: impl FnOnce()) {
    let back = async {
        wait(190).await;
        back();
    };
    let (answer, ()) = join!(by(world, "alice").into_future(), back);
    let answer = answer.is(200);
    assert!((190..=215).contains(&answer.took), "{answer:?}");
}

const WAIT: &str = ", shard-on-owner-down: \"wait:500ms\"";

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_its_owner_to_become_ready() {
    let (first, _) = first_and_second().await;
    let world = sharded(WAIT, &"a b c d".replace(&first, &format!("{first}!")));
    let words = format!("pattern: shard, shard-key: header:x-user{WAIT}");
    comes_back(&world, || world.publish(&words, "a b c d")).await;
    assert_eq!(world.who(), first);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_its_owner_to_listen_again() {
    let (first, _) = first_and_second().await;
    let world = sharded(WAIT, "a b c d").replica(&first, refuses());
    comes_back(&world, || world.recast(&first, answers())).await;
    assert!(world.asked().iter().all(|asked| asked.replica == first));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_finds_its_owner_at_a_new_address() {
    let (first, _) = first_and_second().await;
    let world = sharded(WAIT, "a b c d").replica(&first, refuses());
    let words = format!("pattern: shard, shard-key: header:x-user{WAIT}");
    let moved = "a b c d".replace(&first, &format!("{first}@9"));
    comes_back(&world, || {
        world.publish(&words, &moved);
        world.recast(&first, answers());
    })
    .await;
    assert_eq!(world.asked().last().expect("one").address, "127.0.0.1:9");
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_does_not_become_ready_is_a_503_when_the_wait_is_over() {
    let (first, _) = first_and_second().await;
    let world = sharded(WAIT, &"a b c d".replace(&first, &format!("{first}!")));
    by(&world, "alice").await.problem(503, "owner-away").took(500);
    assert_eq!(world.who(), "");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_does_not_listen_again_is_a_503_when_the_wait_is_over() {
    let (first, _) = first_and_second().await;
    let world = sharded(WAIT, "a b c d").replica(&first, refuses());
    by(&world, "alice").await.problem(503, "owner-away").took(500);
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_an_owner_past_the_requests_own_deadline() {
    let (first, _) = first_and_second().await;
    let words = format!("{WAIT}, timeout: 300ms");
    let world = sharded(&words, &"a b c d".replace(&first, &format!("{first}!")));
    by(&world, "alice").await.took(300);
}

#[tokio::test(start_paused = true)]
async fn waiting_is_no_leave_to_send_again_what_was_received() {
    let (first, _) = first_and_second().await;
    let world = sharded(&format!("{WAIT}, retries: 0"), "a b c d").replica(&first, breaks());
    by(&world, "alice").await.problem(502, "replica-failed").took(0);
    assert_eq!(world.who(), first);
}

#[tokio::test(start_paused = true)]
async fn what_is_over_a_shards_bound_goes_to_the_next_candidate() {
    let (first, second) = first_and_second().await;
    let world = sharded(", shard-load-bound: 1.25", "a b c d");
    world.recast("a b c d", answers().after(100));
    let two = join!(by(&world, "alice").into_future(), by(&world, "alice").into_future());
    assert_eq!(world.who(), format!("{first} {second}"));
    assert_eq!((two.0.shard(), two.1.shard()), (first.as_str(), second.as_str()));
    by(&world, "alice").await.is(200).by_shard(&first);
}

#[tokio::test(start_paused = true)]
async fn without_a_bound_an_owner_carries_what_its_keys_bring() {
    let (first, _) = first_and_second().await;
    let world = sharded("", "a b c d").replica("a b c d", answers().after(100));
    let all = futures::future::join_all((0..20).map(|_| by(&world, "alice").into_future())).await;
    assert!(all.iter().all(|answer| answer.shard() == first));
}

#[tokio::test(start_paused = true)]
async fn several_replicas_serve_one_shard() {
    let world = sharded("", "a=s b=s c=s");
    for _ in 0..90 {
        by(&world, "alice").await.is(200).by_shard("s");
    }
    assert!(["a", "b", "c"].iter().all(|name| world.count(name) > 5), "each gets a share");
    world.recast("a b", refuses());
    for _ in 0..20 {
        by(&world, "alice").await.is(200).by_shard("s").reads("\"c\"");
    }
}

#[tokio::test(start_paused = true)]
async fn another_replica_of_the_shard_comes_before_the_next_candidate() {
    for keys in 0..20 {
        let world = sharded("", "a=s b=s c=t d=t").replica("a c", refuses());
        let key = format!("user-{keys}");
        let answer = by(&world, &key).await.is(200);
        let own = if answer.shard() == "s" { "\"b\"" } else { "\"d\"" };
        let told = world.asked()[0].header("metaparticle-shard").map(str::to_owned);
        answer.by_shard(&told.expect("a shard")).reads(own);
    }
}
