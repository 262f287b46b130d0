//! How does the public get in? By the gateway, where there is one: then the cluster has its class of Ingresses.

use k8s_openapi::api::networking::v1::IngressClass;
use kube::api::Api;

use crate::application::Host;
use crate::cluster::connect::Cluster;
use crate::cluster::fault::Fault;
use crate::plan::CLASS;
use crate::report::Thing;
use crate::spec::{Door, Setting};

impl Cluster {
    /// By the gateway, if somebody names it or the cluster has its class; else by load balancers.
    ///
    /// # Errors
    /// When the API server does not say.
    pub async fn door(&self, named: Option<Host>) -> Result<Door, Fault> {
        match named {
            Some(gateway) => Ok(Door::Gateway(gateway)),
            None if self.has_class(CLASS).await? => Ok(Setting::default().door),
            None => Ok(Door::LoadBalancer),
        }
    }

    /// Whether the cluster has this class of Ingresses. Who may not look into the cluster is told that it has.
    async fn has_class(&self, name: &str) -> Result<bool, Fault> {
        let classes = Api::<IngressClass>::all(self.client.clone());
        match classes.get_opt(name).await {
            Ok(class) => Ok(class.is_some()),
            Err(kube::Error::Api(status)) if status.code == 403 => Ok(true),
            Err(error) => Err(self.client_fault("get", &Thing::new("IngressClass", name), error)),
        }
    }
}
