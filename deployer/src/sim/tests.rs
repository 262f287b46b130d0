//! Does a simulated world do what is done to it, and the same for the same seed?

mod tools;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use tokio::time::Instant;

use super::{OUTSIDE, STORE};
use crate::prelude::{
    App, Context, Error, Missed, Parts, Result, app, opened, scatter, shard, spread,
};

/// What was made of the parts: who answered, and why others did not.
fn who(parts: Parts<usize>) -> Result<Vec<String>> {
    let say = |part: &crate::pattern::Part<usize>| match (&part.answer, part.latency) {
        (Ok(_), Some(_)) => "ok".to_owned(),
        (Ok(_), None) => "no latency".to_owned(),
        (Err(Missed::TimedOut), None) => "late".to_owned(),
        (Err(why), _) => why.to_string(),
    };
    Ok(parts.iter().map(say).collect())
}

fn five() -> App {
    let leaves = scatter(5, async |leaf: Context| Ok(leaf.index()), who);
    let leaves = leaves.quorum(2).deadline(Duration::from_millis(500));
    app("five").service("five", leaves.public())
}

#[tokio::test(start_paused = true)]
async fn a_merge_is_told_who_misses_and_why() {
    let world = five().simulate(1).unwrap();
    world.kill("five-leaf-1");
    world.cut("five-leaf-3");
    let answer = world.get("/").await;
    let said: Vec<String> = answer.json().unwrap();
    assert_eq!((said[0].as_str(), said[3].as_str()), ("ok", "late"), "{said:?}");
    assert!(said[1].contains("connection refused"), "{said:?}");
    assert_eq!(answer.coverage().as_deref(), Some("3 of 5"));
}

#[tokio::test(start_paused = true)]
async fn what_is_slow_is_late_at_the_deadline_and_not_before() {
    let world = five().simulate(1).unwrap();
    world.slow("five-leaf-2", Duration::from_millis(400));
    let began = Instant::now();
    assert_eq!(world.get("/").await.coverage().as_deref(), Some("5 of 5"));
    assert_eq!(began.elapsed(), Duration::from_millis(400));
    world.slow("five-leaf-2", Duration::from_secs(1));
    let began = Instant::now();
    assert_eq!(world.get("/").await.coverage().as_deref(), Some("4 of 5"));
    assert_eq!(began.elapsed(), Duration::from_millis(500));
}

/// The longest of nine answers, of three replicas of which one is slow.
async fn longest(replicas: crate::pattern::Spread) -> Duration {
    let replicas = replicas.balance("round-robin").public();
    let world = app("web").service("web", replicas).simulate(1).unwrap();
    world.slow("web-1", Duration::from_millis(400));
    let mut longest = Duration::ZERO;
    for _ in 0..9 {
        let began = Instant::now();
        assert!(world.get("/").await.status().is_success());
        longest = longest.max(began.elapsed());
    }
    longest
}

#[tokio::test(start_paused = true)]
async fn who_hedges_does_not_wait_for_a_slow_replica() {
    let alike = || spread(3, async |web: Context| Ok(web.index()));
    assert!(longest(alike()).await >= Duration::from_millis(400));
    assert!(longest(alike().hedge("20ms")).await < Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn what_is_parted_is_well_with_others() {
    let world = five().simulate(1).unwrap();
    world.part(OUTSIDE, "five-leaf-0");
    assert_eq!(world.get("/").await.coverage().as_deref(), Some("4 of 5"));
    let said: Vec<String> = world.call("five", &()).await.unwrap();
    assert_eq!(said, ["ok"; 5]);
    world.heal();
    assert_eq!(world.get("/").await.coverage().as_deref(), Some("5 of 5"));
}

/// How long twenty questions took.
async fn times(seed: u64) -> Vec<Duration> {
    let world = five().simulate(seed).unwrap();
    let mut times = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        assert!(world.get("/").await.status().is_success());
        times.push(began.elapsed());
    }
    times
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_is_the_same_world() {
    let (one, again, other) = (times(7).await, times(7).await, times(8).await);
    assert_eq!(one, again);
    assert_ne!(one, other);
}

#[tokio::test(start_paused = true)]
async fn a_state_lives_as_long_as_its_replica() {
    let code = async |_: Option<String>, me: Context<AtomicU32>| Ok(me.fetch_add(1, Relaxed) + 1);
    let counted = spread(1, opened(|_| AtomicU32::new(40), code)).public();
    let world = app("counted").service("count", counted).simulate(1).unwrap();
    assert_eq!(world.get("/").await.json::<u32>().unwrap(), 41);
    assert_eq!(world.get("/").await.json::<u32>().unwrap(), 42);
    world.kill("count-0");
    assert!(!world.get("/").await.status().is_success());
    world.revive("count-0");
    assert_eq!(world.get("/").await.json::<u32>().unwrap(), 41);
}

#[derive(Deserialize)]
struct Order {
    user: String,
}

/// A shop: its door calls the users' shards.
fn shop() -> App {
    let place = async |user: String, me: Context| Ok(format!("{user} at {}", me.replica()));
    let order = async |order: Order, me: Context| {
        assert!(me.left().is_some(), "the deadline is handed on");
        me.call::<_, String>("users", &order.user).await
    };
    let users = shard(4, |user: &String| user.clone(), place).on_owner_down("fail");
    app("shop")
        .service("door", spread(2, order).timeout(Duration::from_secs(1)).public())
        .service("users", users)
}

#[tokio::test(start_paused = true)]
async fn a_service_calls_another_with_the_time_that_is_left() {
    let world = shop().simulate(1).unwrap();
    let jim = world.get("/?user=jim").await.json::<String>().unwrap();
    let shard = jim.strip_prefix("jim at ").unwrap();
    for door in ["door-0", "door-1"] {
        world.part(door, shard);
    }
    let began = Instant::now();
    let late = world.get("/?user=jim").await;
    assert!(!late.status().is_success(), "{late:?}");
    assert_eq!(began.elapsed(), Duration::from_secs(1));
    world.heal();
    assert_eq!(world.get("/?user=jim").await.json::<String>().unwrap(), jim);
    // Not public.
    assert_eq!(world.get("/users").await.status(), 400);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_ask_has_no_owner_and_is_told_what_is_wrong() {
    let users = shard(3, |order: &Order| order.user.clone(), async |order: Order| Ok(order.user));
    let world = app("shop").service("users", users.public()).simulate(1).unwrap();
    let wrong = world.post("/", r#"{"usr": "jim"}"#).await;
    assert_eq!(wrong.status(), 400);
    assert!(wrong.text().contains("missing field `user`"), "{}", wrong.text());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_declared_is_said_in_the_log_and_not_to_who_asks() {
    let code = async |me: Context| me.scope::<u32>("secret")?.read().await;
    let world = app("a").service("b", spread(1, code).public()).simulate(1).unwrap();
    let answer = world.get("/").await;
    assert_eq!(answer.status(), 500);
    assert!(!answer.text().contains("secret"), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn who_is_not_there_is_not_called() {
    let code = async |me: Context| me.call::<_, u32>("usres", &()).await;
    let world = app("a").service("b", spread(1, code).public()).simulate(1).unwrap();
    assert_eq!(world.get("/").await.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test(start_paused = true)]
async fn a_caller_may_look_at_what_was_answered() {
    let users = async |user: String| match &*user {
        "jim" => Ok(user),
        other => Err(Error::not_found(format!("there is no user `{other}`"))),
    };
    let door = async |user: String, me: Context| {
        let called = me.call::<_, String>("users", &user).await;
        called.map_err(|error| match error.answered() {
            Some(StatusCode::NOT_FOUND) => Error::bad_request("who is that?"),
            _ => error,
        })
    };
    let shop = app("a").service("users", users).service("door", spread(1, door).public());
    let world = shop.simulate(1).unwrap();
    assert!(world.post("/", "jim").await.status().is_success());
    assert_eq!(world.post("/", "joe").await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test(start_paused = true)]
async fn who_is_called_knows_the_time_that_its_caller_has() {
    let left = async |me: Context| Ok(me.left().map(|left| left.as_millis()));
    let door = async |me: Context| {
        tokio::time::sleep(Duration::from_millis(300)).await;
        me.call::<_, u64>("left", &()).await
    };
    let door = spread(1, door).timeout(Duration::from_secs(1)).public();
    let world = app("a").service("left", left).service("door", door).simulate(1).unwrap();
    let left = world.get("/").await.json::<u64>().unwrap();
    assert!((600..=700).contains(&left), "{left} ms");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_is_an_answer_and_the_next_request_is_another() {
    let code = async |asked: String| {
        assert_ne!(asked, "13", "not that one");
        Ok(asked)
    };
    let world = app("a").service("b", spread(1, code).public()).simulate(1).unwrap();
    let failed = world.post("/", "13").await;
    assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!failed.text().contains("not that one"), "{}", failed.text());
    assert_eq!(world.post("/", "14").await.json::<String>().unwrap(), "14");
}

#[tokio::test(start_paused = true)]
async fn who_is_killed_does_no_more_and_its_next_life_does_not_answer_for_it() {
    let done = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&done);
    let code = move || {
        let count = Arc::clone(&count);
        async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok(count.fetch_add(1, Relaxed))
        }
    };
    let slow = spread(1, code).retries(0).public();
    let world = app("a").service("b", slow).simulate(1).unwrap();
    let (answer, ()) = tokio::join!(world.get("/"), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        world.kill("b-0");
        world.revive("b-0");
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(done.load(Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_a_header_is_asked_with_it() {
    let who = async |me: Context| Ok(me.replica().to_owned());
    let users = shard(8, "header:x-user", who).missing_key("reject").host("shop.example");
    let world = app("shop").service("users", users).simulate(1).unwrap();
    assert_eq!(world.get("/").await.status(), StatusCode::NOT_FOUND);
    let host = ("host", "shop.example");
    assert_eq!(world.ask("GET", "/", &[host], "").await.status(), StatusCode::BAD_REQUEST);
    let mut owners = std::collections::BTreeSet::new();
    for user in ["jim", "joe", "jil", "jan", "jim"] {
        let answer = world.ask("GET", "/", &[host, ("x-user", user)], "").await;
        assert_eq!(answer.shard(), Some(&*answer.json::<String>().unwrap()));
        owners.insert(answer.text());
    }
    assert!(owners.len() > 1, "{owners:?}");
}

#[tokio::test(start_paused = true)]
async fn an_ask_may_be_as_large_as_its_service_says() {
    let length = async |text: String| Ok(text.len());
    let web = |most: &str| spread(1, length).max_body(most).public();
    let large = "x".repeat(9 << 20);
    let world = app("a").service("b", web("10MiB")).simulate(1).unwrap();
    assert_eq!(world.post("/", large.clone()).await.json::<usize>().unwrap(), 9 << 20);
    let world = app("a").service("b", web("8MiB")).simulate(1).unwrap();
    assert_eq!(world.post("/", large).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn a_key_of_code_has_one_owner_and_others_have_others() {
    let who = async |_: String, me: Context| Ok(me.replica().to_owned());
    let users = shard(8, |user: &String| user.clone(), who).public();
    let world = app("shop").service("users", users).simulate(1).unwrap();
    let mut owners = std::collections::BTreeMap::new();
    for user in (0..32).chain(0..32) {
        let owner = world.post("/", user.to_string()).await.json::<String>().unwrap();
        assert_eq!(*owners.entry(user).or_insert_with(|| owner.clone()), owner);
    }
    let all: std::collections::BTreeSet<_> = owners.values().collect();
    assert!(all.len() > 4, "{all:?}");
    // It is said to be JSON, and is none: so it has no owner.
    let json = ("content-type", "application/json; charset=utf-8");
    let wrong = world.ask("POST", "/", &[json], "jim").await;
    assert_eq!((wrong.status(), wrong.shard()), (StatusCode::BAD_REQUEST, None));
}

#[tokio::test(start_paused = true)]
async fn who_is_cut_off_at_work_is_not_heard() {
    let code = async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok(())
    };
    let slow = spread(1, code).timeout(Duration::from_secs(1)).public();
    let world = app("a").service("b", slow).simulate(1).unwrap();
    let (answer, ()) = tokio::join!(world.get("/"), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        world.cut("b-0");
    });
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_call_hands_on_what_a_trace_needs() {
    let heard = tower::service_fn(|request: crate::wire::Request| async move {
        let trace = request.headers().get("traceparent").and_then(|trace| trace.to_str().ok());
        let line = crate::wire::line(&trace).expect("JSON");
        Ok::<_, std::convert::Infallible>(crate::wire::Response::new(crate::wire::whole(line)))
    });
    let door = async |me: Context| me.call::<_, String>("heard", &()).await;
    let heard = spread(1, crate::pattern::http(heard));
    let door = spread(1, door).public();
    let world = app("a").service("heard", heard).service("door", door).simulate(1).unwrap();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let answer = world.ask("GET", "/", &[("traceparent", trace)], "").await;
    let heard = answer.json::<String>().unwrap();
    assert_eq!(heard.split('-').nth(1), trace.split('-').nth(1), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_dropped_when_its_answer_is_of_no_use() {
    let late = spread(1, async || std::future::pending::<Result<()>>().await);
    let app = app("a").job("j", async |_: Context| Ok(())).service("b", late);
    let world = app.simulate(1).unwrap();
    let answering = app.services[0].role.open(Arc::clone(&world.seats["j-0"]));
    let mut request = http::Request::new(crate::wire::whole(""));
    request.headers_mut().insert(crate::wire::DEADLINE, 50.into());
    let began = Instant::now();
    assert_eq!(answering(request).await.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(began.elapsed(), Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn a_merge_is_told_what_a_leaf_answered_and_answers_json() {
    let leaf = async |leaf: Context| match leaf.index() {
        1 => Err(Error::unavailable("not now")),
        index => Ok(index),
    };
    let world =
        app("a").service("b", scatter(3, leaf, who).quorum(2).public()).simulate(1).unwrap();
    let answer = world.get("/").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let said: Vec<String> = answer.json().unwrap();
    assert_eq!(said, ["ok", "answered 503 Service Unavailable", "ok"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_public_is_not_asked_from_outside() {
    let web = spread(1, async || Ok(())).at("/web");
    let world = app("a").service("web", web).service("back", async || Ok(())).simulate(1).unwrap();
    assert!(world.get("/web").await.status().is_success());
    assert_eq!(world.get("/back").await.status(), StatusCode::NOT_FOUND);
    world.call::<_, ()>("back", &()).await.unwrap();
}
