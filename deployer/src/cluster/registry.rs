//! Which registry does a cluster of a developer have? Such clusters say it in a ConfigMap
//! (KEP-1755, `kube-public/local-registry-hosting`); those of others say nothing.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::Api;
use metaparticle_gateway::yaml::{self, Lines, Node};

use crate::cluster::connect::Cluster;
use crate::cluster::fault::Fault;
use crate::report::Thing;

/// A registry beside a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalRegistry {
    /// What this machine calls it.
    pub host: String,
    /// What nodes call it, where that is another name.
    pub pulled_from: Option<String>,
}

impl Cluster {
    /// The cluster's own registry, if it says that it has one.
    ///
    /// # Errors
    /// When the cluster cannot be reached; that one may not read it is no fault.
    pub async fn local_registry(&self) -> Result<Option<LocalRegistry>, Fault> {
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), "kube-public");
        match maps.get_opt("local-registry-hosting").await {
            Ok(map) => Ok(map.and_then(|map| read(map.data?.get("localRegistryHosting.v1")?))),
            Err(kube::Error::Api(_)) => Ok(None),
            Err(error) => {
                let thing = Thing::new("ConfigMap", "local-registry-hosting");
                Err(self.client_fault("get", &thing, error))
            }
        }
    }
}

/// Reads what KEP-1755 lets it say.
fn read(text: &str) -> Option<LocalRegistry> {
    let documents = yaml::parse(text).ok()?;
    let lines = Lines::of(text);
    let mut mistakes = yaml::Mistakes::default();
    let fields = Node::of(&lines, documents.first()?).fields("file", "a map", &mut mistakes)?;
    let word = |name| Some(fields.get(name)?.scalar()?.into_owned());
    Some(LocalRegistry { host: word("host")?, pulled_from: word("hostFromContainerRuntime") })
}

#[cfg(test)]
mod tests {
    use super::{LocalRegistry, read};

    #[test]
    fn a_registry_may_have_another_name_for_nodes() {
        let host = "localhost:5000".to_owned();
        let found = read("host: \"localhost:5000\"\nhelp: https://kind.sigs.k8s.io\n");
        assert_eq!(found, Some(LocalRegistry { host: host.clone(), pulled_from: None }));
        let found = read("host: localhost:5000\nhostFromContainerRuntime: registry:5000");
        assert_eq!(
            found,
            Some(LocalRegistry { host, pulled_from: Some("registry:5000".to_owned()) })
        );
        assert_eq!(read("help: none"), None);
    }
}
