//! Do scopes, locks, jobs and leaders do in a simulated world what they do elsewhere?

use std::time::Duration;

use http::StatusCode;
use tokio::time::timeout;

use super::{STORE, five};
use crate::prelude::{App, Context, Error, Held, app, candidates, indexed, spread};

/// Two replicas that count together.
fn counted() -> App {
    let code =
        async |me: Context| me.scope::<u32>("n")?.update(|n| std::mem::replace(n, *n + 1)).await;
    let count = spread(2, code).balance("round-robin").timeout(Duration::from_secs(1)).public();
    app("counted").scope("n").service("count", count)
}

#[tokio::test(start_paused = true)]
async fn who_is_cut_off_changes_no_scope() {
    let world = counted().simulate(1).unwrap();
    world.part("count-0", STORE);
    let mut counted = Vec::new();
    for _ in 0..4 {
        counted.extend(world.get("/").await.json::<u32>().ok());
    }
    assert_eq!(counted, [0, 1], "every second one is asked in vain");
    world.heal();
    assert_eq!(world.get("/").await.json::<u32>().unwrap(), 2);
    world.cut(STORE);
    assert_eq!(world.get("/").await.status(), StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn changes_meet_and_none_is_lost() {
    let world = counted().simulate(1).unwrap();
    let asked = (0..8).map(|_| world.get("/"));
    let answers = futures::future::join_all(asked).await;
    let mut seen: Vec<_> = answers.iter().map(|answer| answer.json::<u32>().unwrap()).collect();
    assert!(!seen.is_sorted(), "they did not meet: {seen:?}");
    seen.sort_unstable();
    assert_eq!(seen, (0..8).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "there is no `five-3`")]
async fn nobody_is_cut_off_by_mistake() {
    five().simulate(1).unwrap().cut("five-3");
}

#[tokio::test(start_paused = true)]
async fn jobs_and_leaders_are_tried_too() {
    let work = async |part: Context| {
        if part.index() == 3 && part.scope::<u32>("n")?.read().await? > 3 {
            return Err(Error::unavailable("once is enough"));
        }
        part.scope::<u32>("n")?.update(|n| *n += 1).await
    };
    let lead = async |held: Held, me: Context| {
        held.check()?;
        me.scope::<u32>("n")?.update(|n| *n *= 10).await
    };
    let app = app("a").scope("n").job("count", indexed(4, work).parallelism(1));
    let world = app.leader("ten", candidates(2, lead)).simulate(1).unwrap();
    world.work("count").await.unwrap();
    let held = world.hold("ten").await.unwrap();
    lead(held.clone(), world.context("ten-0")).await.unwrap();
    let n = world.context("ten-1").scope::<u32>("n").unwrap();
    assert_eq!(n.read().await.unwrap(), 40);
    assert!(timeout(Duration::from_secs(60), world.hold("ten")).await.is_err(), "one leads");
    held.release().await.unwrap();
    assert!(world.work("count").await.unwrap_err().to_string().contains("once is enough"));
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_given_back_with_the_work() {
    let code = async |me: Context| me.locked("sum", async |held| Ok(held.check()?)).await;
    let world = app("a").lock("sum").service("b", spread(1, code).public()).simulate(1).unwrap();
    for _ in 0..3 {
        assert!(world.get("/").await.status().is_success());
    }
}
