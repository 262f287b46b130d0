//! How do records come from the API server? A watcher a kind, each object made a record at once; a
//! watch that broke is opened again, ever more seldom, where it was.

use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Endpoints, Pod, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{Config, Error, Event, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::access::Watched;
use super::certificates;
use super::cluster::{News, Wanted};
use super::digest::{self, Id};
use super::table::Change;
use crate::words::labels::SHARD_LABEL;

/// The kinds, in the order of [`super::cluster::Cluster::counts`].
const KINDS: [Watched; 8] = [
    kind("services", ""),
    kind("endpointslices", "discovery.k8s.io"),
    kind("ingresses", "networking.k8s.io"),
    kind("ingressclasses", "networking.k8s.io"),
    kind("statefulsets", "apps"),
    Watched { label: Some(SHARD_LABEL), ..kind("pods", "") },
    Watched { label: Some(POD_NAME), name: "pods-of-sets", ..kind("pods", "") },
    kind("secrets", ""),
];
/// What was in the place of slices.
const ENDPOINTS: Watched = kind("endpoints", "");
/// What each pod of a StatefulSet has, and keeps when it is orphaned.
const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";

const fn kind(plural: &'static str, group: &'static str) -> Watched {
    Watched { plural, group, name: plural, label: None }
}

/// How long a watch lasts. One that died in silence is opened again five seconds later, and that nobody
/// answers then is a fault.
const WATCH: u32 = 60;
/// How many objects are listed at a time: they are held as Kubernetes has them, all of a page together.
const PAGE: u32 = 100;
/// How soon a watch that broke is opened again: at first, and at the most.
const AGAIN_FIRST: Duration = Duration::from_millis(100);
const AGAIN_MOST: Duration = Duration::from_secs(3);
/// After so long without a fault the next one is a first one.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// Which kinds are watched, and where.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    /// In this namespace alone.
    pub(super) namespace: Option<String>,
    /// Endpoints in the place of EndpointSlices.
    pub(super) endpoints: bool,
    /// Certificates.
    pub(super) secrets: bool,
}

/// What a watcher tells of the kind at this place of [`KINDS`].
#[derive(Debug)]
pub(super) enum Told {
    News(usize, News),
    Fault(usize, Error),
}

/// What all watchers tell.
pub(super) fn all(client: &Client, scope: &Scope, wanted: Wanted) -> BoxStream<'static, Told> {
    let Scope { namespace, endpoints, secrets } = scope;
    let space = || (client, namespace.as_deref());
    let config = || Config::default().timeout(WATCH).page_size(PAGE);
    let service = |object: &Service| Some(digest::service(object));
    let ingress = |object: &Ingress| Some(digest::ingress(object));
    let set = |object: &StatefulSet| digest::set(object);
    let pod = |object: &PartialObjectMeta<Pod>| digest::pod(&object.metadata);
    let member = |object: &PartialObjectMeta<Pod>| Some(digest::member(&object.metadata));
    let mut streams = vec![
        one(0, api(space()), config(), service, News::Service),
        one(2, api(space()), config(), ingress, News::Ingress),
        one(4, api(space()), config(), set, News::Set),
        one(5, api(space()), config().labels(SHARD_LABEL), pod, News::Pod),
        one(6, api(space()), config().labels(POD_NAME), member, News::Member),
    ];
    streams.push(if *endpoints {
        let slices = |object: &Endpoints| Some(digest::endpoints(object).into());
        one(1, api(space()), config(), slices, News::Slices)
    } else {
        let slices = |object: &EndpointSlice| Some([digest::slice(object)?].into());
        one(1, api(space()), config(), slices, News::Slices)
    });
    if namespace.is_none() {
        let class = |object: &IngressClass| Some(digest::class(object));
        streams.push(one(3, Api::all(client.clone()), config(), class, News::Class));
    }
    if *secrets {
        let secret = move |object: &Secret| {
            Some(certificates::secret(object, wanted.has(&Id::of(&object.metadata))))
        };
        let config = config().fields("type=kubernetes.io/tls");
        streams.push(one(7, api(space()), config, secret, News::Secret));
    }
    futures::stream::select_all(streams).boxed()
}

/// Which kinds of [`KINDS`] are watched.
pub(super) fn watched(scope: &Scope) -> [Option<Watched>; 8] {
    let mut kinds = KINDS.map(Some);
    if scope.endpoints {
        kinds[1] = Some(ENDPOINTS);
    }
    kinds[3] = kinds[3].filter(|_| scope.namespace.is_none());
    kinds[7] = kinds[7].filter(|_| scope.secrets);
    kinds
}

/// The name of the kind that a request for this path and query lists or watches.
pub(super) fn asked_for(scope: &Scope, path_and_query: &str) -> Option<&'static str> {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    let plural = path.rsplit('/').next()?;
    let has = |label: &str| query.contains(&label.replace('/', "%2F"));
    let mut kinds = watched(scope).into_iter().flatten();
    kinds.find(|kind| kind.plural == plural && kind.label.is_none_or(has)).map(|kind| kind.name)
}

fn api<K>((client, namespace): (&Client, Option<&str>)) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

/// What the watcher of one kind tells. An object without a record is as good as gone.
fn one<K, D>(
    place: usize,
    api: Api<K>,
    config: Config,
    digest: impl Fn(&K) -> Option<D> + Send + 'static,
    wrap: fn(Change<D>) -> News,
) -> BoxStream<'static, Told>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    D: Send + 'static,
{
    let change = move |event: Event<K>| match event {
        Event::Init => Some(Change::Began),
        Event::InitApply(object) => Some(Change::Listed(Id::of(object.meta()), digest(&object)?)),
        Event::InitDone => Some(Change::Done),
        Event::Apply(object) => {
            let id = Id::of(object.meta());
            Some(digest(&object).map_or(Change::Gone(id.clone()), |digest| Change::Set(id, digest)))
        }
        Event::Delete(object) => Some(Change::Gone(Id::of(object.meta()))),
    };
    let told = move |event: Result<Event<K>, Error>| {
        std::future::ready(match event {
            Ok(event) => change(event).map(|change| Told::News(place, wrap(change))),
            Err(error) => Some(Told::Fault(place, error)),
        })
    };
    watcher(api, config).backoff(Again::default()).filter_map(told).boxed()
}

/// How long to wait before a watch is opened again. The watcher says that it succeeded each time that
/// it tries, so what it says is not listened to.
#[derive(Default)]
struct Again {
    faults: u32,
    last: Option<Instant>,
}

impl Iterator for Again {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.last.is_some_and(|last| last.elapsed() > FORGOTTEN) {
            self.faults = 0;
        }
        self.last = Some(Instant::now());
        let wait = AGAIN_FIRST.saturating_mul(1 << self.faults.min(8)).min(AGAIN_MOST);
        self.faults += 1;
        // All gateways lose the API server at once, and must not come back to it at once.
        Some(wait.mul_f64(fastrand::f64().mul_add(0.5, 0.75)))
    }
}

impl Backoff for Again {
    fn reset(&mut self) {}
}
