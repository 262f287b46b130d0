//! Where are scopes in a cluster? Each in a ConfigMap of its own; the API server compares and swaps.
//!
//! No plan has them, so that no deploy and no rollback touches what is in them: whoever writes a scope first
//! makes it, as the application's. It stays when a new revision does not know it, and goes with the application.

use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{Api, PostParams};

use crate::cluster::connect::Cluster;
use crate::cluster::parent::Parent;
use crate::scope::{Loaded, Store, Version};
use crate::wire::Result;

/// The key of a value.
const VALUE: &str = "value";

/// Values in ConfigMaps: `APPLICATION-scope-NAME`.
#[derive(Debug, Clone)]
pub struct ConfigMaps {
    cluster: Cluster,
    application: String,
}

/// The ConfigMap that a scope is.
pub(crate) fn scope_name(application: &str, scope: &str) -> String {
    format!("{application}-scope-{scope}")
}

impl Cluster {
    /// The scopes of `application`. It needs the verbs get, create and update for their ConfigMaps, and get for
    /// the application's.
    #[must_use]
    pub fn scopes(&self, application: &str) -> ConfigMaps {
        ConfigMaps { cluster: self.clone(), application: application.to_owned() }
    }
}

impl ConfigMaps {
    fn api(&self) -> Api<ConfigMap> {
        Api::namespaced(self.cluster.client.clone(), &self.cluster.place.namespace)
    }

    fn name(&self, scope: &str) -> String {
        scope_name(&self.application, scope)
    }

    async fn look(&self, scope: &str) -> Result<Option<Loaded>> {
        let Some(found) = self.api().get_opt(&self.name(scope)).await? else { return Ok(None) };
        let version = found.metadata.resource_version.unwrap_or_default();
        let value = found.data.and_then(|mut data| data.remove(VALUE)).unwrap_or_default();
        Ok(Some((value.into_bytes(), Version::new(version))))
    }

    async fn write(&self, scope: &str, over: Option<&Version>, value: &[u8]) -> Result<bool> {
        let name = self.name(scope);
        let labels = [
            ("app.kubernetes.io/part-of", self.application.as_str()),
            ("app.kubernetes.io/managed-by", "metaparticle"),
        ];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let metadata = ObjectMeta {
            name: Some(name.clone()),
            labels: Some(labels.into()),
            owner_references: self.owner().await?.map(|owner| vec![owner]),
            resource_version: over.map(|version| version.as_str().to_owned()),
            ..ObjectMeta::default()
        };
        let text = String::from_utf8(value.to_owned())?;
        let data = Some(BTreeMap::from([(VALUE.to_owned(), text)]));
        let map = ConfigMap { metadata, data, ..ConfigMap::default() };
        let (api, how) = (self.api(), PostParams::default());
        let written = match over {
            None => api.create(&how, &map).await,
            Some(_) => api.replace(&name, &how, &map).await,
        };
        match written {
            Ok(_) => Ok(true),
            // Somebody was faster, or it is gone.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// What all objects of the application belong to.
    async fn owner(&self) -> Result<Option<OwnerReference>> {
        let parent = Parent::name_of(&self.application);
        let Some(found) = self.api().get_opt(&parent).await? else { return Ok(None) };
        Ok(found.metadata.uid.map(|uid| OwnerReference {
            api_version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            name: parent,
            uid,
            ..OwnerReference::default()
        }))
    }
}

impl Store for ConfigMaps {
    fn load<'s>(&'s self, name: &'s str) -> BoxFuture<'s, Result<Option<Loaded>>> {
        self.look(name).boxed()
    }

    fn swap<'s>(
        &'s self,
        name: &'s str,
        over: Option<&'s Version>,
        value: &'s [u8],
    ) -> BoxFuture<'s, Result<bool>> {
        self.write(name, over, value).boxed()
    }
}
