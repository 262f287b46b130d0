//! What do clients see while the gateways themselves are restarted? Two of them in pods, as `deploy/base`
//! has them, behind the load balancer of the cluster.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::networking::v1::Ingress;
use kube::ResourceExt as _;
use kube::api::{Patch, PatchParams};
use metaparticle_e2e::{Asker, Load, world};
use metaparticle_testbed::{Space, figures, in_namespace, kubectl, program};
use serde_json::json;

use crate::QUIET;

const KEYS: u64 = 1000;
const APP: &str = "app.kubernetes.io/name=metaparticle-gateway";

/// Installs `deploy/base` into the test's namespace, as its overlay does it.
async fn install(space: &Space) -> Result<()> {
    let built = program::released("metaparticle-gateway", "metaparticle-gateway").await?;
    let image = space.push("metaparticle-gateway", &built).await?;
    let (name, digest) = image.split_once('@').context("an image with its digest")?;
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/e2e"));
    let folder = folder.join(space.name());
    std::fs::create_dir_all(&folder)?;
    let kustomization = json!({
        "namespace": space.name(),
        "resources": ["../../../deploy/overlays/namespace"],
        "images": [{ "name": "metaparticle-gateway", "newName": name, "digest": digest }],
    });
    std::fs::write(folder.join("kustomization.yaml"), kustomization.to_string())?;
    kubectl(&["apply", "-k", &folder.to_string_lossy()]).await?;
    Ok(std::fs::remove_dir_all(&folder)?)
}

/// Waits for two ready gateways, none of which is `old`.
async fn two(space: &Space, old: &[String]) -> Result<Vec<String>> {
    space
        .until("two gateways", APP, |pods: &[Pod]| {
            let uids: Vec<_> = pods.iter().filter_map(kube::ResourceExt::uid).collect();
            let new = uids.iter().all(|uid| !old.contains(uid));
            let ready = pods.iter().filter(|pod| world::is_ready(pod)).count();
            (new && ready == 2 && pods.len() == 2).then_some(uids)
        })
        .await
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_rolling_restart_of_the_gateways_fails_nothing() {
    let _quiet = QUIET.write().await;
    in_namespace("gateways", async |space| {
        let image = world::image(space).await?;
        let words = [("pattern", "shard"), ("shard-key", "path:^/users/([^/]+)")];
        world::set(space, "db", &image, 3).await?;
        world::service(space, "db", &words).await?;
        world::ingress(space, "db", &[("db", "/", "Prefix", "db")]).await?;
        install(space).await?;
        world::ready(space, "db", 3).await?;
        let first = two(space, &[]).await?;
        let door = |all: &[Service]| {
            let door = all.iter().find(|one| one.name_any() == "metaparticle-gateway")?;
            door.spec.as_ref()?.cluster_ip.clone()
        };
        let address = space.until("an address", "", door).await?;
        let address = SocketAddr::new(address.parse()?, 80);
        let mut asker = Asker::new(address);
        world::until(&mut asker, "db", "/users/0", |answer| answer.status == 200).await?;
        let before = world::owners(&mut asker, "db", KEYS).await?;

        let load = Load { host: "db".to_owned(), rate: 1000, keys: KEYS, connections: 64 };
        let loading = load.begin(address);
        let restart = json!({ "spec": { "template": {
            "metadata": { "annotations": { "restarted": "now" } } } } });
        let gateways = space.api::<Deployment>();
        let patch = Patch::Merge(restart);
        gateways.patch("metaparticle-gateway", &PatchParams::default(), &patch).await?;
        let second = two(space, &first).await;
        let outcome = loading.end().await;
        let strangers = outcome.strangers(&before);
        figures::tell("gateways", &format!(
            "rolling restart of two gateways: {} asked, {} failed, {strangers} by another owner, slowest {:?}",
            outcome.asked, outcome.failures(), outcome.slowest
        ));
        ensure!(second?.len() == 2, "two gateways");
        ensure!(outcome.failures() == 0, "failed: {:?}", outcome.failed);
        ensure!(strangers == 0, "{strangers} answers of another owner");
        elected(space).await
    })
    .await;
}

/// One of them is elected to write the status of Ingresses; here there is no address to be written.
async fn elected(space: &Space) -> Result<()> {
    let held =
        |all: &[Lease]| all.iter().find_map(|lease| lease.spec.as_ref()?.holder_identity.clone());
    let holder = space.until("a Lease that is held", "", held).await?;
    let pods = space.api::<Pod>().list(&Default::default()).await?.items;
    let is_holder = |pod: &Pod| holder.starts_with(&pod.name_any());
    ensure!(pods.iter().any(is_holder), "{holder} is none of the gateways");
    let gateways = space.api::<Service>();
    let outside = json!({ "spec": { "externalIPs": ["198.51.100.7"] } });
    gateways.patch("metaparticle-gateway", &PatchParams::default(), &Patch::Merge(outside)).await?;
    let published = |all: &[Ingress]| {
        let status = all.first()?.status.as_ref()?.load_balancer.as_ref()?;
        (status.ingress.as_ref()?.first()?.ip.as_deref()? == "198.51.100.7").then_some(())
    };
    space.until("a status", "", published).await
}
