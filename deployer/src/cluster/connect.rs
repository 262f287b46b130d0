//! Which cluster, and where in it? What was found is told before anything is done.

use std::fmt;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use metaparticle_sync::store::Leases;
use tower::{BoxError, Service};

use crate::cluster::fault::Fault;
use crate::report::Event;
use crate::settings::kubeconfig_said;

/// How long it may take until the API server is connected.
const CONNECT: Duration = Duration::from_secs(10);

/// Which cluster is meant; what is not said is found as kubectl finds it.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// The kubeconfig; else that of `KUBECONFIG`, `~/.kube/config`, or the pod's account.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; else its current one.
    pub context: Option<String>,
    /// The namespace; else the context's.
    pub namespace: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The kubeconfig's context; none in a pod.
    pub context: Option<String>,
    /// The API server.
    pub server: String,
    /// The namespace that everything is in.
    pub namespace: String,
}

/// A namespace of a cluster.
#[derive(Clone)]
pub struct Cluster {
    pub(super) client: Client,
    /// Leases have times of their own: this one repeats nothing by itself.
    pub(super) leases: Client,
    pub(super) place: Place,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Finds the cluster that is meant. Nobody is asked yet.
///
/// # Errors
/// When there is none, or its description is not right.
pub async fn connect(target: &Target) -> Result<Cluster, Fault> {
    let (mut config, context) = config(target).await?;
    config.connect_timeout = Some(CONNECT);
    let namespace = target.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let place = Place { context, server: config.cluster_url.to_string(), namespace };
    let client = |error| Fault::Client(Box::new(error));
    let leases = Leases::client(config.clone()).map_err(client)?;
    Ok(Cluster { client: Client::try_from(config).map_err(client)?, leases, place })
}

async fn config(target: &Target) -> Result<(Config, Option<String>), Fault> {
    let found = match &target.kubeconfig {
        Some(path) => Some(Kubeconfig::read_from(path).map_err(useless)?),
        None => match Kubeconfig::read() {
            Ok(file) => Some(file),
            // Only who means no kubeconfig, and has none, means the pod's account.
            Err(error) if is_absent(&error) && target.context.is_none() && !kubeconfig_said() => {
                None
            }
            Err(error) => return Err(useless(error)),
        },
    };
    let Some(file) = found else {
        // Without a kubeconfig this asks for the pod's account, and says what is wrong with both.
        let config = Config::infer().await.map_err(|error| Fault::Nowhere(Box::new(error)))?;
        return Ok((config, None));
    };
    let context = target.context.clone().or_else(|| file.current_context.clone());
    let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(file, &options).await.map_err(useless)?;
    Ok((config, context))
}

/// There is no such file.
fn is_absent(error: &KubeconfigError) -> bool {
    match error {
        KubeconfigError::FindPath => true,
        KubeconfigError::ReadConfig(error, _) => {
            matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
        }
        _ => false,
    }
}

/// What is wrong with its form is not quoted: what stands beside it is secret.
fn useless(error: KubeconfigError) -> Fault {
    match error {
        KubeconfigError::Parse(_) => Fault::Malformed,
        error => Fault::Kubeconfig(Box::new(error)),
    }
}

impl Cluster {
    /// A cluster that is a service: for tests, and for who has a way of their own.
    pub fn of<S, B>(service: S, namespace: &str) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let client = Client::new(service, namespace);
        let place =
            Place { context: None, server: "memory".to_owned(), namespace: namespace.to_owned() };
        Self { leases: client.clone(), client, place }
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What is told first.
    #[must_use]
    pub fn target(&self, application: &str) -> Event {
        let Place { context, server, namespace } = self.place.clone();
        Event::Target { application: application.to_owned(), context, server, namespace }
    }
}

impl Place {
    /// Whether the context is called like one where mistakes are dear.
    #[must_use]
    pub fn is_production(&self) -> bool {
        let words = self.context.as_deref().unwrap_or_default().to_lowercase();
        let mut words = words.split(|sign: char| !sign.is_ascii_alphabetic());
        words.any(|word| matches!(word, "prod" | "production" | "prd" | "live"))
    }
}

#[cfg(test)]
mod tests {
    use kube::config::Kubeconfig;

    use super::{Place, Target, connect, useless};
    use crate::cluster::Fault;

    #[tokio::test]
    async fn a_context_that_is_said_is_not_looked_for_in_the_pods_account() {
        let folder = std::env::temp_dir().join("metaparticle-no-kubeconfig");
        let target = Target { context: Some("staging".to_owned()), ..Target::default() };
        let said = connect(&target).await.err();
        assert!(matches!(said, Some(Fault::Kubeconfig(_) | Fault::Malformed)), "{said:?}");
        let target = Target { kubeconfig: Some(folder), ..Target::default() };
        let said = connect(&target).await.err();
        assert!(matches!(said, Some(Fault::Kubeconfig(_))), "{said:?}");
    }

    #[test]
    fn a_kubeconfig_that_is_no_yaml_is_not_quoted() {
        let error = Kubeconfig::from_yaml("users: [{name: a, user: {token: hunter2}}\nclusters: 3");
        let fault = useless(error.expect_err("no kubeconfig"));
        assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        assert!(fault.to_string().contains("kubectl config view"), "{fault}");
        assert_eq!(fault.exit_code(), 4);
    }

    #[test]
    fn a_context_is_of_production_by_a_word_of_its_name() {
        let place = |context: &str| Place {
            context: Some(context.to_owned()),
            server: String::new(),
            namespace: String::new(),
        };
        for name in ["prod", "eu-prod-1", "gke_shop_production", "arn:aws:eks/PROD", "prod1"] {
            assert!(place(name).is_production(), "{name}");
        }
        for name in ["devcluster", "products", "staging", "preprod", "reproduction"] {
            assert!(!place(name).is_production(), "{name}");
        }
    }
}
