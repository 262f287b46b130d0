//! A replica takes longer than it should: when is a second one asked, and what becomes of the first?

use std::future::IntoFuture;

use futures::future::join_all;

use crate::world::{World, answers, breaks, never, says, wait, world};

/// One shard of two replicas; `a` is asked first.
fn hedged(words: &str) -> World {
    let words = format!(
        "pattern: scatter, balance: round-robin, scatter-hedge: 20ms, scatter-timeout: 500ms, \
         max-concurrency: 100000{words}"
    );
    world(&words, "a=s b=s")
}

#[tokio::test(start_paused = true)]
async fn a_second_replica_is_asked_after_the_delay_and_the_first_answer_wins() {
    let world = hedged("").replica("a", never()).replica("b", answers().after(5));
    let answer = world.get("/").await.is(200).covers("1 1 0 0 1").took(25);
    assert_eq!(answer.json()["s"]["body"], "b");
    assert_eq!(world.who(), "a b");
    assert_eq!(world.asked()[1].at, 20);
    assert_eq!(world.cancelled(), "a");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn the_first_may_still_win() {
    let world = hedged("").replica("a", answers().after(30)).replica("b", answers().after(50));
    let answer = world.get("/").await.is(200).covers("1 1 0 0 1").took(30);
    assert_eq!(answer.json()["s"]["body"], "a");
    assert_eq!(world.cancelled(), "b");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn one_that_answers_in_time_is_not_hedged() {
    let world = hedged("").replica("a b", answers().after(19));
    world.get("/").await.is(200).covers("1 1 0 0 0").took(19);
    assert_eq!(world.who(), "a");
}

#[tokio::test(start_paused = true)]
async fn a_hedge_that_fails_leaves_the_first() {
    let world = hedged(", retries: 0").replica("a", answers().after(60)).replica("b", breaks());
    let answer = world.get("/").await.is(200).took(60);
    assert_eq!(answer.json()["s"]["body"], "a");
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_sent_twice_is_not_hedged() {
    let world = hedged("").replica("a", answers().after(300));
    world.post("/").body("x").await.is(200).covers("1 1 0 0 0").took(300);
    assert_eq!(world.who(), "a");
}

#[tokio::test(start_paused = true)]
async fn a_shard_with_one_replica_is_not_hedged() {
    let words = "pattern: scatter, scatter-hedge: 20ms, scatter-timeout: 500ms";
    let world = world(words, "a b").replica("a", answers().after(300));
    world.get("/").await.is(200).covers("2 2 0 0 0").took(300);
    assert_eq!(world.asked().len(), 2, "nobody stands in for a leaf");
}

#[tokio::test(start_paused = true)]
async fn a_leaf_that_was_hedged_in_vain_is_told_as_hedged() {
    let world = hedged("").replica("a b", never());
    world.get("/").await.problem(504, "too-few-leaves").covers("1 0 0 1 1").took(500);
    assert_eq!(world.cancelled(), "a b");
    let world = hedged(", retries: 0").replica("a b", breaks().after(40));
    world.get("/").await.problem(502, "too-few-leaves").covers("1 0 1 0 1").took(60);
}

#[tokio::test(start_paused = true)]
async fn a_burst_has_no_more_hedges_than_were_saved() {
    let world = hedged("").replica("a b", never());
    let all = join_all((0..600).map(|_| world.get("/").into_future())).await;
    assert!(all.iter().all(|answer| answer.status == 504));
    let hedges = world.asked().len() - 600;
    assert_eq!(hedges, 100, "all were asked before the first hedge: none of them saved more");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn what_retries_spent_hedges_do_not_have() {
    let world = hedged(", retries: 1").replica("a b", breaks());
    for _ in 0..501 {
        world.get("/").await.is(502);
    }
    world.recast("a", says("1").after(30));
    world.recast("b", says("1").after(30));
    let before = world.asked().len();
    for _ in 0..3 {
        world.get("/").await.is(200);
    }
    assert!(world.asked().len() - before <= 4, "there was next to nothing left");
}

/// The same, hedged after a percentile of what answers took lately.
fn percentile(words: &str) -> World {
    let words = format!(
        "pattern: scatter, balance: round-robin, scatter-hedge: {words}, max-concurrency: 100000"
    );
    world(&words, "a=s b=s")
}

#[tokio::test(start_paused = true)]
async fn a_percentile_is_unknown_before_a_hundred_answers() {
    let world = percentile("p95").replica("a b", answers().after(10));
    for _ in 0..99 {
        world.get("/").await.is(200);
    }
    world.recast("b", answers().after(300));
    world.get("/").await.covers("1 1 0 0 0").took(300);
    world.recast("a", answers().after(300));
    world.recast("b", answers().after(5));
    // 10 ms, up to the end of their bucket and of the timer's millisecond.
    world.get("/").await.covers("1 1 0 0 1").took(11 + 5);
}

#[tokio::test(start_paused = true)]
async fn how_long_a_hedge_took_until_it_was_given_up_says_nothing() {
    let world = percentile("p60").replica("a b", answers().after(10));
    for _ in 0..100 {
        world.get("/").await.is(200);
    }
    world.recast("a b", answers().after(30));
    for _ in 0..99 {
        // After 11 ms a hedge; it is given up 19 ms later, when the first has answered.
        world.get("/").await.took(30);
    }
    let before = world.asked().len();
    assert!(before > 250, "until they were known to be slow, they were hedged");
    for _ in 0..10 {
        world.get("/").await.covers("1 1 0 0 0").took(30);
    }
}

#[tokio::test(start_paused = true)]
async fn when_all_are_slow_at_once_the_percentile_learns_it_before_the_budget_is_spent() {
    let world = percentile("p95").replica("a b", answers().after(10));
    for _ in 0..10 {
        join_all((0..100).map(|_| world.get("/").into_future())).await;
        wait(100).await;
    }
    assert_eq!(world.asked().len(), 1000, "none is slower than the others");
    world.recast("a b", answers().after(400));
    let mut extra = Vec::new();
    for _ in 0..10 {
        let before = world.asked().len();
        join_all((0..100).map(|_| world.get("/").into_future())).await;
        extra.push(world.asked().len() - before - 100);
    }
    assert_eq!(extra, [100, 0, 0, 0, 0, 0, 0, 0, 0, 0], "hedges of each hundred requests");
    world.is_at_rest();
}
