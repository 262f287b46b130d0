//! What does one test own? A namespace: deleted when the test ends well, kept with its events and logs
//! when it does not.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use futures::FutureExt as _;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, ServiceAccount};
use kube::api::{Api, DeleteParams, LogParams, Patch, PatchParams, PostParams};
use kube::{Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::image;
use crate::kubectl;
use crate::report;
use crate::settings;
use crate::wait;
use crate::workload;

/// A namespace of the cluster, and all that a test does in it.
#[derive(Clone)]
pub struct Space {
    client: Client,
    name: String,
}

impl Debug for Space {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Space").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Runs a test in a namespace of its own.
///
/// # Panics
///
/// When the test fails, in the test's own words and with the place where to look.
pub async fn in_namespace(name: &str, test: impl AsyncFnOnce(&Space) -> Result<()>) {
    let space = Space::create(name).await.expect("a test needs a namespace in a cluster");
    let outcome = AssertUnwindSafe(test(&space)).catch_unwind().await;
    if let Ok(Ok(())) = outcome {
        return space.delete().await.expect("the namespace is deleted");
    }
    let kept = report::write(&space).await;
    match outcome {
        Err(panic) => {
            report::say(&kept);
            resume_unwind(panic);
        }
        Ok(outcome) => panic!("{:#}\n{kept}", outcome.expect_err("success was handled above")),
    }
}

/// What the API server is told: who manages the fields that tests apply.
const MANAGER: &str = "testbed";

/// Objects of a namespace that can be read, written and watched.
pub trait Object:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()>
    + Clone
    + Debug
    + DeserializeOwned
    + Serialize
    + Send
    + 'static
{
}

impl<K> Object for K where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
        + Send
        + 'static
{
}

impl Space {
    async fn create(name: &str) -> Result<Self> {
        let client = settings::client().await?;
        let namespace = serde_json::from_value(json!({
            "metadata": { "generateName": format!("{name}-"), "labels": { "testbed": name } },
        }))?;
        let namespaces = Api::<Namespace>::all(client.clone());
        let made = namespaces.create(&PostParams::default(), &namespace).await;
        let made = made.context("cannot make a namespace: does the cluster run?")?;
        let space = Self { client, name: made.name_any() };
        // A pod is refused until its account is there, and waits for long if the certificate is not.
        space.awaits::<ServiceAccount>("default").await?;
        space.awaits::<ConfigMap>("kube-root-ca.crt").await?;
        Ok(space)
    }

    async fn awaits<K: Object>(&self, name: &str) -> Result<()> {
        let there = |all: &[K]| all.iter().any(|one| one.name_any() == name).then_some(());
        self.until(name, "", there).await
    }

    async fn delete(self) -> Result<()> {
        let namespaces = Api::<Namespace>::all(self.client.clone());
        let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        drop(self.api::<Pod>().delete_collection(&now, &Default::default()).await?);
        drop(namespaces.delete(&self.name, &now).await?);
        Ok(())
    }

    /// The namespace's name, as the cluster chose it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The objects of a kind in this namespace.
    #[must_use]
    pub fn api<K: Object>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Creates an object, or changes it to be so.
    ///
    /// # Errors
    ///
    /// What the API server says against it.
    pub async fn apply<K: Object>(&self, object: &K) -> Result<K> {
        let name = object.name_any();
        let params = PatchParams::apply(MANAGER).force();
        let applied = self.api().patch(&name, &params, &Patch::Apply(object)).await;
        applied.with_context(|| format!("cannot apply {} {name}", K::kind(&())))
    }

    /// Deletes an object, pods without their grace.
    ///
    /// # Errors
    ///
    /// What the API server says against it.
    pub async fn remove<K: Object>(&self, name: &str) -> Result<()> {
        let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        let removed = self.api::<K>().delete(name, &now).await;
        removed.with_context(|| format!("cannot delete {} {name}", K::kind(&())))?;
        Ok(())
    }

    /// Watches the objects that carry these labels until `found` finds what it looks for.
    ///
    /// # Errors
    ///
    /// After a minute, with what was there last.
    pub async fn until<K: Object, T>(
        &self,
        what: &str,
        labels: &str,
        found: impl FnMut(&[K]) -> Option<T>,
    ) -> Result<T> {
        wait::until(self.api(), what, labels, found).await
    }

    /// Makes an image of a program, pushes it, and gives its name.
    ///
    /// # Errors
    ///
    /// When the program cannot be read, or the registry does not take it.
    pub async fn push(&self, name: &str, program: &Path) -> Result<String> {
        image::push(&settings::registry(), name, program).await
    }

    /// The registry that this machine pushes to and the cluster's nodes pull from.
    #[must_use]
    pub fn registry(&self) -> String {
        settings::registry()
    }

    /// Does what a person would, in this namespace, with `input` on its standard input; gives what it said.
    ///
    /// # Errors
    ///
    /// When `kubectl` fails, with what it said.
    pub async fn kubectl(&self, args: &[&str], input: &str) -> Result<String> {
        kubectl::told(&[&["--namespace", &self.name], args].concat(), input).await
    }

    /// Runs a pod to its end, and gives what it said.
    ///
    /// # Errors
    ///
    /// When it ends with another code than 0, with what it said.
    pub async fn run(&self, name: &str, image: &str, args: &[&str]) -> Result<String> {
        self.apply(&workload::task(name, image, args)?).await?;
        let phase = self
            .until("the pod's end", &format!("app={name}"), |pods: &[Pod]| {
                let phase = pods.first()?.status.as_ref()?.phase.clone()?;
                (phase == "Succeeded" || phase == "Failed").then_some(phase)
            })
            .await?;
        let said = self.logs(name).await?;
        if phase == "Failed" {
            bail!("{name} {args:?} failed: {said}");
        }
        Ok(said)
    }

    /// What a pod's only container has said so far.
    ///
    /// # Errors
    ///
    /// When the node does not tell.
    pub async fn logs(&self, pod: &str) -> Result<String> {
        let logs = self.api::<Pod>().logs(pod, &LogParams::default()).await;
        logs.with_context(|| format!("cannot read the logs of {pod}"))
    }
}
