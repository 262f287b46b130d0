//! Records as Leases of `coordination.k8s.io/v1`, in one namespace.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, PostParams};
use kube::client::ConfigExt as _;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{Config as Watching, Event, watcher};
use kube::runtime::{WatchStreamExt as _, watcher::Error as Watch};
use kube::{Client, Config, ResourceExt as _};
use tower::{BoxError, ServiceBuilder};

use crate::lease::{Draft, Marks, Record, Rest};
use crate::name::{Identity, Name};
use crate::store::{Change, Store, Trouble, Which, Written};

/// Who wrote, for whoever reads `managedFields`.
const MANAGER: &str = "metaparticle-sync";

/// Leases of a namespace.
#[derive(Clone)]
pub struct Leases {
    api: Api<Lease>,
    namespace: Arc<str>,
}

impl fmt::Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leases").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

impl Leases {
    /// A client that suits Leases: it repeats nothing by itself, because a Lease has times of its own, and it
    /// does not hold small writes back until the last one is acknowledged, which would cost each hand-over
    /// 40 ms.
    ///
    /// # Errors
    /// When the configuration makes no client.
    pub fn client(config: Config) -> Result<Client, kube::Error> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(config.connect_timeout);
        let https = config.rustls_https_connector_with_connector(http)?;
        let service = ServiceBuilder::new()
            .layer(config.base_uri_layer())
            .option_layer(config.auth_layer()?)
            .map_err(BoxError::from)
            .service(legacy::Client::builder(TokioExecutor::new()).build(https));
        Ok(Client::new(service, config.default_namespace))
    }

    /// Those of `namespace`. The client must not repeat requests by itself (`default_retry: false`): a
    /// Lease has its own times.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        Self { api: Api::namespaced(client, namespace), namespace: namespace.into() }
    }

    fn trouble(&self, verb: &str, error: kube::Error) -> Trouble {
        let code = match &error {
            kube::Error::Api(status) => status.code,
            _ => 0,
        };
        let at = &self.namespace;
        match code {
            401 => Trouble::lasting("the API server does not know this client: check its token"),
            403 => Trouble::lasting(&format!(
                "may not {verb} leases in namespace `{at}`: bind the service account to a Role with \
                 apiGroups [coordination.k8s.io], resources [leases], verbs [get, list, watch, create, update]"
            )),
            // That is what a namespace that is missing answers to a write.
            404 => Trouble::lasting(&format!("there is no namespace `{at}`: create it")),
            400 | 405 | 422 => Trouble::lasting(&format!("the API server does not accept to {verb} this Lease")),
            _ => Trouble::passing(&format!("cannot {verb} leases in namespace `{at}`")),
        }
        .because(error)
    }

    fn written(&self, verb: &str, outcome: Result<Lease, kube::Error>) -> Written {
        match outcome {
            Ok(lease) => match record(lease) {
                Ok(record) => Written::Done(Arc::new(record)),
                Err(trouble) => Written::Unknown(trouble),
            },
            Err(error) => self.refused(verb, error),
        }
    }

    fn refused(&self, verb: &str, error: kube::Error) -> Written {
        let kube::Error::Api(status) = &error else {
            return Written::Unknown(self.trouble(verb, error));
        };
        match status.code {
            409 => Written::Conflict,
            404 if verb == "update" => Written::Conflict,
            // A timeout within the API server says nothing about what etcd did.
            code if code >= 500 => Written::Unknown(self.trouble(verb, error)),
            _ => Written::Refused(self.trouble(verb, error)),
        }
    }

    fn told(
        &self,
        event: Result<Event<Lease>, Watch>,
        listed: &mut Vec<Arc<Record>>,
    ) -> Option<Change> {
        let read = |lease| record(lease).map(Arc::new);
        match event {
            Ok(Event::Init) => {
                listed.clear();
                None
            }
            Ok(Event::InitApply(lease)) => match read(lease) {
                Ok(record) => {
                    listed.push(record);
                    None
                }
                Err(trouble) => Some(Change::Broken(trouble)),
            },
            Ok(Event::InitDone) => Some(Change::All(std::mem::take(listed))),
            Ok(Event::Apply(lease)) => Some(read(lease).map_or_else(Change::Broken, Change::Is)),
            Ok(Event::Delete(lease)) => Some(Change::Gone(Name::read(&lease.name_any()))),
            Err(error) => Some(Change::Broken(self.broken(error))),
        }
    }

    fn broken(&self, error: Watch) -> Trouble {
        match error {
            Watch::InitialListFailed(error) => self.trouble("list", error),
            Watch::WatchStartFailed(error) | Watch::WatchFailed(error) => {
                self.trouble("watch", error)
            }
            Watch::WatchError(status) => self.trouble("watch", kube::Error::Api(status)),
            error @ Watch::NoResourceVersion => {
                Trouble::passing("the watch says nothing").because(error)
            }
        }
    }
}

impl Store for Leases {
    fn get<'s>(&'s self, name: &'s Name) -> BoxFuture<'s, Result<Option<Arc<Record>>, Trouble>> {
        async move {
            match self.api.get_opt(name.as_str()).await {
                Ok(None) => Ok(None),
                Ok(Some(lease)) => record(lease).map(|record| Some(Arc::new(record))),
                Err(error) => Err(self.trouble("get", error)),
            }
        }
        .boxed()
    }

    fn create<'s>(&'s self, name: &'s Name, draft: &'s Draft) -> BoxFuture<'s, Written> {
        async move {
            let mut lease = Lease::default();
            lease.metadata.name = Some(name.as_str().to_owned());
            write(&mut lease, draft);
            self.written("create", self.api.create(&by(), &lease).await)
        }
        .boxed()
    }

    fn replace<'s>(&'s self, over: &'s Record, draft: &'s Draft) -> BoxFuture<'s, Written> {
        async move {
            let mut lease = over.rest.get::<Lease>().cloned().unwrap_or_default();
            lease.metadata.name = Some(over.name.as_str().to_owned());
            lease.metadata.resource_version = Some(over.version.as_str().to_owned());
            lease.metadata.managed_fields = None;
            write(&mut lease, draft);
            self.written("update", self.api.replace(over.name.as_str(), &by(), &lease).await)
        }
        .boxed()
    }

    fn watch(&self, which: &Which) -> BoxStream<'static, Change> {
        let config = match which {
            Which::Name(name) => Watching::default().fields(&format!("metadata.name={name}")),
            Which::Label(key, value) => Watching::default().labels(&format!("{key}={value}")),
        };
        let events = watcher(self.api.clone(), config).backoff(Soon::default());
        let (leases, listed) = (self.clone(), Vec::new());
        let told = events.scan((leases, listed), |(leases, listed), event| {
            let told: Option<Change> = leases.told(event, listed);
            futures::future::ready(Some(stream::iter(told)))
        });
        told.flatten().boxed()
    }
}

/// A watch that broke is opened again soon, and later when that does not help: never in step with others.
#[derive(Debug, Default)]
struct Soon {
    failed: u32,
}

impl Iterator for Soon {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let most = Duration::from_millis(100 << self.failed.min(6));
        self.failed += 1;
        Some(most.mul_f64(0.5 + fastrand::f64() / 2.0))
    }
}

impl Backoff for Soon {
    fn reset(&mut self) {
        self.failed = 0;
    }
}

fn by() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}

fn record(lease: Lease) -> Result<Record, Trouble> {
    let name = Name::read(&lease.name_any());
    let version = lease.metadata.resource_version.as_deref().unwrap_or_default();
    let version = version.parse().map_err(|error| {
        Trouble::lasting("this API server's versions cannot be compared: use Kubernetes' own")
            .because(error)
    })?;
    let spec = lease.spec.clone().unwrap_or_default();
    let identity = |text: Option<String>| Identity::of(text.as_deref().unwrap_or_default());
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    Ok(Record {
        name,
        version,
        holder: identity(spec.holder_identity),
        duration: seconds.map(Duration::from_secs),
        transitions: spec.lease_transitions.unwrap_or_default(),
        strategy: spec.strategy.map(Into::into),
        preferred: identity(spec.preferred_holder),
        marks: Marks {
            labels: lease.metadata.labels.clone().unwrap_or_default(),
            annotations: lease.metadata.annotations.clone().unwrap_or_default(),
        },
        rest: Rest::new(lease),
    })
}

fn write(lease: &mut Lease, draft: &Draft) {
    let Draft { holder, duration, transitions, begins, marks } = draft;
    let now = Some(MicroTime(Timestamp::now()));
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    // As client-go writes it: nobody is an empty text, not a missing one.
    spec.holder_identity = Some(holder.as_ref().map_or_else(String::new, ToString::to_string));
    spec.lease_duration_seconds = Some(i32::try_from(duration.as_secs()).unwrap_or(i32::MAX));
    spec.lease_transitions = Some(*transitions);
    if *begins || spec.acquire_time.is_none() {
        spec.acquire_time = now.clone();
    }
    spec.renew_time = now;
    if !marks.labels.is_empty() {
        lease.metadata.labels.get_or_insert_default().extend(marks.labels.clone());
    }
    if !marks.annotations.is_empty() {
        lease.metadata.annotations.get_or_insert_default().extend(marks.annotations.clone());
    }
}
