//! What do clients see while pods come and go? A thousand requests a second, in an open loop; failed
//! requests are counted, and keys that changed their owner.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use metaparticle_e2e::{Gateway, Load, Loading, Outcome, world};
use metaparticle_testbed::{Space, figures, in_namespace};
use serde_json::json;

use crate::QUIET;

const KEYS: u64 = 1000;
/// So many are answered at the least while ten pods are restarted one after the other: who waits holds
/// one of the connections, but only while an owner is away.
const FLOOR: u64 = 2000;

/// Ten pods behind `shard`, with these words more, under load once all is there.
async fn sharded(
    space: &Space,
    replicas: u32,
    words: &[(&str, &str)],
) -> Result<(Gateway, Loading, BTreeMap<u64, String>)> {
    let image = world::image(space).await?;
    let all = [&[("pattern", "shard"), ("shard-key", "path:^/users/([^/]+)")], words].concat();
    world::set(space, "db", &image, replicas).await?;
    world::service(space, "db", &all).await?;
    world::ingress(space, "db", &[("db", "/", "Prefix", "db")]).await?;
    world::ready(space, "db", replicas as usize).await?;
    let gateway = Gateway::start(space).await?;
    world::known(&gateway, &service(space), replicas as usize).await?;
    let owners = world::owners(&mut gateway.asker(), "db", KEYS).await?;
    let load = Load { host: "db".to_owned(), rate: 1000, keys: KEYS, connections: 64 };
    let loading = load.begin(gateway.address);
    Ok((gateway, loading, owners))
}

fn service(space: &Space) -> String {
    format!("{}/db:80", space.name())
}

async fn patch(space: &Space, patch: serde_json::Value) -> Result<()> {
    let sets = space.api::<StatefulSet>();
    sets.patch("db", &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

/// Restarts all pods, and waits until all are new and ready.
async fn restart(space: &Space, replicas: usize) -> Result<()> {
    let old = uids(&space.api::<Pod>().list(&Default::default()).await?.items);
    let restarted = json!({ "metadata": { "annotations": { "restarted": "now" } } });
    patch(space, json!({ "spec": { "template": restarted } })).await?;
    for _ in 0..5 {
        let new = |pods: &[Pod]| {
            let new = uids(pods).iter().all(|uid| !old.contains(uid));
            let ready = pods.iter().filter(|pod| world::is_ready(pod)).count();
            (new && ready == replicas && pods.len() == replicas).then_some(())
        };
        if space.until("new pods", "app=db", new).await.is_ok() {
            return Ok(());
        }
    }
    anyhow::bail!("the rollout does not end")
}

fn uids(pods: &[Pod]) -> Vec<String> {
    pods.iter().filter_map(kube::ResourceExt::uid).collect()
}

/// Ends the load once all replicas are known again: what it saw, where no key has another owner than before.
async fn ended(
    what: &str,
    (space, gateway, loading): (&Space, &Gateway, Loading),
    replicas: usize,
    before: &BTreeMap<u64, String>,
) -> Result<Outcome> {
    world::known(gateway, &service(space), replicas).await?;
    let outcome = loading.end().await;
    let after = world::owners(&mut gateway.asker(), "db", KEYS).await?;
    let moved = before.iter().filter(|(key, owner)| after.get(key) != Some(owner)).count();
    let Outcome { asked, failed, slowest, .. } = &outcome;
    let strangers = outcome.strangers(before);
    let found = format!(
        "{what}: {asked} asked, failed {failed:?}, {strangers} by another owner, slowest {slowest:?}, \
         {moved} keys moved"
    );
    figures::tell(what, &found);
    ensure!(moved == 0, "{moved} keys moved");
    Ok(outcome)
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_rolling_restart_of_ten_fails_nothing_and_moves_no_key() {
    let _quiet = QUIET.write().await;
    in_namespace("rolling-failover", async |space| {
        let words = [("shard-count", "statefulset"), ("shard-on-owner-down", "failover")];
        let (gateway, loading, before) = sharded(space, 10, &words).await?;
        restart(space, 10).await?;
        let load = (space, &gateway, loading);
        let outcome = ended("rolling restart, failover", load, 10, &before).await?;
        ensure!(outcome.failures() == 0, "failed: {:?}", outcome.failed);
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn who_waits_for_the_owner_is_never_answered_by_another() {
    let _quiet = QUIET.write().await;
    in_namespace("rolling-wait", async |space| {
        let words = [("shard-count", "statefulset"), ("shard-on-owner-down", "wait:15s")];
        let (gateway, loading, before) = sharded(space, 10, &words).await?;
        restart(space, 10).await?;
        let load = (space, &gateway, loading);
        let outcome = ended("rolling restart, wait", load, 10, &before).await?;
        let strangers = outcome.strangers(&before);
        // Who is answered by nobody is not answered by another either: most must have been answered.
        let (asked, failures) = (outcome.asked, outcome.failures());
        ensure!(asked - failures >= FLOOR, "{} of {asked} were answered", asked - failures);
        ensure!(failures * 100 <= asked, "{failures} of {asked} failed: {:?}", outcome.failed);
        ensure!(strangers == 0, "{strangers} answers of a wrong owner");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn scaling_out_and_in_again_fails_nothing_and_gives_each_key_back() {
    let _quiet = QUIET.write().await;
    in_namespace("scaling", async |space| {
        let words = [("shard-count", "statefulset")];
        let (gateway, loading, before) = sharded(space, 3, &words).await?;
        patch(space, json!({ "spec": { "replicas": 10 } })).await?;
        world::ready(space, "db", 10).await?;
        world::known(&gateway, &service(space), 10).await?;
        let ten = world::owners(&mut gateway.asker(), "db", KEYS).await?;
        let new = |owner: &String| !["db-0", "db-1", "db-2"].contains(&owner.as_str());
        let strayed = ten.iter().filter(|(key, owner)| before[key] != **owner && !new(owner));
        let strayed = strayed.count();
        patch(space, json!({ "spec": { "replicas": 3 } })).await?;
        world::ready(space, "db", 3).await?;
        let outcome = ended("scale 3, 10, 3", (space, &gateway, loading), 3, &before).await?;
        ensure!(strayed == 0, "{strayed} keys moved between shards that stayed");
        ensure!(outcome.failures() == 0, "failed: {:?}", outcome.failed);
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_pod_that_is_killed_fails_nothing_that_is_safe_to_ask_again() {
    let _quiet = QUIET.write().await;
    in_namespace("killed", async |space| {
        let words = [("shard-count", "statefulset")];
        let (gateway, loading, before) = sharded(space, 3, &words).await?;
        let pods = space.api::<Pod>().list(&Default::default()).await?.items;
        let old = pods.iter().find(|pod| pod.name_any() == "db-1").and_then(kube::ResourceExt::uid);
        space.remove::<Pod>("db-1").await?;
        let back = |pods: &[Pod]| {
            let found = pods.iter().find(|pod| pod.name_any() == "db-1")?;
            (world::is_ready(found) && found.uid() != old).then_some(())
        };
        space.until("another db-1", "app=db", back).await.context("it does not come back")?;
        let outcome = ended("delete --force", (space, &gateway, loading), 3, &before).await?;
        ensure!(outcome.failures() == 0, "failed: {:?}", outcome.failed);
        Ok(())
    })
    .await;
}
