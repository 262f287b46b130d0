//! Any replica may answer: which one does?

use std::future::IntoFuture;

use http::Method;
use tokio::join;

use crate::world::{Step, answers, never, says, streams, wait, world};

#[tokio::test(start_paused = true)]
async fn each_replica_gets_a_share() {
    for balance in ["least-request", "peak-ewma", "round-robin", "random"] {
        let world = world(&format!("balance: {balance}"), "a b c d").replica("a b c d", answers());
        for _ in 0..400 {
            world.get("/").await.is(200).lacks("metaparticle-shard");
        }
        for name in ["a", "b", "c", "d"] {
            assert!(world.count(name) >= 50, "{balance}: {name} had {}", world.count(name));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn round_robin_gives_each_its_turn() {
    let world = world("balance: round-robin", "a b c");
    for _ in 0..7 {
        world.get("/").await.is(200);
    }
    assert_eq!(world.who(), "a b c a b c a");
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_is_not_ready_gets_nothing() {
    for balance in ["least-request", "peak-ewma", "round-robin", "random"] {
        let world = world(&format!("balance: {balance}"), "a b! c");
        for _ in 0..100 {
            world.get("/").await.is(200);
        }
        assert_eq!(world.count("b"), 0, "{balance}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_ready_replica_there_is_a_refusal() {
    for replicas in ["", "a! b!"] {
        let answer = world("", replicas).get("/").await;
        answer.problem(503, "no-replica").has("retry-after", "1").took(0);
    }
}

#[tokio::test(start_paused = true)]
async fn least_request_prefers_the_idle_one_of_two() {
    let world = world("", "a b").replica("a b", answers().after(100));
    let first = world.get("/").into_future();
    let rest = async {
        wait(1).await;
        let busy = world.who();
        world.recast("a b", answers());
        for _ in 0..20 {
            world.get("/").await.is(200);
        }
        assert_eq!(world.count(&busy), 1, "{busy} is busy");
    };
    let (first, ()) = join!(first, rest);
    first.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_body_on_its_way_counts_as_in_flight() {
    let slow = streams(&[Step::Say("1"), Step::Wait(100), Step::Say("2")]);
    let world = world("", "a b").replica("a b", slow);
    let response = world.get("/").response().await;
    let busy = world.who();
    for _ in 0..20 {
        world.get("/").await.is(200);
    }
    assert_eq!(world.count(&busy), 1, "{busy} is busy");
    drop(response);
    assert_eq!(world.cancelled(), busy);
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn an_answer_passes_as_it_is() {
    let gateway = says("hello")
        .status(203)
        .header("x-own", "1")
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .header("metaparticle-shards", "3")
        .header("metaparticle-deadline", "1");
    let world = world("", "a").replica("a", gateway);
    let answer = world.get("/").await.is(203).reads("hello").has("x-own", "1").lacks("x-hop");
    let answer = answer.lacks("metaparticle-shards").lacks("metaparticle-deadline");
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_is_a_gateway_itself_says_who_answered_where_this_one_does_not() {
    let partial = "total=2, ok=1, failed=1, timed-out=0, hedged=0";
    let inner = says("[1]").header("metaparticle-coverage", partial);
    let inner = inner.header("metaparticle-shard", "inner");
    let spread = world("", "a").replica("a", inner.clone());
    let answer = spread.get("/").await.is(200).has("metaparticle-coverage", partial);
    answer.has("metaparticle-shard", "inner");
    let shard = world("pattern: shard", "a").replica("a", inner.clone());
    let answer = shard.get("/").await.is(200).by_shard("a").has("metaparticle-coverage", partial);
    assert_eq!(answer.headers.get_all("metaparticle-shard").iter().count(), 1);
    for merge in ["concat", "first"] {
        let words = format!("pattern: scatter, scatter-merge: {merge}");
        let scatter = world(&words, "a").replica("a", inner.clone());
        let answer = scatter.get("/").await.is(200).covers("1 1 0 0 0");
        assert_eq!(answer.headers.get_all("metaparticle-coverage").iter().count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_status_is_an_answer_and_not_a_failure() {
    let world = world("retries: 3", "a b").replica("a b", says("no").status(500));
    world.get("/").await.is(500).reads("no");
    assert_eq!(world.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn trailers_pass() {
    let part = streams(&[Step::Say("x"), Step::Trailer("grpc-status", "0")]);
    let answer = world("", "a").replica("a", part).get("/").await.is(200).reads("x");
    assert_eq!(answer.trailers["grpc-status"], "0");
}

#[tokio::test(start_paused = true)]
async fn a_head_and_an_answer_without_content_pass() {
    let world = world("", "a").replica("a", says("x").header("content-length", "1"));
    world.ask(Method::HEAD, "/").await.is(200).reads("").has("content-length", "1");
    world.recast("a", says("").status(204));
    world.get("/").await.is(204).reads("");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_never_looks_whole() {
    let part = streams(&[Step::Say("x"), Step::Break]);
    let world = world("", "a b").replica("a b", part);
    let answer = world.get("/").await.is(200);
    assert!(answer.broke, "the answer breaks off too");
    assert_eq!(world.asked().len(), 1, "an answer that has begun is not asked for again");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn no_answer_by_the_deadline_is_a_504() {
    let world = world("timeout: 2s", "a b").replica("a b", never());
    world.get("/").await.problem(504, "timed-out").took(2000);
    assert_eq!(world.cancelled().len(), 1, "one was asked, and is let go");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_lets_the_replica_go() {
    let world = world("", "a").replica("a", never());
    let gone = tokio::time::timeout(std::time::Duration::from_millis(5), world.get("/").response());
    assert!(gone.await.is_err());
    assert_eq!(world.cancelled(), "a");
    world.is_at_rest();
}
