//! Does `mp-compiler` do on a real cluster what the published libraries expect of it? Shards that the original's
//! ring chooses, deploys that may be repeated, and the published Python library, unchanged.

mod python;

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use k8s_openapi::api::networking::v1::Ingress;
use kube::ResourceExt as _;
use kube::api::ListParams;
use metaparticle_e2e::{Desk, Gateway, world};
use metaparticle_testbed::{Space, in_namespace, program};
use serde_json::json;

use crate::QUIET;

/// Paths, and the shard of `server` that the original's ring gives them: computed by `metaparticle_v1` of
/// `gateway/tests/golden/make.py` over `server-{0,1,2}.server:8080`. Of paths that the pattern does not match the
/// whole is the key.
const OWNERS: [(&str, u32); 10] = [
    ("/users/jim/x", 2),
    ("/users/jim/y/z", 2),
    ("/users/jane/", 2),
    ("/users/alice/a", 0),
    ("/users/bob/b", 0),
    ("/users/carol/c", 1),
    ("/users/dave/d", 1),
    ("/users/erin/e", 2),
    ("/", 2),
    ("/health", 2),
];

async fn compiler() -> Result<std::path::PathBuf> {
    program::built("mp-compiler").await
}

fn shards(image: &str) -> String {
    // As the .NET library writes it, but for the image.
    let service = json!({
        "name": "server",
        "shardSpec": { "shards": 3, "urlPattern": r"^\/users\/([^\/]*)\/.*" },
        "containers": [{ "image": image }],
        "ports": [{ "number": 8080, "protocol": "TCP" }],
    });
    let serve = json!({ "name": "server", "public": true });
    json!({ "name": "server", "guid": 1_234_567, "services": [service], "serve": serve })
        .to_string()
}

/// The pods, with what tells one from the next of its name.
async fn pods(space: &Space) -> Result<BTreeMap<String, Option<String>>> {
    let pods = space.api::<Pod>().list(&ListParams::default()).await?;
    Ok(pods.items.into_iter().map(|pod| (pod.name_any(), pod.uid())).collect())
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn requests_reach_the_shard_that_the_original_ring_chooses() {
    let _quiet = QUIET.read().await;
    in_namespace("compiler-shards", async |space| {
        let desk = Desk::new(space, &compiler().await?)?;
        fs::write(desk.folder.join("spec.json"), shards(&world::image(space).await?))?;
        desk.compile("-f spec.json").await?;
        let gateway = Gateway::start(space).await?;
        world::known(&gateway, &format!("{}/server:8080", space.name()), 3).await?;
        let mut asker = gateway.asker();
        for host in ["server", "server-sharder", "anything.example"] {
            for (path, owner) in OWNERS {
                let answer = asker.get(host, path).await?;
                let replica = answer.replica().with_context(|| format!("{answer:?}"))?;
                ensure!(replica == format!("server-{owner}"), "{host}{path}: {replica}");
                let named = format!("server-{owner}.server:8080");
                ensure!(answer.header("metaparticle-shard") == Some(named.as_str()), "{answer:?}");
            }
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn what_is_deployed_again_stays_and_what_is_deleted_leaves_nothing() {
    let _quiet = QUIET.read().await;
    in_namespace("compiler-again", async |space| {
        let desk = Desk::new(space, &compiler().await?)?;
        fs::write(desk.folder.join("spec.json"), shards(&world::image(space).await?))?;
        desk.compile("-f spec.json").await?;
        let before = pods(space).await?;
        ensure!(before.len() == 3, "{before:?}");
        desk.compile("-f spec.json").await?;
        ensure!(pods(space).await? == before, "pods were started again");
        let mut files: Vec<_> = fs::read_dir(desk.folder.join(".metaparticle"))?
            .map(|file| Ok(file?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_>>()?;
        files.sort();
        let expected = [
            ".gitignore",
            "server-budget.json",
            "server-shard-router-service.json",
            "server-shardershard-router.json",
            "server-shards-service.json",
            "server-stateful-set.json",
        ];
        ensure!(files == expected, "{files:?}");
        // Twice: what is not there is deleted already.
        desk.compile("-f spec.json --delete").await?;
        desk.compile("-f spec.json --delete").await?;
        let all = ListParams::default();
        let left = [
            space.api::<Pod>().list(&all).await?.items.len(),
            space.api::<StatefulSet>().list(&all).await?.items.len(),
            space.api::<Deployment>().list(&all).await?.items.len(),
            space.api::<Service>().list(&all).await?.items.len(),
            space.api::<Ingress>().list(&all).await?.items.len(),
            // The cluster's own is in every namespace.
            space.api::<ConfigMap>().list(&all).await?.items.len() - 1,
        ];
        ensure!(
            left == [0; 6],
            "pods, sets, deployments, services, routes, maps are left: {left:?}"
        );
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_foreign_object_of_the_name_is_refused() {
    let _quiet = QUIET.read().await;
    in_namespace("compiler-foreign", async |space| {
        world::service(space, "server", &[]).await?;
        let desk = Desk::new(space, &compiler().await?)?;
        fs::write(desk.folder.join("spec.json"), shards("127.0.0.1:5000/nothing:1"))?;
        let output = desk.command("mp-compiler").args(["-f", "spec.json"]).output().await?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(!output.status.success() && said.contains("belongs to somebody else"), "{said}");
        let kept = space.api::<Service>().get("server").await?;
        ensure!(
            kept.spec.and_then(|spec| spec.cluster_ip).as_deref() != Some("None"),
            "it was taken"
        );
        Ok(())
    })
    .await;
}
