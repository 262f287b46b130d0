//! A deployer is killed at every step, and run again: does it come to the same end?
//!
//! The deployer is this very program, run once more: it ends itself, without a chance to tidy up, when a deploy tells
//! that step.

use std::env;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use metaparticle::cluster::{Cluster, State, Target, connect};
use metaparticle::plan::Plan;
use metaparticle::report::Event;
use metaparticle_testbed::in_namespace;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::process::Command;

use crate::world::{SHOP, World, changed, config, object, options};

/// A deploy tells so many steps, objects and deletions here.
const STEPS: usize = 11;
const AT_ONCE: usize = 4;
/// What `abort` ends a process with.
const SIGABRT: i32 = 6;

/// What is deployed first, and what then.
fn plans(world: &World<'_>) -> Result<[Plan; 2]> {
    let mut first = world.web(1)?;
    first.objects.push(config("old", "1")?);
    let mut then = changed(&world.web(1)?, "Deployment", |body| {
        body["spec"]["template"]["metadata"]["annotations"] = json!({ "new": "yes" });
    })?;
    then.objects.push(config("new", "1")?);
    Ok([first, then])
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn wherever_a_deployer_is_killed_the_next_one_comes_to_the_same_end() {
    in_namespace("killed", async |space| {
        drop(World::new(space).await?);
        let killed = stream::iter(0..STEPS).map(|step| async move {
            let mut killed = [false; 2];
            in_namespace(&format!("killed-{step}"), async |space| {
                killed = check(&World::new(space).await?, step).await?;
                Ok(())
            })
            .await;
            Ok::<_, anyhow::Error>(killed)
        });
        let killed: Vec<[bool; 2]> = killed.buffered(AT_ONCE).try_collect().await?;
        let count = |which: usize| killed.iter().filter(|one| one[which]).count();
        // The first has nothing to delete.
        ensure!(count(0) == STEPS - 1 && count(1) == STEPS, "not killed at every step: {killed:?}");
        Ok(())
    })
    .await;
}

async fn check(world: &World<'_>, step: usize) -> Result<[bool; 2]> {
    let mut killed = [false; 2];
    for (which, plan) in plans(world)?.iter().enumerate() {
        killed[which] = kill(world, plan, step).await?;
        world.deploy(plan).await.with_context(|| format!("after step {step}: {}", world.told()))?;
        same_end(world, plan, which + 1).await.with_context(|| format!("after step {step}"))?;
    }
    Ok(killed)
}

async fn same_end(world: &World<'_>, plan: &Plan, revisions: usize) -> Result<()> {
    let difference = world.cluster.diff(plan).await?;
    ensure!(difference.iter().all(|one| !one.change.is_any()), "{difference:?}");
    let history = world.cluster.history(SHOP).await?;
    ensure!(history.len() == revisions, "{history:?}");
    ensure!(history.iter().all(|one| one.state == State::Live), "{history:?}");
    let status = world.cluster.status(SHOP).await?;
    ensure!(status.is_ready() && status.objects.len() == plan.objects.len(), "{status:?}");
    // What is pruned goes by and by.
    let expected = if revisions == 1 { "old" } else { "new" };
    world
        .space
        .until(expected, "", |all: &[ConfigMap]| {
            let names = all.iter().filter_map(|one| one.metadata.name.as_deref());
            names.filter(|name| ["old", "new"].contains(name)).eq([expected]).then_some(())
        })
        .await
}

/// Runs a deployer that is killed at that step, if it comes so far.
async fn kill(world: &World<'_>, plan: &Plan, step: usize) -> Result<bool> {
    let bodies = plan.objects.iter().map(|object| object.body()).collect::<Vec<_>>();
    let word = json!({ "namespace": world.space.name(), "step": step, "objects": bodies });
    let status = Command::new(env::current_exe()?)
        .args(["--exact", "killed::a_deployer_that_ends_itself", "--ignored"])
        .env(WORD, word.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .status()
        .await?;
    // Whoever fails by itself was not killed.
    let killed = status.signal() == Some(SIGABRT);
    ensure!(killed || status.success(), "the deployer ended by itself: {status}");
    Ok(killed)
}

/// What the deployer is told.
const WORD: &str = "METAPARTICLE_TEST_DEPLOYER";

#[tokio::test]
#[ignore = "it is run by the test above: alone it does nothing"]
#[expect(
    clippy::disallowed_methods,
    reason = "a test that runs itself has no other way to tell it what"
)]
async fn a_deployer_that_ends_itself() {
    let Ok(word) = env::var(WORD) else { return };
    let word: Value = serde_json::from_str(&word).expect("what the test wrote");
    run(&word).await.expect("what is not killed goes well");
}

async fn run(word: &Value) -> Result<()> {
    let namespace = word["namespace"].as_str().map(str::to_owned);
    let cluster: Cluster = connect(&Target { namespace, ..Target::default() }).await?;
    let bodies = word["objects"].as_array().context("no objects")?;
    let objects = bodies.iter().cloned().map(object).collect::<Result<Vec<_>>>()?;
    let last = usize::try_from(word["step"].as_u64().context("no step")?)?;
    let count = AtomicUsize::new(0);
    let told = move |event: Event| {
        let counts =
            matches!(event, Event::Step { .. } | Event::Applied { .. } | Event::Pruned { .. });
        if counts && count.fetch_add(1, Ordering::Relaxed) == last {
            std::process::abort();
        }
    };
    let plan = Plan { application: SHOP.parse()?, objects };
    cluster.deploy(&plan, &options(), &told).await?;
    Ok(())
}
