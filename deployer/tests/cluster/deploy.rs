//! Is a plan put in force once, and left alone then?

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use metaparticle::cluster::Fault;
use metaparticle::report::Change;
use metaparticle_testbed::in_namespace;
use serde_json::json;

use crate::world::{SHOP, World, changed, config, fault, options, plan};

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn what_is_deployed_again_is_not_touched() {
    in_namespace("again", async |space| {
        let world = World::new(space).await?;
        let mut plan = world.web(2)?;
        plan.objects.extend(world.db(2)?.objects);
        let first = world.deploy(&plan).await?;
        ensure!(first.revision == 1 && first.changed, "{first:?}");
        let before = world.versions().await?;
        let again = world.deploy(&plan).await?;
        ensure!(again.revision == 1 && !again.changed, "{again:?}");
        let after = world.versions().await?;
        ensure!(before == after, "{before:?}\n{after:?}\n{}", world.told());
        world.said("= Deployment web")?;
        let difference = world.cluster.diff(&plan).await?;
        ensure!(difference.iter().all(|one| one.change == Change::Same), "{difference:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn what_is_no_longer_wanted_is_deleted_and_a_rollback_brings_it_back() {
    in_namespace("prune", async |space| {
        let world = World::new(space).await?;
        let both = plan([config("one", "1")?, config("two", "2")?]);
        world.deploy(&both).await?;
        let one = plan([config("one", "changed")?]);
        world.deploy(&one).await?;
        world.said("    data.key: \"1\" → \"changed\"")?;
        world.said("- ConfigMap two is not wanted any more")?;
        space
            .until("no second", "app.kubernetes.io/part-of=shop", |all: &[ConfigMap]| {
                all.iter().all(|one| one.metadata.name.as_deref() != Some("two")).then_some(())
            })
            .await?;
        let live = world.cluster.rollback(SHOP, None, &options(), &*world.hear()).await?;
        ensure!(live.revision == 3 && live.changed, "{live:?}");
        let two = space.api::<ConfigMap>().get("two").await?;
        ensure!(two.data.is_some_and(|data| data["key"] == "2"), "it is another");
        let history = world.cluster.history(SHOP).await?;
        let notes = history.iter().map(|one| one.note.as_deref()).collect::<Vec<_>>();
        ensure!(notes == [None, None, Some("revision 1 again")], "{notes:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn what_was_changed_by_hand_is_shown_with_the_name_of_who_did_and_taken_back_only_when_told()
{
    in_namespace("drift", async |space| {
        let world = World::new(space).await?;
        let plan = plan([config("one", "ours")?, config("two", "ours")?]);
        world.deploy(&plan).await?;
        let by =
            PatchParams { field_manager: Some("somebody".to_owned()), ..PatchParams::default() };
        let theirs = Patch::Merge(json!({ "data": { "key": "theirs" } }));
        space.api::<ConfigMap>().patch("one", &by, &theirs).await?;
        space.remove::<ConfigMap>("two").await?;
        let difference = world.cluster.diff(&plan).await?;
        let one = serde_json::to_string(&difference)?;
        for word in ["\"before\":\"theirs\"", "\"manager\":\"somebody\"", "\"change\":\"create\""] {
            ensure!(one.contains(word), "{word} is not in {one}");
        }
        let fault = fault(world.deploy(&plan).await)?;
        ensure!(matches!(fault, Fault::Conflicts { .. }), "{fault}");
        ensure!(
            fault.to_string().contains("ConfigMap one: data.key is managed by `somebody`"),
            "{fault}"
        );
        ensure!(space.api::<ConfigMap>().get_opt("two").await?.is_none(), "half of it was done");
        let forced = metaparticle::cluster::Options { force_conflicts: true, ..options() };
        world.deploy_as(&plan, &forced).await?;
        world.said("! took ConfigMap one: data.key is managed by `somebody`")?;
        let one = space.api::<ConfigMap>().get("one").await?;
        ensure!(one.data.is_some_and(|data| data["key"] == "ours"), "it is still theirs");
        space.api::<ConfigMap>().get("two").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn an_autoscaler_keeps_its_replicas() {
    in_namespace("autoscaled", async |space| {
        let world = World::new(space).await?;
        let plan = world.web(3)?;
        world.deploy(&plan).await?;
        let autoscaler: HorizontalPodAutoscaler = serde_json::from_value(json!({
            "metadata": { "name": "web" },
            "spec": { "minReplicas": 1, "maxReplicas": 5, "scaleTargetRef":
                { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" } },
        }))?;
        space.apply(&autoscaler).await?;
        // It has not said a number yet: that of the last deploy stands.
        let difference = world.cluster.diff(&plan).await?;
        ensure!(difference.iter().all(|one| one.change == Change::Same), "{difference:?}");
        world.deploy(&plan).await?;
        let replicas = |one: Deployment| one.spec.and_then(|spec| spec.replicas);
        ensure!(replicas(world.deployed("web").await?) == Some(3), "they became others");
        // Now it says one, as autoscalers do.
        let by =
            PatchParams { field_manager: Some("autoscaler".to_owned()), ..PatchParams::default() };
        let two = Patch::Merge(json!({ "spec": { "replicas": 2 } }));
        space.api::<Deployment>().patch_scale("web", &by, &two).await?;
        let new = changed(&plan, "Deployment", |body| {
            body["spec"]["template"]["metadata"]["annotations"] = json!({ "new": "yes" });
        })?;
        world.deploy(&new).await?;
        ensure!(replicas(world.deployed("web").await?) == Some(2), "they became others");
        let scaled = world.cluster.scale(SHOP, "web", 4, &*world.hear()).await;
        ensure!(matches!(scaled, Err(Fault::Autoscaled { .. })), "{scaled:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn what_was_scaled_is_so_until_the_next_deploy() {
    in_namespace("scaled", async |space| {
        let world = World::new(space).await?;
        let plan = world.web(1)?;
        world.deploy(&plan).await?;
        world.cluster.scale(SHOP, "web", 2, &*world.hear()).await?;
        let replicas = |one: Deployment| one.spec.and_then(|spec| spec.replicas);
        ensure!(replicas(world.deployed("web").await?) == Some(2), "it is not scaled");
        world.deploy(&plan).await?;
        world.said("spec.replicas: 2 → 1")?;
        ensure!(replicas(world.deployed("web").await?) == Some(1), "it is still scaled");
        let status = world.cluster.status(SHOP).await?;
        let web = status.objects.iter().find(|one| one.object.kind == "Deployment");
        ensure!(status.is_ready() && status.live == Some(1), "{status:?}");
        web.context("no Deployment")?;
        Ok(()) as Result<()>
    })
    .await;
}
