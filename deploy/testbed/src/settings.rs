//! Which cluster may the tests use? Never the one that somebody happens to be logged into.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// The context's name in the kubeconfigs of `devcluster`.
const OWN: &str = "devcluster";

pub(crate) async fn client() -> Result<Client> {
    let path = var("KUBECONFIG").context(
        "KUBECONFIG is not set: `make cluster` starts a cluster and prints the line that sets it",
    )?;
    let file = Kubeconfig::read_from(&path).with_context(|| format!("cannot read {path}"))?;
    let context = file.current_context.clone().unwrap_or_default();
    ensure!(
        context == OWN || existing(),
        "KUBECONFIG={path} is of `{context}`, not of a development cluster: \
         set CLUSTER=existing if the tests shall use it, or start one with `make cluster`"
    );
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Whether the cluster is somebody else's, where only our own namespaces are ours to change.
pub(crate) fn existing() -> bool {
    var("CLUSTER").is_some_and(|cluster| cluster == "existing")
}

/// The registry that this machine pushes to and the cluster's nodes pull from, both by this name.
pub(crate) fn registry() -> String {
    var("REGISTRY").unwrap_or_else(|| "127.0.0.1:5000".to_owned())
}

/// The program that stops and starts the development cluster's API server.
pub(crate) fn devcluster() -> PathBuf {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/devcluster/bin/devcluster");
    var("DEVCLUSTER").unwrap_or_else(|| built.to_owned()).into()
}

/// `kubectl`, as it came with the development cluster, or else as it is installed.
pub(crate) fn kubectl() -> PathBuf {
    let beside = devcluster().with_file_name("kubectl");
    if beside.exists() { beside } else { "kubectl".into() }
}

#[expect(clippy::disallowed_methods, reason = "this is the room that reads the environment")]
fn var(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
