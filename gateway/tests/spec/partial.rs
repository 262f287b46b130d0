//! Some leaves do not answer: is there enough for an answer, when is that known, and what is said?

use crate::world::{World, answers, breaks, never, says, world};

/// A scatter to five leaves, of which the first `failing` answer 500 and the rest are right.
fn five(require: &str, failing: usize) -> World {
    let words = format!("pattern: scatter, scatter-merge: concat, scatter-require: {require}");
    let world = world(&words, "a b c d e").replica("a b c d e", says("[1]"));
    for name in ["a", "b", "c", "d", "e"].into_iter().take(failing) {
        world.recast(name, says("out of order").status(500));
    }
    world
}

#[tokio::test(start_paused = true)]
async fn as_many_must_answer_as_are_required() {
    let least = [("all", 5), ("quorum", 3), ("any", 1), ("2", 2), ("9", 5), ("60%", 3), ("61%", 4)];
    for (require, least) in least {
        for failing in 0..=5 {
            let ok = 5 - failing;
            let answer = five(require, failing).get("/").await;
            if ok >= least {
                let text = format!("[{}]", vec!["1"; ok].join(","));
                answer.is(200).covers(&format!("5 {ok} {failing} 0 0")).reads(&text);
            } else {
                answer.problem(502, "too-few-leaves");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_misses_a_leaf_is_never_kept_and_a_whole_one_may_be() {
    let part = || says("[1]").header("cache-control", "max-age=60");
    let world = world("pattern: scatter, scatter-require: any", "a b").replica("a b", part());
    world.get("/").await.is(200).covers("2 2 0 0 0").has("cache-control", "max-age=60");
    world.recast("b", part().status(503));
    world.get("/").await.is(200).covers("2 1 1 0 0").has("cache-control", "no-store");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_comes_as_soon_as_no_answer_is_possible() {
    let world = world("pattern: scatter, scatter-require: quorum", "a b c d e");
    world.recast("a b", never());
    world.recast("c", says("no").status(500).after(10));
    world.recast("d", breaks().after(30));
    world.recast("e", says("no").status(404).after(20));
    let answer = world.post("/").body("x").await.problem(502, "too-few-leaves").took(30);
    let answer = answer.covers("5 0 3 0 0");
    assert_eq!(world.cancelled(), "a b");
    let leaves = &answer.json()["leaves"];
    assert_eq!(leaves[0], serde_json::json!({"shard": "a", "error": "not waited for"}));
    assert_eq!(leaves[2], serde_json::json!({"shard": "c", "status": 500, "body": "no"}));
    assert!(leaves[3]["error"].as_str().is_some_and(|error| error.contains("connection reset")));
    assert_eq!(leaves[4]["status"], 404);
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn where_all_are_required_the_first_failure_ends_it() {
    let world = world("pattern: scatter", "a b c").replica("a b", never());
    world.recast("c", says("no").status(500).after(7));
    world.get("/").await.problem(502, "too-few-leaves").took(7);
    assert_eq!(world.cancelled(), "a b");
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_there_is_what_there_is_if_that_is_enough() {
    let words = "pattern: scatter, scatter-require: quorum, scatter-timeout: 800ms";
    let world = world(words, "a b c").replica("a", answers().after(799)).replica("b", never());
    let answer = world.get("/").await.is(200).covers("3 2 0 1 0").took(800);
    let expected = r#"{"a":{"status":200,"body":"a"},"b":{"error":"timed out"},"c":{"status":200,"body":"c"}}"#;
    answer.reads(expected);
    assert_eq!(world.cancelled(), "b");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_too_few_are_a_504_when_all_that_miss_are_late() {
    let world = world("pattern: scatter, scatter-timeout: 800ms", "a b c").replica("b", never());
    let answer = world.get("/").await.problem(504, "too-few-leaves").covers("3 2 0 1 0");
    let answer = answer.took(800);
    assert_eq!(answer.json()["leaves"][1]["error"], "timed out");
    assert_eq!(answer.json()["leaves"][0]["status"], 200);
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_too_few_are_a_502_when_one_failed() {
    let words = "pattern: scatter, scatter-require: 2, scatter-timeout: 800ms";
    let world = world(words, "a b c").replica("b", never()).replica("c", breaks());
    let answer = world.post("/").body("x").await;
    answer.problem(502, "too-few-leaves").covers("3 1 1 1 0").took(800);
}

#[tokio::test(start_paused = true)]
async fn more_is_better_than_enough() {
    let words = "pattern: scatter, scatter-require: any, scatter-timeout: 800ms";
    let world = world(words, "a b c").replica("b", answers().after(700));
    world.get("/").await.is(200).covers("3 3 0 0 0").took(700);
}

#[tokio::test(start_paused = true)]
async fn the_coverage_counts_what_came_of_each_leaf() {
    let words = "pattern: scatter, scatter-require: any, scatter-timeout: 100ms";
    // ok, failed (refused, broke, no JSON where it must be), timed out
    let table = [
        ("oooo", "4 4 0 0 0"),
        ("orxo", "4 2 2 0 0"),
        ("ojjo", "4 2 2 0 0"),
        ("ottt", "4 1 0 3 0"),
        ("orxt", "4 1 2 1 0"),
        ("ortj", "4 1 2 1 0"),
    ];
    for (parts, counts) in table {
        let world = world(&format!("{words}, scatter-merge: concat"), "a b c d");
        for (name, part) in ["a", "b", "c", "d"].into_iter().zip(parts.chars()) {
            let part = match part {
                'o' => says("[1]"),
                'r' => says("[1]").status(503),
                'x' => breaks(),
                'j' => says("[1"),
                _ => never(),
            };
            world.recast(name, part);
        }
        let ok = parts.matches('o').count();
        let text = format!("[{}]", vec!["1"; ok].join(","));
        world.post("/").body("x").await.is(200).covers(counts).reads(&text);
        world.is_at_rest();
    }
}

#[tokio::test(start_paused = true)]
async fn a_leaf_that_breaks_off_midway_is_not_in_the_answer() {
    use crate::world::{Step, streams};
    let words = "pattern: scatter, scatter-require: any, scatter-merge: concat";
    let world = world(words, "a b").replica("a", streams(&[Step::Say("[1]"), Step::Break]));
    world.recast("b", says("[2]"));
    world.get("/").await.is(200).covers("2 1 1 0 0").reads("[2]");
}

#[tokio::test(start_paused = true)]
async fn a_leaf_that_stalls_midway_is_late() {
    use crate::world::{Step, streams};
    let words =
        "pattern: scatter, scatter-require: any, scatter-timeout: 90ms, scatter-merge: concat";
    let world = world(words, "a b").replica("a", streams(&[Step::Say("[1"), Step::Stall]));
    world.recast("b", says("[2]"));
    world.get("/").await.is(200).covers("2 1 0 1 0").reads("[2]").took(90);
    assert_eq!(world.cancelled(), "a");
    world.is_at_rest();
}
