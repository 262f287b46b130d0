//! What is sent twice, and how often? Only what may be, within one budget, and never to the replica
//! that failed.

use http::Method;

use crate::world::{World, answers, breaks, refuses, refuses_stream, wait, world};

/// Replicas asked for one request, when the first of two fails so.
async fn attempts(world: World, method: Method, keyed: bool) -> usize {
    let ask = world.ask(method, "/").body("x");
    let ask = if keyed { ask.header("idempotency-key", "7") } else { ask };
    let answer = ask.await;
    let asked = world.asked();
    let names: Vec<_> = asked.iter().map(|asked| &asked.replica).collect();
    assert!(names.len() < 2 || names[0] != names[1], "not to the same again: {names:?}");
    assert_eq!(answer.status, if asked.len() == 1 { 502 } else { 200 }, "{answer:?}");
    assert!(asked.iter().skip(1).all(|asked| asked.body == "x"), "with its body");
    asked.len()
}

/// `a` is always asked first.
fn first(part: crate::world::Part, retries: u32) -> World {
    world(&format!("balance: round-robin, retries: {retries}"), "a b").replica("a", part)
}

#[tokio::test(start_paused = true)]
async fn what_may_be_sent_again_is() {
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS] {
        assert_eq!(attempts(first(breaks(), 1), method.clone(), false).await, 2, "{method}");
        assert_eq!(attempts(first(refuses(), 1), method.clone(), false).await, 2, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_that_may_have_reached_a_replica_is_not_sent_again() {
    for method in [Method::POST, Method::PATCH] {
        assert_eq!(attempts(first(breaks(), 3), method.clone(), false).await, 1, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_that_reached_no_replica_is_sent_to_another() {
    assert_eq!(attempts(first(refuses(), 1), Method::POST, false).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_post_whose_stream_was_refused_is_sent_to_another() {
    assert_eq!(attempts(first(refuses_stream(), 1), Method::POST, false).await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_idempotency_key_makes_a_post_one_that_may_be_sent_again() {
    assert_eq!(attempts(first(breaks(), 1), Method::POST, true).await, 2);
}

#[tokio::test(start_paused = true)]
async fn no_retries_are_none() {
    assert_eq!(attempts(first(breaks(), 0), Method::GET, false).await, 1);
    assert_eq!(attempts(first(refuses(), 0), Method::GET, false).await, 1);
}

#[tokio::test(start_paused = true)]
async fn retries_are_counted_where_a_replica_was_reached() {
    let world = world("retries: 2", "a b c d e f").replica("a b c d e f", breaks());
    world.get("/").await.problem(502, "replica-failed");
    assert_eq!(world.asked().len(), 3);
    let mut names: Vec<_> = world.asked().into_iter().map(|asked| asked.replica).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 3, "three different ones");
}

#[tokio::test(start_paused = true)]
async fn a_client_does_not_notice_replicas_that_refuse() {
    let world = world("", "a b c d").replica("a b c", refuses());
    for _ in 0..20 {
        world.get("/").await.is(200).reads("\"d\"");
    }
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_told_what_is_left_of_the_time() {
    let world = world("balance: round-robin, timeout: 1s", "a b").replica("a", breaks().after(300));
    world.get("/").await.is(200);
    let told: Vec<_> = world
        .asked()
        .iter()
        .map(|asked| asked.header("metaparticle-deadline").map(str::to_owned))
        .collect();
    assert_eq!(told, [Some("1000".to_owned()), Some("700".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn the_budget_is_a_fifth_of_what_is_asked_and_ten_a_second() {
    let world = world("retries: 1", "a b").replica("a b", breaks());
    // A hundred are saved from the beginning.
    for _ in 0..1000 {
        world.get("/").await.is(502);
    }
    let burst = world.asked().len() - 1000;
    assert!((290..=300).contains(&burst), "a fifth of 1000, and 100 besides, not {burst}");
    wait(2000).await;
    let before = world.asked().len();
    for _ in 0..100 {
        world.get("/").await.is(502);
    }
    let later = world.asked().len() - before - 100;
    assert!((39..=41).contains(&later), "a fifth of 100, and 20 of two seconds, not {later}");
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_fills_up_with_time_to_a_hundred() {
    let world = world("retries: 1", "a b").replica("a b", breaks());
    for _ in 0..300 {
        world.get("/").await.is(502);
    }
    wait(3_600_000).await;
    let before = world.asked().len();
    for _ in 0..1000 {
        world.get("/").await.is(502);
    }
    let later = world.asked().len() - before - 1000;
    assert!((290..=300).contains(&later), "an hour saves no more than ten seconds, not {later}");
}

/// Which of these requests, one every 10 ms, are offered to `a` first.
async fn offered(world: &World, count: usize) -> usize {
    let before = world.count("a");
    for _ in 0..count {
        world.get("/").await.is(200);
        wait(10).await;
    }
    world.count("a") - before
}

/// Asks until `a` was asked so often; its client does not notice.
async fn fails(world: &World, count: usize) {
    let wanted = world.count("a") + count;
    for _ in 0..2 * count {
        if world.count("a") < wanted {
            world.get("/").await.is(200);
        }
    }
    assert_eq!(world.count("a"), wanted);
}

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_leave_a_replica_alone_for_a_second_then_two() {
    let world = world("balance: round-robin", "a b").replica("a", refuses());
    // Each other turn is a's, and b helps out.
    fails(&world, 5).await;
    assert_eq!(world.now(), 0);
    assert_eq!(offered(&world, 100).await, 0, "for a second");
    assert_eq!(world.now(), 1000);
    fails(&world, 1).await;
    assert_eq!(world.now(), 1000, "then it is tried, and fails once more");
    assert_eq!(offered(&world, 200).await, 0, "for two seconds");
    world.recast("a", answers());
    assert!(offered(&world, 20).await >= 9, "it is back");
    // What it did before is forgotten.
    world.recast("a", refuses());
    fails(&world, 5).await;
    assert_eq!(offered(&world, 100).await, 0, "for a second");
    fails(&world, 1).await;
    assert_eq!(world.now(), 1000 + 2000 + 200 + 1000);
}

#[tokio::test(start_paused = true)]
async fn a_success_between_failures_keeps_a_replica() {
    let world = world("balance: round-robin, retries: 0", "a b");
    for _ in 0..10 {
        for part in [breaks(), breaks(), breaks(), breaks(), answers()] {
            world.recast("a", part);
            world.get("/").await;
            world.get("/").await;
        }
    }
    assert_eq!(world.count("a"), 50);
}

#[tokio::test(start_paused = true)]
async fn never_are_more_than_half_left_alone() {
    let world = world("retries: 0", "a b c d e").replica("a b c d e", breaks());
    for _ in 0..200 {
        world.get("/").await.is(502);
    }
    let service = world.service();
    let now = std::time::Duration::ZERO;
    let alone = service.replicas.iter().filter(|one| one.live.is_ejected(now)).count();
    assert_eq!(alone, 2, "of five");
}

#[tokio::test(start_paused = true)]
async fn the_last_replica_is_never_left_alone() {
    let world = world("retries: 0", "a").replica("a", breaks());
    for _ in 0..20 {
        world.get("/").await.is(502);
    }
    world.recast("a", answers());
    world.get("/").await.is(200);
}
