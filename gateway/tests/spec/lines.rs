//! Lines are passed on while the leaves still speak: in shard order, never torn, and the end says
//! whether it was all.

use http_body_util::BodyExt;

use crate::world::{Answer, Step, World, never, says, streams, world};

const ONE_TWO: [Step; 3] = [Step::Say("{\"n\":1}\n{\"n\""), Step::Wait(10), Step::Say(":2}\n")];

fn lines(words: &str, replicas: &str) -> World {
    let words = format!("pattern: scatter, scatter-merge: ndjson, scatter-timeout: 1s{words}");
    world(&words, replicas)
}

/// The coverage that the trailer tells.
fn trailer(answer: &Answer) -> &str {
    let value = answer.trailers.get("metaparticle-coverage");
    value.map_or("no trailer", |value| value.to_str().expect("text"))
}

#[tokio::test(start_paused = true)]
async fn lines_of_all_leaves_stand_in_shard_order_and_are_whole() {
    let world = lines("", "a b").replica("a", streams(&ONE_TWO)).replica("b", says("{\"n\":3}"));
    let answer = world.get("/").await.is(200).covers("2 2 0 0 0");
    let answer =
        answer.has("content-type", "application/x-ndjson").has("cache-control", "no-store");
    let answer = answer.has("trailer", "metaparticle-coverage");
    assert_eq!(trailer(&answer), "total=2, ok=2, failed=0, timed-out=0, hedged=0");
    answer.reads("{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n").took(10);
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_not_the_lines_they_mean_are_not_passed_on() {
    let zipped = says("gibberish\n").header("content-encoding", "gzip");
    let world = lines("", "a b").replica("a b", zipped);
    world.get("/").await.problem(502, "too-few-leaves").covers("2 0 1 0 0");
    let world = lines(", scatter-require: any", "a b").replica("b", says("1\n"));
    world.recast("a", says("torn\n").status(206));
    world.get("/").await.is(200).covers("2 1 1 0 0").reads("1\n");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn the_first_line_does_not_wait_for_the_last() {
    let slow = streams(&[Step::Say("1\n"), Step::Wait(500), Step::Say("2\n")]);
    let world = lines("", "a b").replica("a b", slow);
    let mut body = world.get("/").response().await.body;
    let first = body.frame().await.expect("a frame").expect("no error");
    assert_eq!((first.into_data().expect("data").as_ref(), world.now()), (&b"1\n"[..], 0));
}

#[tokio::test(start_paused = true)]
async fn a_leaf_that_breaks_midway_loses_only_its_torn_line() {
    let torn = streams(&[Step::Say("{\"n\":1}\n{\"n\":"), Step::Wait(5), Step::Break]);
    let world = lines(", scatter-require: any", "a b").replica("a", torn);
    world.recast("b", says("{\"n\":3}\n"));
    let answer = world.get("/").await.is(200);
    assert_eq!(trailer(&answer), "total=2, ok=1, failed=1, timed-out=0, hedged=0");
    answer.reads("{\"n\":1}\n{\"n\":3}\n");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn where_all_are_required_an_answer_that_misses_one_never_looks_whole() {
    let torn = streams(&[Step::Say("{\"n\":1}\n{\"n\":"), Step::Wait(5), Step::Break]);
    let world = lines("", "a b").replica("a", torn).replica("b", says("{\"n\":3}\n"));
    let answer = world.get("/").await.is(200);
    assert!(answer.broke, "the body ends in an error");
    assert_eq!(trailer(&answer), "no trailer");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn a_leaf_that_stalls_is_cut_off_at_the_deadline() {
    let stalls = streams(&[Step::Say("{\"n\":1}\n{\"n"), Step::Stall]);
    let world = lines(", scatter-require: any", "a b").replica("b", stalls);
    world.recast("a", says("{\"n\":0}\n"));
    let answer = world.get("/").await.is(200).took(1000);
    assert_eq!(trailer(&answer), "total=2, ok=1, failed=0, timed-out=1, hedged=0");
    answer.reads("{\"n\":0}\n{\"n\":1}\n");
    assert_eq!(world.cancelled(), "b");
}

#[tokio::test(start_paused = true)]
async fn a_leaf_that_never_begins_is_told_in_head_and_trailer() {
    let world = lines(", scatter-require: any", "a b c").replica("b", never());
    world.recast("c", says("no").status(500));
    world.recast("a", says("1\n"));
    let answer = world.get("/").await.is(200).covers("3 1 1 1 0").took(1000);
    assert_eq!(trailer(&answer), "total=3, ok=1, failed=1, timed-out=1, hedged=0");
    answer.reads("1\n");
}

#[tokio::test(start_paused = true)]
async fn too_few_that_begin_are_a_refusal() {
    let world = lines("", "a b").replica("b", never()).replica("a", says("1\n"));
    world.get("/").await.problem(504, "too-few-leaves").covers("2 1 0 1 0").took(1000);
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_lets_every_leaf_go() {
    let endless = streams(&[Step::Say("1\n"), Step::Stall]);
    let world = lines("", "a b c").replica("a b c", endless);
    let response = world.get("/").response().await;
    assert_eq!(world.cancelled(), "");
    drop(response);
    assert_eq!(world.cancelled(), "a b c");
    world.is_at_rest();
}
