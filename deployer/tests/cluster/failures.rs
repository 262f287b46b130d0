//! What cannot run says why, in time, and what ran before runs again.

use anyhow::{Result, ensure};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, ResourceQuota};
use metaparticle::cluster::{Fault, Options, State};
use metaparticle::plan::Plan;
use metaparticle_testbed::in_namespace;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use crate::world::{SHOP, World, changed, fault, options, plan};

/// Nothing that cannot run is waited for longer.
const IN_TIME: Duration = Duration::from_secs(60);

/// What is deployed first runs; then `change` makes it fail, for a reason that has all these words; and what ran
/// before runs again, undisturbed where `undisturbed`.
async fn check(
    world: &World<'_>,
    first: Plan,
    kind: &str,
    change: impl Fn(&mut Value),
    words: &[&str],
) -> Result<()> {
    world.deploy(&first).await?;
    let broken = changed(&first, kind, change)?;
    let begun = Instant::now();
    let fault = fault(world.deploy(&broken).await)?;
    let told = world.told();
    ensure!(begun.elapsed() < IN_TIME, "only after {:?}: {told}", begun.elapsed());
    let Fault::RolledBack { cause, to: 1 } = &fault else { anyhow::bail!("{fault}\n{told}") };
    ensure!(matches!(**cause, Fault::Broken { .. }), "{fault}\n{told}");
    for word in words {
        ensure!(
            fault.to_string().contains(word),
            "`{word}` is not in `{fault}`; told was:\n{told}"
        );
    }
    world.said("✓ revision 1 is in force again")?;
    let history = world.cluster.history(SHOP).await?;
    let states = history.iter().map(|one| one.state).collect::<Vec<_>>();
    ensure!(states == [State::Live, State::Failed], "{states:?}");
    let status = world.cluster.status(SHOP).await?;
    ensure!(status.is_ready() && status.live == Some(1), "{status:?}");
    let difference = world.cluster.diff(&first).await?;
    let same = |one: &metaparticle::cluster::Difference| !one.change.is_any();
    ensure!(difference.iter().all(same), "{difference:?}");
    Ok(())
}

fn image(body: &mut Value, image: &str) {
    body["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn an_image_that_is_not_there() {
    in_namespace("wrong-image", async |space| {
        let world = World::new(space).await?;
        let first = world.web(2)?;
        let missing = world.image.split('@').next().unwrap_or_default().to_owned() + ":missing";
        check(
            &world,
            first,
            "Deployment",
            |body| image(body, &missing),
            &["ImagePullBackOff", "missing"],
        )
        .await?;
        let names = space.api::<Pod>().list(&Default::default()).await?.items;
        ensure!(
            names.iter().all(|pod| pod.metadata.deletion_timestamp.is_some() || restarts(pod) == 0),
            "disturbed"
        );
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_name_that_is_no_image() {
    in_namespace("no-image", async |space| {
        let world = World::new(space).await?;
        let first = world.web(1)?;
        check(&world, first, "Deployment", |body| image(body, "No:Image:"), &["InvalidImageName"])
            .await
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_program_that_ends_again_and_again_says_its_last_words() {
    in_namespace("crashes", async |space| {
        let world = World::new(space).await?;
        let first = world.web(1)?;
        let confuse = |body: &mut Value| {
            body["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["aks"]);
        };
        check(
            &world,
            first,
            "Deployment",
            confuse,
            &["CrashLoopBackOff", "main ended 2 times, last with code 1"],
        )
        .await?;
        world.said("    usage: replica, or replica ask URL…")?;
        world.said("before its last restart")
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_pod_that_no_node_has_room_for() {
    in_namespace("no-room", async |space| {
        let world = World::new(space).await?;
        let first = world.web(1)?;
        let much = |body: &mut Value| {
            body["spec"]["template"]["spec"]["containers"][0]["resources"] =
                json!({ "requests": { "cpu": "1000" } });
        };
        check(&world, first, "Deployment", much, &["Unschedulable", "Insufficient cpu"]).await
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn more_pods_than_a_quota_allows() {
    in_namespace("quota", async |space| {
        let world = World::new(space).await?;
        let quota: ResourceQuota = serde_json::from_value(json!({
            "metadata": { "name": "two" }, "spec": { "hard": { "pods": "2" } } }))?;
        space.apply(&quota).await?;
        let more = |body: &mut Value| body["spec"]["replicas"] = json!(4);
        check(&world, world.web(1)?, "Deployment", more, &["FailedCreate", "exceeded quota: two"])
            .await
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn shards_that_a_quota_does_not_allow_or_that_crash() {
    in_namespace("shards", async |space| {
        let world = World::new(space).await?;
        let quota: ResourceQuota = serde_json::from_value(json!({
            "metadata": { "name": "two" }, "spec": { "hard": { "pods": "2" } } }))?;
        space.apply(&quota).await?;
        let more = |body: &mut Value| body["spec"]["replicas"] = json!(4);
        check(&world, world.db(2)?, "StatefulSet", more, &["FailedCreate", "exceeded quota: two"])
            .await?;
        let broken = changed(&world.db(2)?, "StatefulSet", |body| {
            body["spec"]["podManagementPolicy"] = json!("Parallel");
            image(body, "No:Image:");
        })?;
        let fault = fault(world.deploy(&broken).await)?;
        ensure!(matches!(fault, Fault::RolledBack { to: 1, .. }), "{fault}\n{}", world.told());
        let pods = space.api::<Pod>().list(&Default::default()).await?.items;
        let images =
            pods.iter().flat_map(|pod| &pod.spec).map(|spec| spec.containers[0].image.clone());
        ensure!(images.flatten().all(|image| image == world.image), "a pod was not rolled back");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn what_takes_too_long_says_what_was_waited_for() {
    in_namespace("too-long", async |space| {
        let world = World::new(space).await?;
        let never = changed(&world.web(1)?, "Deployment", |body| {
            body["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["port"] =
                json!(1);
        })?;
        let short = Options { timeout: Duration::from_secs(5), ..options() };
        let fault = fault(world.deploy_as(&never, &short).await)?;
        ensure!(fault.exit_code() == 124, "{fault}");
        let waiting = "Deployment web: 0 of 1 replicas are available";
        ensure!(fault.to_string().contains(waiting), "{fault}");
        world.said("there is no earlier revision to roll back to")?;
        world.said("Unhealthy: Readiness probe failed")
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn what_the_cluster_does_not_accept_is_all_told_and_nothing_is_written() {
    in_namespace("invalid", async |space| {
        let world = World::new(space).await?;
        let wrong =
            changed(&world.web(1)?, "Deployment", |body| body["spec"]["replicsa"] = json!(2))?;
        let wrong =
            changed(&wrong, "Service", |body| body["spec"]["ports"][0]["port"] = json!(-1))?;
        let fault = fault(world.deploy(&wrong).await)?;
        let said = fault.to_string();
        ensure!(said.contains("replicsa") && said.contains("spec.ports[0].port"), "{said}");
        ensure!(fault.exit_code() == 3, "{}", fault.exit_code());
        ensure!(world.left().await?.is_empty(), "{:?}", world.left().await?);
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_job_that_fails() {
    in_namespace("job", async |space| {
        let world = World::new(space).await?;
        let job = |args: Value| -> Result<Plan> {
            Ok(plan([crate::world::object(json!({
                "apiVersion": "batch/v1", "kind": "Job",
                "metadata": { "name": format!("job-{}", args[0].as_str().unwrap_or_default()) },
                "spec": { "backoffLimit": 0, "template": { "spec": { "restartPolicy": "Never",
                    "containers": [{ "name": "main", "image": world.image, "args": args }] } } },
            }))?]))
        };
        let ends = Options { jobs_to_their_end: true, ..options() };
        world.deploy_as(&job(json!(["ask"]))?, &ends).await?;
        let fault = fault(world.deploy_as(&job(json!(["aks"]))?, &ends).await)?;
        ensure!(fault.to_string().contains("Job job-aks"), "{fault}");
        space
            .until("only the first job", "", |jobs: &[Job]| {
                let names = jobs.iter().filter_map(|job| job.metadata.name.as_deref());
                names.eq(["job-ask"]).then_some(())
            })
            .await?;
        Ok(())
    })
    .await;
}

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    statuses.map(|one| one.restart_count).sum()
}
