//! How long does a hand-over take, and what do those who wait cost the API server?

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use http::Request;
use metaparticle_testbed::{figures, in_namespace};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::QUIET;
use crate::contender::{LOCK, client, process};

const HAND_OVERS: usize = 100;
const WAITERS: usize = 50;
const WATCHED: Duration = Duration::from_secs(30);

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_lock_is_handed_over_as_soon_as_it_is_given_back() {
    let _quiet = QUIET.write().await;
    in_namespace("hand-over", async |space| {
        let (one, other) = (process(space.name()).await?, process(space.name()).await?);
        let mut times = [Histogram::<u64>::new(3)?, Histogram::<u64>::new(3)?];
        let mut held = one.lock(LOCK).acquire().await?;
        for turn in 0..HAND_OVERS {
            let next = if turn % 2 == 0 { &other } else { &one }.lock(LOCK);
            let release = async {
                // Whoever waits has opened its watch by then.
                sleep(Duration::from_millis(400)).await;
                let asked = Instant::now();
                held.release().await?;
                anyhow::Ok((asked, Instant::now()))
            };
            let take = async { anyhow::Ok((next.acquire().await?, Instant::now())) };
            let ((asked, released), (taken, at)) = tokio::try_join!(release, take)?;
            for (times, from) in times.iter_mut().zip([asked, released]) {
                times.record(u64::try_from(at.saturating_duration_since(from).as_micros())?)?;
            }
            held = taken;
        }
        held.release().await?;
        let at = |which: usize, quantile| {
            Duration::from_micros(times[which].value_at_quantile(quantile))
        };
        let told = ["release was asked for", "release was answered"];
        let told = told.iter().enumerate().map(|(which, since)| {
            let (p50, p99) = (at(which, 0.5), at(which, 0.99));
            format!("since {since}: p50 {p50:.1?}, p99 {p99:.1?}")
        });
        let told: Vec<_> = told.collect();
        figures::tell("hand-over", &format!("hand-over, {HAND_OVERS} times, {}", told.join("; ")));
        // Whoever asks instead of watching needs a second and more; how fast the disk of etcd is, is not ours.
        ensure!(at(1, 0.5) < Duration::from_millis(500), "{:?}", at(1, 0.5));
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn waiters_cost_the_api_server_nothing() {
    let _quiet = QUIET.write().await;
    in_namespace("waiters", async |space| {
        let holder = process(space.name()).await?;
        let held = holder.lock(LOCK).acquire().await?;
        // Heartbeats of nodes and leaders of the cluster are in its count, too.
        let alone = during(WATCHED).await?;
        let mut waiting = JoinSet::new();
        for _ in 0..WAITERS {
            let sync = process(space.name()).await?;
            waiting.spawn(async move { sync.lock(LOCK).acquire().await?.release().await.map_err(anyhow::Error::from) });
        }
        sleep(Duration::from_secs(5)).await;
        let waited = during(WATCHED).await?;
        let a_minute = |count: u64| count * 60 / WATCHED.as_secs();
        figures::tell(
            "waiters-ask",
            &format!(
                "{WAITERS} waiters: {} requests a minute for leases, by the API server's count; without them {}",
                a_minute(waited),
                a_minute(alone)
            ),
        );
        ensure!(held.check().is_ok(), "it was held all the time");
        let (before, begun) = (requests("verb=\"PUT\"").await?, Instant::now());
        held.release().await?;
        while let Some(had) = waiting.join_next().await {
            had??;
        }
        let (took, writes) = (begun.elapsed(), requests("verb=\"PUT\"").await? - before);
        figures::tell(
            "waiters-in-turn",
            &format!(
                "then each of the {WAITERS} had it, in {took:.1?}, with {writes} writes; {} are needed",
                2 * WAITERS + 1
            ),
        );
        // A request that each of them sends once a minute would be as many.
        ensure!(a_minute(waited) < a_minute(alone) + WAITERS as u64, "waiting is not for nothing");
        Ok(())
    })
    .await;
}

/// How many requests for Leases the API server answers in that time.
async fn during(time: Duration) -> Result<u64> {
    let before = requests("").await?;
    sleep(time).await;
    Ok(requests("").await? - before)
}

/// How many requests for Leases with this label the API server has answered, by its own count; watches count when
/// they end.
async fn requests(label: &str) -> Result<u64> {
    let request = Request::get("/metrics").body(Vec::new())?;
    let page = client().await?.request_text(request).await?;
    let of_leases = |line: &&str| {
        line.starts_with("apiserver_request_total{")
            && line.contains("resource=\"leases\"")
            && line.contains(label)
    };
    let mut sum = 0.0;
    for line in page.lines().filter(of_leases) {
        let value = line.rsplit(' ').next().context("no value")?;
        sum += value.parse::<f64>()?;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count is whole")]
    Ok(sum as u64)
}
