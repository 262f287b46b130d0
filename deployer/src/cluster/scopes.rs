//! Where are scopes in a cluster? Each in a ConfigMap of its own; the API server compares and swaps.
//!
//! No plan has them, so that no deploy and no rollback touches what is in them: whoever writes a scope first
//! makes it, as the application's. It stays when a new revision does not know it, and goes with the application.

use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::StatusCode;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::ResourceExt as _;
use kube::api::{Api, PostParams};

use crate::cluster::MANAGER;
use crate::cluster::connect::Cluster;
use crate::cluster::parent::{BY, OF, Parent};
use crate::scope::{Loaded, Store, Version};
use crate::wire::{Error, Result};

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
        let of = found.labels().get(OF).map_or("nobody", String::as_str);
        if of != self.application {
            // `a` with the scope `b-scope-c`, and `a-scope-b` with `c`.
            let (map, own) = (self.name(scope), &self.application);
            let why = format!(
                "the ConfigMap `{map}` is not of application `{own}`, but of `{of}`: give the scope \
                 `{scope}` another name"
            );
            return Err(Error::new(StatusCode::INTERNAL_SERVER_ERROR, why));
        }
        let version = found.metadata.resource_version.unwrap_or_default();
        let value = found.data.and_then(|mut data| data.remove(VALUE)).unwrap_or_default();
        Ok(Some((value.into_bytes(), Version::new(version))))
    }

    async fn write(&self, scope: &str, over: Option<&Version>, value: &[u8]) -> Result<bool> {
        let name = self.name(scope);
        let labels = [(OF, self.application.as_str()), (BY, MANAGER)];
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
            // Somebody was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            // It is gone; where it should be made, what is gone is the namespace.
            Err(kube::Error::Api(status)) if status.code == 404 && over.is_some() => Ok(false),
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

#[cfg(test)]
mod tests {
    use http::{Method, Request, Response};
    use kube::client::Body;
    use serde_json::json;
    use tower::service_fn;

    use crate::cluster::Cluster;
    use crate::scope::Store as _;

    /// An API server with a scope of `shop`, and without the namespace where others would be made.
    async fn known(request: Request<Body>) -> Result<Response<Body>, std::convert::Infallible> {
        let there = request.method() == Method::GET
            && request.uri().path().ends_with("/configmaps/shop-scope-b-scope-c");
        let labels = json!({ "app.kubernetes.io/part-of": "shop" });
        let (code, body) = match there {
            true => (200, json!({ "metadata": { "labels": labels }, "data": { "value": "1" } })),
            false => (404, json!({ "kind": "Status", "status": "Failure", "code": 404 })),
        };
        let body = Body::from(body.to_string().into_bytes());
        Ok(Response::builder().status(code).body(body).expect("an answer"))
    }

    #[tokio::test]
    async fn a_scope_of_another_application_is_not_read() {
        let cluster = Cluster::of(service_fn(known), "space");
        let own = cluster.scopes("shop").load("b-scope-c").await.unwrap();
        assert_eq!(own.expect("it is there").0, b"1");
        let other = cluster.scopes("shop-scope-b").load("c").await.unwrap_err().to_string();
        assert!(other.contains("of `shop`") && other.contains("another name"), "{other}");
    }

    #[tokio::test]
    async fn what_cannot_be_made_anywhere_is_not_tried_again() {
        let scopes = Cluster::of(service_fn(known), "gone").scopes("shop");
        assert!(scopes.swap("n", None, b"1").await.is_err());
    }
}
