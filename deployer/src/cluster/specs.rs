//! Which specs were put into the namespace? The server keeps each in a ConfigMap, beside what was made of it and
//! owned by the same parent: it goes when the application goes.

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams};
use metaparticle_gateway::words::labels::PREFIX;
use serde_json::Value;

use crate::cluster::connect::Cluster;
use crate::cluster::fault::Fault;
use crate::plan::MANAGER;
use crate::plan::Object;
use crate::report::Thing;

/// The key of the ConfigMap.
const KEY: &str = "spec.json";

/// A spec as it was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The name under which it was put.
    pub name: String,
    /// The application that it is.
    pub application: String,
    /// What was put.
    pub document: Value,
}

impl Kept {
    /// The object that keeps it.
    #[must_use]
    pub fn object(&self) -> Object {
        let labels = [
            ("app.kubernetes.io/part-of", self.application.as_str()),
            ("app.kubernetes.io/managed-by", MANAGER),
            ("app.kubernetes.io/component", "spec"),
        ];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let annotations = [(format!("{PREFIX}put-as"), self.name.clone())];
        Object::of(&ConfigMap {
            metadata: ObjectMeta {
                // No application has a dot in its name: no parent is called so.
                name: Some(format!("mp-{}.spec", self.application)),
                labels: Some(labels.into()),
                annotations: Some(annotations.into()),
                ..ObjectMeta::default()
            },
            data: Some([(KEY.to_owned(), self.document.to_string())].into()),
            ..ConfigMap::default()
        })
    }

    fn read(map: ConfigMap) -> Option<Self> {
        let name = map.annotations().get(&format!("{PREFIX}put-as"))?.clone();
        let application = map.labels().get("app.kubernetes.io/part-of")?.clone();
        let going = map.metadata.deletion_timestamp.is_some();
        let text = map.data.unwrap_or_default().remove(KEY)?;
        let document = serde_json::from_str(&text).ok().filter(|_| !going)?;
        Some(Self { name, application, document })
    }
}

impl Cluster {
    /// All specs that were put into the namespace, by their names.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn specs(&self) -> Result<Vec<Kept>, Fault> {
        let maps = Api::<ConfigMap>::namespaced(self.client.clone(), &self.place.namespace);
        let labels =
            format!("app.kubernetes.io/managed-by={MANAGER},app.kubernetes.io/component=spec");
        let found = maps.list(&ListParams::default().labels(&labels)).await;
        let found = found
            .map_err(|error| self.client_fault("list", &Thing::new("ConfigMap", ""), error))?;
        let mut kept: Vec<_> = found.items.into_iter().filter_map(Kept::read).collect();
        kept.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(kept)
    }
}
