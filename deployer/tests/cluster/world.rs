//! What do the tests deploy, and how do they look at it?

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use kube::ResourceExt as _;
use kube::api::ListParams;
use metaparticle::cluster::{Cluster, Fault, Live, Options, Patience, Target, connect};
use metaparticle::plan::Plan;
use metaparticle::plan::object::Object;
use metaparticle::report::Event;
use metaparticle_testbed::workload::{deployment, headless, service, stateful_set};
use metaparticle_testbed::{Space, program};
use serde_json::{Value, json};

/// The application of all tests: each has a namespace of its own.
pub(crate) const SHOP: &str = "shop";

/// A namespace's cluster, an image that runs in it, and what was told so far.
pub(crate) struct World<'s> {
    pub(crate) space: &'s Space,
    pub(crate) cluster: Cluster,
    pub(crate) image: String,
    told: Arc<Mutex<Vec<Event>>>,
}

impl<'s> World<'s> {
    pub(crate) async fn new(space: &'s Space) -> Result<Self> {
        let image = program::released("metaparticle-replica", "replica").await?;
        let image = space.push("replica", &image).await?;
        let target = Target { namespace: Some(space.name().to_owned()), ..Target::default() };
        Ok(Self { space, cluster: connect(&target).await?, image, told: Arc::default() })
    }

    /// A Service and a Deployment behind it.
    pub(crate) fn web(&self, replicas: u32) -> Result<Plan> {
        let web = deployment("web", &self.image, replicas)?;
        Ok(plan([Object::of(&service("web")?), Object::of(&web)]))
    }

    /// A headless Service and a StatefulSet behind it.
    pub(crate) fn db(&self, replicas: u32) -> Result<Plan> {
        let db = stateful_set("db", &self.image, replicas)?;
        Ok(plan([Object::of(&headless("db")?), Object::of(&db)]))
    }

    pub(crate) async fn deploy(&self, plan: &Plan) -> Result<Live, Fault> {
        self.deploy_as(plan, &options()).await
    }

    pub(crate) async fn deploy_as(&self, plan: &Plan, options: &Options) -> Result<Live, Fault> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.cluster.deploy(plan, options, &*self.hear()).await
    }

    pub(crate) fn hear(&self) -> Box<dyn Fn(Event) + Send + Sync> {
        let told = Arc::clone(&self.told);
        Box::new(move |event| told.lock().unwrap_or_else(PoisonError::into_inner).push(event))
    }

    /// What the last deploy told, in lines.
    pub(crate) fn told(&self) -> String {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().flat_map(Event::lines).map(|line| line + "\n").collect()
    }

    /// The versions of all that is there: they change by every write that counts.
    pub(crate) async fn versions(&self) -> Result<Vec<String>> {
        let mut all = Vec::new();
        macro_rules! versions {
            ($($kind:ty),*) => {$(
                for one in self.space.api::<$kind>().list(&ListParams::default()).await?.items {
                    let version = one.resource_version().unwrap_or_default();
                    all.push(format!("{} {} {version}", stringify!($kind), one.name_any()));
                }
            )*};
        }
        versions!(ConfigMap, Service, Deployment, ReplicaSet, StatefulSet, Pod);
        Ok(all)
    }

    /// What is there of the application, but for what every namespace has.
    pub(crate) async fn left(&self) -> Result<Vec<String>> {
        let mut all = self.versions().await?;
        for lease in self.space.api::<Lease>().list(&ListParams::default()).await?.items {
            all.push(format!("Lease {}", lease.name_any()));
        }
        all.retain(|one| !one.contains("kube-root-ca.crt"));
        Ok(all)
    }

    pub(crate) async fn deployed(&self, name: &str) -> Result<Deployment> {
        Ok(self.space.api::<Deployment>().get(name).await?)
    }

    /// Whether what was told says this.
    pub(crate) fn said(&self, what: &str) -> Result<()> {
        let told = self.told();
        ensure!(told.contains(what), "`{what}` was not told:\n{told}");
        Ok(())
    }
}

/// These objects, with the labels that all plans' objects have.
pub(crate) fn plan(objects: impl IntoIterator<Item = Object>) -> Plan {
    let application = SHOP.parse().expect("a name");
    let labelled = |object: Object| {
        let mut body = object.body().clone();
        body["metadata"]["labels"]["app.kubernetes.io/part-of"] = json!(SHOP);
        body["metadata"]["labels"]["app.kubernetes.io/managed-by"] = json!("metaparticle");
        Object::from_value(body).expect("it was one")
    };
    Plan { application, objects: objects.into_iter().map(labelled).collect() }
}

pub(crate) fn object(value: Value) -> Result<Object> {
    Object::from_value(value).context("no object")
}

/// Something that is no workload.
pub(crate) fn config(name: &str, value: &str) -> Result<Object> {
    object(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name },
        "data": { "key": value } }))
}

/// A plan with something about its object of this kind changed.
pub(crate) fn changed(plan: &Plan, kind: &str, change: impl Fn(&mut Value)) -> Result<Plan> {
    let objects = plan.objects.iter().map(|object| {
        let mut body = object.body().clone();
        if object.kind().kind == kind {
            change(&mut body);
        }
        self::object(body)
    });
    Ok(Plan { application: plan.application.clone(), objects: objects.collect::<Result<_>>()? })
}

/// Whoever tests has no time: nothing is borne for long.
pub(crate) fn options() -> Options {
    let soon = Duration::from_secs(3);
    let patience =
        Patience { pull: soon, crashes: 2, unschedulable: soon, refused: soon, unmade: soon };
    Options {
        who: "tester".to_owned(),
        timeout: Duration::from_secs(90),
        patience,
        ..Options::default()
    }
}

/// The fault, of what should have been one.
pub(crate) fn fault(outcome: Result<Live, Fault>) -> Result<Fault> {
    match outcome {
        Err(fault) => Ok(fault),
        Ok(live) => anyhow::bail!("it went well: {live:?}"),
    }
}
