//! What does Kubernetes say is there? The only room that knows kube.
//!
//! ```text
//!   API server ─► reflect ─► digest ─► cluster (records) ─► assemble ─► a world ─► Publisher
//!                    │                                          │
//!                 access: why it is not seen          reports: events; status; mistakes
//! ```
//!
//! What comes in a burst is one picture; a list is swapped in whole; while the API server is away the
//! last picture stands.

mod access;
mod annotations;
mod assemble;
mod certificates;
mod client;
mod cluster;
mod digest;
mod events;
mod fetch;
mod health;
mod identity;
mod ingress;
mod reflect;
mod report;
mod resolve;
mod services;
mod slices;
mod status;
mod table;
mod terms;
#[cfg(test)]
mod tests;

pub use self::certificates::{ANY_HOST, Certificates};
pub use self::client::{NoSource, Source};
pub use self::health::{Health, Kind};

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use metaparticle_sync::Sync;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use self::assemble::{Assembler, Looks, Publish};
use self::cluster::{News, Wanted};
use self::digest::Id;
use self::ingress::Classes;
use self::reflect::{Scope, Told};
use self::report::Report;
use self::status::{Elect, Unpublished};
use crate::model::World;

/// How long a change waits for others of its burst: a rollout writes several objects at once.
const GATHER: Duration = Duration::from_millis(1);
/// Between two pictures, at the least: a storm costs so many a second, not one a change.
const APART: Duration = Duration::from_millis(10);

/// What of a cluster is served.
#[derive(Debug, Clone)]
pub struct Options {
    /// This namespace alone; IngressClasses are not seen from it.
    pub namespace: Option<String>,
    /// The class that is ours where IngressClasses are not seen.
    pub class: String,
    /// The controller of the IngressClasses that are ours, where they are seen.
    pub controller: String,
    /// Endpoints, where a cluster has no EndpointSlices.
    pub endpoints: bool,
    /// Names outside the cluster (`ExternalName`). Who may write a Service could reach through the
    /// gateway whatever it reaches: so it is off unless somebody wants it.
    pub external_names: bool,
    /// Certificates from Secrets.
    pub secrets: bool,
    /// What the status of Ingresses says: these addresses,
    pub publish_addresses: Vec<String>,
    /// or those of this Service, `NAMESPACE/NAME`.
    pub publish_service: Option<String>,
    /// Whether the gateways elect the one that writes it, by a Lease; else each that was told writes it.
    pub status_lease: StatusLease,
}

/// How it is agreed who writes the status of Ingresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StatusLease {
    /// By the Lease of the installation: it is called after the controller, or the class.
    #[default]
    Auto,
    /// By the Lease of this name.
    Named(String),
    /// Not at all.
    Off,
}

impl Default for Options {
    /// All of the cluster, for the controller of `deploy/base`, and nothing written.
    fn default() -> Self {
        Self {
            namespace: None,
            class: "metaparticle".to_owned(),
            controller: "metaparticle.io/gateway".to_owned(),
            endpoints: false,
            external_names: false,
            secrets: false,
            publish_addresses: Vec::new(),
            publish_service: None,
            status_lease: StatusLease::default(),
        }
    }
}

/// What is seen.
#[derive(Debug)]
pub struct Seen<'s> {
    /// The whole world.
    pub world: &'s World,
    /// The certificates, by host.
    pub certificates: &'s Arc<Certificates>,
}

/// Watches the cluster of `source`; for ever. Each new picture goes to `seen`, all that is wrong to
/// `wrong`, and how the watch goes is in `health`.
pub async fn run(
    source: Source,
    options: &Options,
    health: Health,
    seen: impl FnMut(Seen<'_>),
    wrong: impl FnMut(Vec<String>),
) {
    let Source { client, sync, granted } = source;
    let scope = Scope {
        namespace: options.namespace.clone(),
        endpoints: options.endpoints,
        secrets: options.secrets,
    };
    health.begin(reflect::watched(&scope).into_iter().flatten().map(|kind| kind.name));
    let (reports, to_events) = watch::channel(Vec::new());
    let (unpublished, to_status) = watch::channel(Vec::new());
    let (names, to_resolver) = watch::channel(BTreeSet::new());
    let (missing, to_fetch) = watch::channel(BTreeSet::new());
    let (answered, answers) = mpsc::unbounded_channel();
    let wanted = Wanted::default();
    let looking = Looking {
        assembler: Assembler::new(looks(options), wanted.clone()),
        stream: reflect::all(&client, &scope, wanted.clone()),
        scope,
        granted,
        answers,
        health,
        reports,
        unpublished,
        names,
        missing,
        painted: false,
        seen,
        wrong,
    };
    let events = events::tell(client.clone(), to_events);
    let secrets = fetch::secrets(client.clone(), to_fetch, answered.clone());
    let status = status::write(client, to_status, elect(options, sync));
    let names = resolve::ask(to_resolver, answered);
    futures::join!(looking.run(), events, status, secrets, names);
}

/// The election of who writes, where anything is written and it is elected.
fn elect(options: &Options, sync: Sync) -> Option<Elect> {
    let told = !options.publish_addresses.is_empty() || options.publish_service.is_some();
    let installation = match options.namespace {
        Some(_) => &options.class,
        None => &options.controller,
    };
    let lease = match &options.status_lease {
        StatusLease::Off => return None,
        StatusLease::Named(name) => name.clone(),
        StatusLease::Auto => format!("metaparticle-gateway-{}", installation.replace('/', "-")),
    };
    told.then_some(Elect { sync, lease })
}

fn looks(options: &Options) -> Looks {
    let classes = match &options.namespace {
        Some(_) => Classes::Named(options.class.as_str().into()),
        None => Classes::Watched(options.controller.as_str().into()),
    };
    let service = options.publish_service.as_deref().and_then(|name| name.split_once('/'));
    let publish = match service {
        Some((namespace, name)) => Publish::Service(Id::new(namespace, name)),
        None if options.publish_addresses.is_empty() => Publish::Nothing,
        None => {
            let addresses = options.publish_addresses.iter();
            Publish::Addresses(addresses.map(|address| address.as_str().into()).collect())
        }
    };
    let (secrets, external_names) = (options.secrets, options.external_names);
    Looks { classes, secrets, publish, external_names }
}

/// The one who looks.
struct Looking<S, W> {
    assembler: Assembler,
    stream: futures::stream::BoxStream<'static, Told>,
    scope: Scope,
    granted: mpsc::UnboundedReceiver<String>,
    answers: mpsc::UnboundedReceiver<News>,
    health: Health,
    reports: watch::Sender<Vec<Report>>,
    unpublished: watch::Sender<Unpublished>,
    names: watch::Sender<BTreeSet<Box<str>>>,
    /// Secrets that are wanted and were not when they were seen.
    missing: watch::Sender<BTreeSet<Id>>,
    /// Whether there is a picture.
    painted: bool,
    seen: S,
    wrong: W,
}

impl<S: FnMut(Seen<'_>), W: FnMut(Vec<String>)> Looking<S, W> {
    async fn run(mut self) {
        let mut due = None;
        let mut earliest = Instant::now();
        loop {
            tokio::select! {
                Some(told) = self.stream.next() => self.told(told),
                Some(news) = self.answers.recv() => self.assembler.take(news),
                Some(path) = self.granted.recv() => self.granted(&path),
                () = until(due) => {
                    self.picture();
                    due = None;
                    earliest = Instant::now() + APART;
                }
            }
            if due.is_none() && self.assembler.is_due() {
                due = Some(earliest.max(Instant::now() + GATHER));
            }
        }
    }

    fn told(&mut self, told: Told) {
        let kinds = reflect::watched(&self.scope);
        match told {
            Told::News(place, news) => {
                let Some(kind) = kinds[place] else { return };
                self.assembler.take(news);
                let objects = self.assembler.counts()[place];
                self.health.change(kind.name, |kind| {
                    kind.told = Some(Instant::now());
                    kind.objects = objects;
                });
            }
            Told::Fault(place, error) => {
                let Some(kind) = kinds[place] else { return };
                let namespace = self.scope.namespace.as_deref();
                let Some(trouble) = access::trouble(kind, namespace, &error) else { return };
                let news = self.health.change(kind.name, |kind| {
                    kind.connected = false;
                    let news = kind.trouble.as_ref() != Some(&trouble);
                    kind.trouble = Some(trouble.clone());
                    news
                });
                if news == Some(true) {
                    let so = if self.painted {
                        "what was seen last stays in force"
                    } else {
                        "until it is seen, nothing is served"
                    };
                    tracing::warn!("{trouble}; {so}");
                    self.tell_wrong();
                }
            }
        }
    }

    /// A list or a watch was granted.
    fn granted(&mut self, asked: &str) {
        let Some(name) = reflect::asked_for(&self.scope, asked) else { return };
        let again = self.health.change(name, |kind| {
            kind.connected = true;
            kind.trouble.take()
        });
        if let Some(Some(_)) = again {
            tracing::info!("{name} are seen again");
            self.tell_wrong();
        }
    }

    fn picture(&mut self) {
        if self.assembler.assemble() {
            self.painted = true;
            let (world, certificates) = (self.assembler.world(), self.assembler.certificates());
            (self.seen)(Seen { world, certificates });
        }
        self.unpublished.send_if_modified(|last| replace(last, self.assembler.unpublished()));
        self.names.send_if_modified(|last| replace(last, self.assembler.external_names()));
        self.missing.send_if_modified(|last| replace(last, self.assembler.missing()));
        if self.reports.send_if_modified(|last| replace(last, self.assembler.reports())) {
            self.tell_wrong();
        }
    }

    fn tell_wrong(&mut self) {
        let mut wrong = self.health.troubles();
        wrong.extend(self.reports.borrow().iter().flat_map(Report::lines));
        (self.wrong)(wrong);
    }
}

/// Puts what is now in the place of what was; says whether it is different.
fn replace<T: PartialEq>(last: &mut T, now: T) -> bool {
    let different = *last != now;
    *last = now;
    different
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
