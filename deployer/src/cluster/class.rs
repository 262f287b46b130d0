//! Is there a gateway, so that Ingresses of its class lead anywhere?

use k8s_openapi::api::networking::v1::IngressClass;
use kube::api::Api;

use crate::cluster::connect::Cluster;
use crate::cluster::fault::Fault;
use crate::report::Thing;

impl Cluster {
    /// Whether the cluster has this class of Ingresses. Who may not look into the cluster is told that it has.
    ///
    /// # Errors
    /// When the API server does not say.
    pub async fn has_class(&self, name: &str) -> Result<bool, Fault> {
        let classes = Api::<IngressClass>::all(self.client.clone());
        match classes.get_opt(name).await {
            Ok(class) => Ok(class.is_some()),
            Err(kube::Error::Api(status)) if status.code == 403 => Ok(true),
            Err(error) => Err(self.client_fault("get", &Thing::new("IngressClass", name), error)),
        }
    }
}
