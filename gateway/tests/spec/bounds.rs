//! What is too much? A refusal, and afterwards everything is given back.

use crate::world::{World, answers, never, says, streamed, wait, world};

fn scatter(words: &str, replicas: &str) -> World {
    world(&format!("pattern: scatter{words}"), replicas)
}

#[tokio::test(start_paused = true)]
async fn one_scatter_of_n_counts_as_n() {
    let world = scatter(", max-concurrency: 7", "a b c").replica("a b c", answers().after(100));
    let all = world.burst(4, "/").await;
    let statuses: Vec<_> = all.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 503, 503]);
    assert_eq!(world.asked().len(), 6);
    for answer in all.into_iter().skip(2) {
        answer.problem(503, "busy").has("retry-after", "1").took(0);
    }
    world.is_at_rest();
    world.get("/").await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_spread_counts_as_one_until_its_body_ends() {
    let world = world("max-concurrency: 2", "a b");
    let one = world.get("/").response().await;
    let two = world.get("/").response().await;
    world.get("/").await.problem(503, "busy").has("retry-after", "1");
    drop(one);
    world.get("/").await.is(200);
    drop(two);
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn a_body_that_says_it_is_too_large_is_refused_unread() {
    for pattern in ["spread", "shard", "scatter"] {
        let world = world(&format!("pattern: {pattern}, max-body: 10"), "a b");
        world.post("/").body("12345678901").await.problem(413, "bad-request");
        assert_eq!(world.who(), "");
        world.post("/").body("1234567890").await.is(200);
        world.is_at_rest();
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_turns_out_too_large_is_refused() {
    for pattern in ["spread", "shard", "scatter"] {
        let world = world(&format!("pattern: {pattern}, max-body: 10"), "a b");
        let body = streamed(&["123456", "78901"], true).await;
        let answer = world.post("/").stream(body).await.problem(413, "bad-request");
        assert_eq!(answer.header("connection"), Some("close"));
        world.is_at_rest();
        let body = streamed(&["12345", "67890"], true).await;
        world.post("/").stream(body).await.is(200);
        let failures = world.service().replicas.iter().map(|one| one.live.totals().1).sum::<u64>();
        assert_eq!(failures, 0, "{pattern}: the client's fault is not the replica's");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_must_be_held_and_does_not_come_is_a_408() {
    let world = scatter(", timeout: 2s", "a b");
    let body = streamed(&["12345"], false).await;
    world.post("/").stream(body).await.problem(408, "bad-request").took(2000);
    assert_eq!(world.who(), "");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn a_leafs_answer_over_the_cap_fails_that_leaf() {
    let words = ", max-body: 10, scatter-require: any, scatter-merge: concat";
    let world = scatter(words, "a b").replica("a", says("[1,2,3,4,5]")).replica("b", says("[6]"));
    world.get("/").await.is(200).covers("2 1 1 0 0").reads("[6]");
    world.publish("pattern: scatter, max-body: 10", "a b");
    let answer = world.get("/").await.problem(502, "too-few-leaves");
    assert!(answer.text.contains("max-body"), "{}", answer.text);
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn all_that_is_held_together_is_capped() {
    let sixty = "\"12345678901234567890123456789012345678901234567890123456789\"";
    let world = scatter(", scatter-require: any", "a b").memory(100).replica("a b", says(sixty));
    let answer = world.get("/").await.is(200).covers("2 1 1 0 0");
    assert!(answer.text.contains("--memory"), "{}", answer.text);
    world.is_at_rest();
    world.publish("pattern: scatter", "a b");
    world.get("/").await.problem(502, "too-few-leaves");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn parts_are_held_until_the_answer_is_sent() {
    let world = scatter("", "a b").replica("a b", says("\"12345678\""));
    let response = world.get("/").response().await;
    assert_eq!((world.held(), world.service().live.leaves()), (20, 2));
    drop(response);
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn a_body_for_which_there_is_no_room_is_a_503() {
    let world = scatter("", "a b").memory(8);
    let body = streamed(&["12345", "67890"], true).await;
    let answer = world.post("/").stream(body).await.problem(503, "bad-request");
    answer.has("retry-after", "1");
    assert_eq!(world.who(), "");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn what_was_held_for_a_client_that_went_away_is_given_back() {
    let world = scatter("", "a b").replica("a", says("\"x\"")).replica("b", never());
    let body = streamed(&["12345"], true).await;
    let ask = world.post("/").stream(body).response();
    let watch = async {
        wait(10).await;
        assert!(world.held() >= 5, "the body is held");
    };
    tokio::select! {
        _ = ask => panic!("nobody answers"),
        () = watch => {}
    }
    world.is_at_rest();
}
