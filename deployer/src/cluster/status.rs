//! How is an application now? What is remembered of it, beside what is there.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cluster::connect::Cluster;
use crate::cluster::fault::Fault;
use crate::cluster::parent::{Item, Parent, Revision};
use crate::cluster::ready::{self, Standing};
use crate::cluster::{stuck, watch};
use crate::report::{PodLine, Thing};

/// An application as it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Its name.
    pub application: String,
    /// The revision that is in force.
    pub live: Option<u32>,
    /// What was tried last.
    pub last: Option<Revision>,
    /// Its objects.
    pub objects: Vec<Workload>,
}

/// An object of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Workload {
    /// The object.
    pub object: Thing,
    /// Whether it is as it should be.
    pub ready: bool,
    /// Why not.
    pub why: Option<String>,
    /// Its pods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<(String, PodLine)>,
}

impl Status {
    /// Whether all of it is as it should be.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.live.is_some() && self.objects.iter().all(|one| one.ready)
    }
}

impl Cluster {
    /// How an application is.
    ///
    /// # Errors
    /// When there is none of the name, or it cannot be read.
    pub async fn status(&self, application: &str) -> Result<Status, Fault> {
        let parent = self.known(application).await?;
        let mut objects = Vec::new();
        for item in &parent.inventory {
            objects.push(self.workload(item).await?);
        }
        Ok(Status {
            application: application.to_owned(),
            live: parent.live().map(|live| live.number),
            last: parent.revisions.last().cloned(),
            objects,
        })
    }

    /// Its revisions, from the oldest to the newest.
    ///
    /// # Errors
    /// When there is no application of the name, or it cannot be read.
    pub async fn history(&self, application: &str) -> Result<Vec<Revision>, Fault> {
        let parent: Parent = self.known(application).await?;
        Ok(parent.revisions)
    }

    async fn workload(&self, item: &Item) -> Result<Workload, Fault> {
        let Some(live) = self.get(item).await? else {
            let why = Some("it is not there: deploy makes it again".to_owned());
            return Ok(Workload { object: item.thing(), ready: false, why, pods: Vec::new() });
        };
        let standing = standing(item, &live);
        let pods = if standing.is_some() { self.pods(&live).await? } else { Vec::new() };
        let (ready, why) = match standing.unwrap_or(Standing::Ready) {
            Standing::Ready => (true, None),
            Standing::Waits(why) | Standing::Failed(why) => (false, Some(why)),
        };
        Ok(Workload { object: item.thing(), ready, why, pods })
    }

    async fn pods(&self, live: &Value) -> Result<Vec<(String, PodLine)>, Fault> {
        let api = Api::<Pod>::namespaced(self.client.clone(), &self.place.namespace);
        let labels = serde_json::from_value(live["spec"]["selector"].clone()).unwrap_or_default();
        let params = ListParams::default().labels(&watch::selector(&labels));
        let pods = api.list(&params).await;
        let pods =
            pods.map_err(|error| self.client_fault("list", &Thing::new("Pod", ""), error))?;
        Ok(pods.items.iter().map(|pod| (pod.name_any(), stuck::line(pod))).collect())
    }
}

/// How a workload stands; nothing for what has no pods.
fn standing(item: &Item, live: &Value) -> Option<Standing> {
    fn read<K: DeserializeOwned>(live: &Value, judge: impl FnOnce(&K) -> Standing) -> Standing {
        let read = serde_json::from_value(live.clone());
        read.map_or_else(|error| Standing::Failed(error.to_string()), |one| judge(&one))
    }
    match item.kind.as_str() {
        "Deployment" => Some(read(live, ready::deployment)),
        "StatefulSet" => Some(read(live, ready::stateful_set)),
        "Job" => Some(read(live, |job| ready::job(job, false))),
        _ => None,
    }
}
