//! Does a simulated world do what is done to it, and the same for the same seed?

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::OUTSIDE;
use crate::prelude::{App, Context, Missed, Parts, Result, app, opened, scatter, shard, spread};

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
