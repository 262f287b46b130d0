//! Do the examples do what they say? Their own tests run here as well; and each runs as on its user's machine.

#![allow(dead_code, reason = "programs, of which the parts are used here")]

#[path = "../examples/counters.rs"]
pub mod counters;
#[path = "../examples/hello.rs"]
pub mod hello;
#[path = "../examples/histogram.rs"]
pub mod histogram;
#[path = "../examples/job.rs"]
pub mod job;
#[path = "../examples/leader.rs"]
pub mod leader;
#[path = "../examples/scatter.rs"]
pub mod scatter;
#[path = "../examples/shard.rs"]
pub mod shard;
#[path = "../examples/spread.rs"]
pub mod spread;

use std::collections::BTreeSet;
use std::time::Duration;

use metaparticle::local::Local;
use metaparticle::prelude::{App, Result};
use metaparticle::reply::Reply;
use metaparticle::scope::Files;

/// Nothing here takes so long, but on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(30);

/// The application with sockets, and a question.
async fn first(app: App, path: &str) -> Result<serde_json::Value> {
    let local = app.start().await?;
    let answer = local.get(path).await?.json();
    local.stop().await;
    answer
}

/// Asks until the answer is as `right` wants it: nobody tells when that is.
async fn until(local: &Local, path: &str, right: impl Fn(&Reply) -> bool) -> Result<Reply> {
    let begun = tokio::time::Instant::now();
    loop {
        let answer = local.get(path).await?;
        if right(&answer) {
            return Ok(answer);
        }
        assert!(begun.elapsed() < PATIENCE, "{path} is answered by {answer:?} for {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn hello_greets() -> Result<()> {
    let local = hello::hello().start().await?;
    assert_eq!(local.post("/", "world").await?.text(), "\"hello world\"\n");
    // Who asks for nothing is told how to ask.
    let wrong = local.get("/").await?;
    assert_eq!(wrong.status(), 400);
    assert!(wrong.text().contains("curl -d"), "{}", wrong.text());
    local.stop().await;
    Ok(())
}

#[tokio::test]
async fn spread_asks_them_all() -> Result<()> {
    let local = spread::replicated().start().await?;
    let mut answers = BTreeSet::new();
    for _ in 0..3 {
        answers.insert(local.get("/").await?.text());
    }
    assert_eq!(answers.len(), 3);
    local.stop().await;
    Ok(())
}

#[tokio::test]
async fn shards_have_owners_that_stay_and_forget_when_they_crash() -> Result<()> {
    let local = shard::visits().start().await?;
    for visit in 1..=3 {
        let answer = local.get("/?user=jim").await?.json::<String>()?;
        assert!(answer.starts_with(&format!("jim: visit {visit}, ")), "{answer}");
    }
    let owner = local.get("/?user=jim").await?.shard().expect("an owner").to_owned();
    local.kill(&owner)?;
    assert_eq!(local.get("/?user=jim").await?.status(), 503);
    local.revive(&owner).await?;
    // The first one after a crash may still be told of the connection that broke.
    let again = until(&local, "/?user=jim", |again| again.status().is_success()).await?;
    assert!(again.text().contains("visit 1"), "{}", again.text());
    local.stop().await;
    Ok(())
}

#[tokio::test]
async fn scatter_finds_what_is_anywhere() -> Result<()> {
    let found = first(scatter::library(), "/?word=The").await?;
    assert_eq!(found, serde_json::json!(["The Trial", "The Waves", "The Castle"]));
    Ok(())
}

#[tokio::test]
async fn counters_in_files_are_there_after_a_restart() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("metaparticle-{}", std::process::id()));
    for run in 1..=2 {
        let options = metaparticle::local::Options {
            scopes: std::sync::Arc::new(Files::new(&folder)),
            ..Default::default()
        };
        let local = counters::counted().start_with(options).await?;
        let asked = futures::future::join_all((0..5).map(|_| local.get("/"))).await;
        assert!(asked.into_iter().all(|answer| answer.is_ok_and(|it| it.status().is_success())));
        let counters: serde_json::Value = local.get("/").await?.json()?;
        assert_eq!(counters["requests"], 6 * run);
        local.stop().await;
    }
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

#[tokio::test]
async fn the_histogram_has_all_samples_and_nine_of_ten_when_a_leaf_is_killed() -> Result<()> {
    let local = histogram::histogram().start().await?;
    let whole = local.get("/").await?;
    assert_eq!(whole.coverage().as_deref(), Some("10 of 10"));
    let all: u32 = whole.json::<[u32; 10]>()?.iter().sum();
    assert!((950..=1000).contains(&all), "{all} of a thousand samples are in range");
    local.kill("histogram-leaf-3")?;
    let part = local.get("/").await?;
    assert_eq!(part.coverage().as_deref(), Some("9 of 10"));
    assert_eq!(part.header("cache-control"), Some("no-store"));
    let some: u32 = part.json::<[u32; 10]>()?.iter().sum();
    assert!((all - 100..all - 90).contains(&some), "{some} of {all}");
    local.revive("histogram-leaf-3").await?;
    drop(until(&local, "/", |answer| answer.coverage().as_deref() == Some("10 of 10")).await?);
    local.stop().await;
    Ok(())
}
