//! Every shard answers, and one answer is made of theirs.

use std::time::Duration;

use http::Method;

use crate::world::{World, answers, breaks, never, refuses, says, world};

fn scatter(words: &str, replicas: &str) -> World {
    world(&format!("pattern: scatter{words}"), replicas)
}

#[tokio::test(start_paused = true)]
async fn all_leaves_are_asked_at_once_and_the_slowest_decides() {
    let world = scatter("", "a b c");
    world.recast("a", answers().after(30));
    world.recast("b", answers().after(50));
    world.recast("c", answers().after(20));
    world.get("/").await.is(200).covers("3 3 0 0 0").took(50);
    assert!(world.asked().iter().all(|asked| asked.at == 0));
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn parts_stand_in_shard_order_whatever_the_order_of_arrival() {
    let delays = [[10, 20, 30], [30, 20, 10], [20, 30, 10], [0, 0, 0]];
    for (words, expected) in [
        (", scatter-merge: concat", "[1,2,10]"),
        (", scatter-merge: ndjson", "[1]\n[2]\n[10]\n"),
        (
            "",
            r#"{"s-1":{"status":200,"body":[1]},"s-2":{"status":200,"body":[2]},"s-10":{"status":200,"body":[10]}}"#,
        ),
    ] {
        for [one, two, ten] in delays {
            let world = scatter(words, "s-10 s-2 s-1");
            world.recast("s-1", says("[1]").after(one));
            world.recast("s-2", says("[2]").after(two));
            world.recast("s-10", says("[10]").after(ten));
            world.get("/").await.is(200).reads(expected);
        }
    }
}

/// Two leaves say these, and the answer is that.
async fn check_merge(merge: &str, left: &'static str, right: &'static str, expected: &str) {
    let world = scatter(&format!(", scatter-merge: \"{merge}\""), "a b");
    world.recast("a", says(left).after(9));
    world.recast("b", says(right));
    world.get("/").await.is(200).covers("2 2 0 0 0").reads(expected);
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn every_merge_makes_one_answer() {
    let both = r#"{"a":{"status":200,"body":1},"b":{"status":200,"body":"x"}}"#;
    check_merge("map", "1", "\"x\"", both).await;
    check_merge("concat", "[1,2]", "[3]", "[1,2,3]").await;
    check_merge("concat:/items", r#"{"items":[1]}"#, r#"{"items":[2]}"#, r#"{"items":[1,2]}"#)
        .await;
    check_merge("object", r#"{"x":1}"#, r#"{"y":2}"#, r#"{"x":1,"y":2}"#).await;
    check_merge("object:first", r#"{"x":1}"#, r#"{"x":2}"#, r#"{"x":1}"#).await;
    check_merge("object:array", r#"{"x":1}"#, r#"{"x":2}"#, r#"{"x":[1,2]}"#).await;
    check_merge("ndjson", "{\"x\":1}\n", "{\"x\":2}", "{\"x\":1}\n{\"x\":2}\n").await;
    check_merge(
        "sorted:/n",
        r#"[{"n":2}]"#,
        r#"[{"n":1},{"n":3}]"#,
        r#"[{"n":1},{"n":2},{"n":3}]"#,
    )
    .await;
    check_merge("union:/n", r#"[{"n":2}]"#, r#"[{"n":2},{"n":3}]"#, r#"[{"n":2},{"n":3}]"#).await;
    check_merge("sum:/n", r#"{"n":2}"#, r#"{"n":3}"#, r#"{"n":5}"#).await;
    check_merge("max", "2", "3", "3").await;
    check_merge("quorum", "same", "same", "same").await;
    check_merge("status", "1", "2", r#"{"a":200,"b":200}"#).await;
}

#[tokio::test(start_paused = true)]
async fn a_merge_of_parts_carries_each_part() {
    let world = scatter(", scatter-merge: multipart", "a b");
    let answer = world.get("/").await.is(200).covers("2 2 0 0 0");
    let kind = answer.header("content-type").expect("a type").to_owned();
    assert!(kind.starts_with("multipart/mixed; boundary="), "{kind}");
    let (a, b) = (answer.text.find("\"a\""), answer.text.find("\"b\""));
    assert!(a.is_some() && a < b, "{}", answer.text);
}

#[tokio::test(start_paused = true)]
async fn two_leaves_that_contradict_each_other_are_a_refusal() {
    let world =
        scatter(", scatter-merge: \"object:error\"", "a b").replica("a b", says("{\"x\":1}"));
    let answer = world.get("/").await.problem(502, "too-few-leaves");
    assert!(answer.text.contains("both have the member"), "{}", answer.text);
}

#[tokio::test(start_paused = true)]
async fn the_first_right_answer_is_taken_and_the_others_are_let_go() {
    let world = scatter(", scatter-merge: first", "a b c d");
    world.recast("a", never());
    world.recast("b", says("no").status(500));
    world.recast("c", says("yes").after(20).header("x-own", "c"));
    world.recast("d", says("late").after(40));
    let answer = world.get("/").await.is(200).reads("yes").has("x-own", "c").by_shard("c");
    answer.covers("4 1 1 0 0").took(20);
    assert_eq!(world.cancelled(), "a d");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn without_a_right_answer_there_is_no_first() {
    let world = scatter(", scatter-merge: first", "a b").replica("a b", says("no").status(404));
    world.get("/").await.problem(502, "too-few-leaves").covers("2 0 2 0 0");
}

#[tokio::test(start_paused = true)]
async fn a_majority_decides_though_a_leaf_failed_first() {
    let world = scatter(", scatter-merge: quorum", "a b c");
    world.recast("a", breaks());
    world.recast("b c", says("same").after(20));
    world.post("/").body("").await.is(200).reads("same").covers("3 2 1 0 0").took(20);
}

#[tokio::test(start_paused = true)]
async fn a_leaf_is_told_what_it_is_asked_as() {
    let world = scatter(", scatter-timeout: 800ms", "a b c");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let answer = world
        .get("/")
        .header("metaparticle-shard", "forged")
        .header("metaparticle-shards", "99")
        .header("metaparticle-deadline", "99999999")
        .header("traceparent", trace)
        .header("x-request-id", "mine")
        .await;
    answer.is(200).has("x-request-id", "mine");
    for (asked, name) in world.asked().iter().zip(["a", "b", "c"]) {
        assert_eq!(asked.header("metaparticle-shard"), Some(name));
        assert_eq!(asked.header("metaparticle-shards"), Some("3"));
        assert_eq!(asked.header("metaparticle-deadline"), Some("800"));
        assert_eq!(asked.header("traceparent"), Some(trace));
        assert_eq!(asked.header("x-request-id"), Some("mine"));
        assert_eq!(asked.headers.get_all("metaparticle-shard").iter().count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_has_no_name_gets_one() {
    let world = scatter("", "a b");
    let answer = world.get("/").await.is(200);
    let id = answer.header("x-request-id").expect("an id").to_owned();
    for asked in world.asked() {
        assert_eq!(asked.header("x-request-id"), Some(id.as_str()));
        assert!(asked.header("traceparent").is_some_and(|line| line.contains(&id)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_spread_tells_no_shard_and_drops_what_was_forged() {
    let world = world("", "a");
    let forged =
        world.get("/").header("metaparticle-shard", "x").header("metaparticle-shards", "9");
    forged.await.is(200);
    let asked = &world.asked()[0];
    assert_eq!(asked.header("metaparticle-shard"), None);
    assert_eq!(asked.header("metaparticle-shards"), None);
    assert_eq!(asked.header("metaparticle-deadline"), Some("30000"));
}

#[tokio::test(start_paused = true)]
async fn leaves_whose_answers_are_merged_are_asked_for_whole_plain_ones() {
    let conditions = ["range", "if-range", "if-none-match", "if-modified-since"];
    for (merge, plain) in [("map", true), ("ndjson", true), ("first", false)] {
        let world = scatter(&format!(", scatter-merge: {merge}"), "a b");
        let ask = world.get("/").header("accept-encoding", "gzip");
        conditions.iter().fold(ask, |ask, name| ask.header(name, "x")).await.is(200);
        let asked = &world.asked()[0];
        let coding = if plain { "identity" } else { "gzip" };
        assert_eq!(asked.header("accept-encoding"), Some(coding), "{merge}");
        let kept = conditions.iter().filter(|name| asked.header(name).is_some()).count();
        assert_eq!(kept, if plain { 0 } else { conditions.len() }, "{merge}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_leaf_gets_the_body() {
    let world = scatter("", "a b c");
    world.post("/").body("{\"q\":1}").await.is(200);
    assert_eq!(world.asked().len(), 3);
    assert!(world.asked().iter().all(|asked| asked.body == "{\"q\":1}"));
    let stream = crate::world::streamed(&["{\"q\"", ":2}"], true).await;
    world.post("/").stream(stream).await.is(200);
    assert!(world.asked()[3..].iter().all(|asked| asked.body == "{\"q\":2}"));
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn a_head_asks_every_leaf_and_has_no_body() {
    for merge in ["map", "status", "concat", "object", "\"sum:/n\"", "ndjson", "first", "quorum"] {
        let world = scatter(&format!(", scatter-merge: {merge}"), "a b");
        world.recast("a b", answers().after(1));
        let answer = world.ask(Method::HEAD, "/").await;
        assert_eq!(answer.status, 200, "{merge}: {answer:?}");
        assert!(answer.header("metaparticle-coverage").is_some(), "{merge}");
        assert_eq!(world.asked().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn leaves_without_content_are_right_answers() {
    let world = scatter("", "a b").replica("a b", says("").status(204));
    let text = r#"{"a":{"status":204},"b":{"status":204}}"#;
    world.get("/").await.is(200).covers("2 2 0 0 0").reads(text);
}

#[tokio::test(start_paused = true)]
async fn a_shard_asks_its_next_replica_where_one_refuses() {
    let world = scatter("", "a=s b=s c=t").replica("a", refuses());
    for _ in 0..10 {
        let answer = world.get("/").await.is(200).covers("2 2 0 0 0");
        assert_eq!(answer.json()["s"]["body"], "b");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_stands_in_for_a_leaf() {
    let world = scatter(", scatter-require: any", "a b! c").replica("c", refuses());
    let answer = world.get("/").await.is(200).covers("3 1 2 0 0").took(0);
    assert_eq!(answer.json()["a"]["body"], "a");
    assert!(world.count("a") == 1 && world.count("b") == 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_lets_every_leaf_go() {
    let world = scatter("", "a b c").replica("a c", never());
    let gone = tokio::time::timeout(Duration::from_millis(5), world.get("/").response());
    assert!(gone.await.is_err());
    assert_eq!(world.cancelled(), "a c");
    world.is_at_rest();
}

#[tokio::test(start_paused = true)]
async fn headers_are_those_that_can_be_said_of_all() {
    let world = scatter(", scatter-merge: concat", "a b");
    let part = |age| says("[]").header("cache-control", age).header("etag", "\"x\"");
    world.recast("a", part("max-age=60").header("set-cookie", "a=1"));
    world.recast("b", part("max-age=20, private").header("set-cookie", "b=2"));
    let answer = world.get("/").await.is(200).reads("[]").lacks("etag");
    let answer = answer.has("cache-control", "private, max-age=20");
    let cookies = answer.headers.get_all("set-cookie").iter();
    assert_eq!(cookies.collect::<Vec<_>>(), ["a=1", "b=2"]);
}

#[tokio::test(start_paused = true)]
async fn round_robin_gives_each_replica_of_each_shard_its_turn() {
    for words in ["", ", scatter-hedge: 20ms"] {
        let world = world(
            &format!("pattern: scatter, balance: round-robin{words}"),
            "a=s b=s c=t d=t e=u f=u g=v h=v",
        );
        for _ in 0..10 {
            world.get("/").await.is(200);
        }
        for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            assert_eq!(world.count(name), 5, "{name}{words}");
        }
    }
}
