//! Is everything that was made deleted, and nothing else ever?

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{DeleteParams, PropagationPolicy};
use metaparticle::cluster::Fault;
use metaparticle_testbed::in_namespace;
use metaparticle_testbed::workload::service;

use crate::world::{SHOP, World, config, fault, options, plan};

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn what_is_deleted_leaves_nothing_and_may_be_deleted_again() {
    in_namespace("delete", async |space| {
        let world = World::new(space).await?;
        world.deploy(&world.web(2)?).await?;
        let found = world.cluster.delete(SHOP, &options(), &*world.hear()).await?;
        ensure!(found, "it was not found");
        nothing_is_left(&world).await?;
        let found = world.cluster.delete(SHOP, &options(), &*world.hear()).await?;
        ensure!(!found, "it was found again");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn when_the_parent_is_deleted_by_hand_nothing_is_left() {
    in_namespace("parent", async |space| {
        let world = World::new(space).await?;
        world.deploy(&world.web(1)?).await?;
        // As kubectl does it.
        let now = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        drop(space.api::<ConfigMap>().delete("mp-shop", &now).await?);
        // And what is deployed while the rest of it goes comes to stay.
        world.deploy(&world.web(1)?).await?;
        drop(space.api::<ConfigMap>().delete("mp-shop", &DeleteParams::foreground()).await?);
        space
            .until("no parent", "", |maps: &[ConfigMap]| {
                maps.iter().all(|map| map.metadata.name.as_deref() != Some("mp-shop")).then_some(())
            })
            .await?;
        nothing_is_left(&world).await
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn what_belongs_to_somebody_else_is_refused_and_left_as_it_is() {
    in_namespace("foreign", async |space| {
        let world = World::new(space).await?;
        let theirs = space.apply::<Service>(&service("web")?).await?;
        let fault = fault(world.deploy(&world.web(1)?).await)?;
        ensure!(matches!(fault, Fault::Foreign { .. }), "{fault}");
        ensure!(fault.to_string().contains("Service web is there already"), "{fault}");
        ensure!(fault.to_string().contains("`testbed`"), "{fault}");
        let now = space.api::<Service>().get("web").await?;
        ensure!(
            now.metadata.resource_version == theirs.metadata.resource_version,
            "it was changed"
        );
        let left = world.left().await?;
        ensure!(left.len() == 1, "a deploy that is refused leaves {left:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn an_object_that_took_the_place_of_ours_is_neither_changed_nor_deleted() {
    in_namespace("replaced", async |space| {
        let world = World::new(space).await?;
        world.deploy(&plan([config("one", "1")?, config("two", "2")?])).await?;
        space.remove::<ConfigMap>("two").await?;
        let theirs = space.apply(&map("two")?).await?;
        let refused = fault(world.deploy(&plan([config("one", "1")?, config("two", "2")?])).await)?;
        ensure!(matches!(refused, Fault::Foreign { .. }), "{refused}");
        world.deploy(&plan([config("one", "new")?])).await?;
        world.said("ConfigMap two is not wanted any more, but it is not the one that was made")?;
        let now = space.api::<ConfigMap>().get("two").await?;
        ensure!(
            now.metadata.resource_version == theirs.metadata.resource_version,
            "it was changed"
        );
        Ok(())
    })
    .await;
}

fn map(name: &str) -> Result<ConfigMap> {
    let mut map = ConfigMap::default();
    map.metadata.name = Some(name.to_owned());
    Ok(map)
}

/// What is deleted in the background goes by and by.
async fn nothing_is_left(world: &World<'_>) -> Result<()> {
    use k8s_openapi::api::coordination::v1::Lease;
    use k8s_openapi::api::core::v1::Pod;
    let space = world.space;
    space.until("no pod", "", |all: &[Pod]| all.is_empty().then_some(())).await?;
    space.until("no service", "", |all: &[Service]| all.is_empty().then_some(())).await?;
    space.until("no lease", "", |all: &[Lease]| all.is_empty().then_some(())).await?;
    let left = world.left().await?;
    ensure!(left.is_empty(), "{left:?}");
    Ok(())
}
