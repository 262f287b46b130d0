//! Where are the other parts? DNS says, for those who are asked for; what it said last stands while it is silent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use metaparticle_gateway::send::Network;
use metaparticle_gateway::snapshot::{self, Latest, Publisher};
use metaparticle_gateway::tasks::{Clock, Tasks};
use metaparticle_gateway::words::Pattern;
use tokio::net::lookup_host;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::context::Caller;
use crate::pattern::{App, PORT, Service};
use crate::road::{Door, Inside, world};
use crate::wire::{Error, Result};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(2);
/// Between two looks until somebody is found.
const AT_FIRST: Duration = Duration::from_millis(250);
/// How long a call waits until somebody is found, and a root until all are.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Where replicas are, by name.
pub(super) type Found = BTreeMap<String, SocketAddr>;

/// Finds those who are asked for, and paints them into the picture of a road.
#[derive(Debug)]
pub(super) struct Finder {
    app: Arc<App>,
    door: Door,
    painting: Mutex<Painting>,
}

#[derive(Debug)]
struct Painting {
    publisher: Publisher,
    /// By service, and how many that are; those of whom nobody was found yet are empty.
    found: BTreeMap<String, (Found, watch::Sender<usize>)>,
}

impl Finder {
    /// Nobody is asked for yet.
    pub(super) fn new(app: &Arc<App>, door: Door) -> (Arc<Self>, Latest) {
        let (publisher, latest) = snapshot::channel();
        let painting = Mutex::new(Painting { publisher, found: BTreeMap::new() });
        (Arc::new(Self { app: Arc::clone(app), door, painting }), latest)
    }

    /// Looks for the replicas of `service` from now on; ready when there are so many.
    pub(super) fn follow(
        self: &Arc<Self>,
        service: &str,
        least: usize,
        tasks: &Tasks,
    ) -> impl Future<Output = ()> + use<> {
        let mut painting = self.painting.lock().unwrap_or_else(PoisonError::into_inner);
        let known = painting.found.get(service).map(|(_, seen)| seen.subscribe());
        let mut seen = known.unwrap_or_else(|| {
            let (tell, seen) = watch::channel(0);
            painting.found.insert(service.to_owned(), (Found::new(), tell));
            let (finder, service) = (Arc::clone(self), service.to_owned());
            tasks.spawn(async move { finder.look_for(&service).await });
            seen
        });
        async move { _ = seen.wait_for(|seen| *seen >= least).await.map(|_| ()) }
    }

    /// For ever.
    async fn look_for(&self, name: &str) {
        let Some(service) = self.app.services.iter().find(|one| one.name == name) else { return };
        let mut pause = AT_FIRST;
        loop {
            let found = look(service).await;
            // That nobody at all is there may be DNS's fault, and is no news to those who fail.
            if !found.is_empty() {
                pause = if found.len() < names(service) { (pause * 2).min(EVERY) } else { EVERY };
                self.paint(name, found);
            }
            sleep(pause).await;
        }
    }

    pub(super) fn paint(&self, name: &str, now: Found) {
        let mut painting = self.painting.lock().unwrap_or_else(PoisonError::into_inner);
        let Painting { publisher, found } = &mut *painting;
        let Some((before, seen)) = found.get_mut(name) else { return };
        if *before != now {
            *before = now;
            seen.send_replace(before.len());
            let known = |service: &&Service| found.contains_key(&service.name);
            let services: Vec<_> = self.app.services.iter().filter(known).collect();
            let address =
                |replica: &str| found.values().find_map(|(found, _)| found.get(replica).copied());
            publisher.publish(&world(&self.app, &services, self.door, address));
        }
    }
}

/// How many are looked for.
pub(super) fn names(service: &Service) -> usize {
    if service.pattern == Pattern::Spread { 1 } else { service.count as usize }
}

/// Who of `service` is there: each shard and leaf by the name of its pod; of replicas that are alike their
/// Service, which knows them all.
async fn look(service: &Service) -> Found {
    let stem = service.stem();
    let names = service.replicas().filter_map(|(index, replica)| match service.pattern {
        Pattern::Spread if index > 0 => None,
        Pattern::Spread => Some((replica, stem.clone())),
        Pattern::Shard | Pattern::Scatter => {
            let host = format!("{replica}.{stem}");
            Some((replica, host))
        }
    });
    let looked = names.map(|(replica, host)| async move {
        let address = lookup_host((host, PORT)).await.ok()?.next()?;
        Some((replica, address))
    });
    join_all(looked).await.into_iter().flatten().collect()
}

/// The road from one pod to the others.
#[derive(Debug)]
pub(super) struct Remote {
    finder: Arc<Finder>,
    inside: Inside<Network>,
    tasks: Tasks,
}

impl Remote {
    pub(super) fn new(finder: Arc<Finder>, latest: Latest, network: Network, clock: Clock) -> Self {
        // Nobody waits for those who look: they end with the process.
        Self { finder, inside: Inside::new(latest, network, clock), tasks: Tasks::default() }
    }
}

impl Caller for Remote {
    fn call(
        &self,
        service: &str,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>>> {
        let (found, service) = (self.finder.follow(service, 1, &self.tasks), service.to_owned());
        async move {
            let nobody = |_| Error::unavailable(format!("nobody of service `{service}` is found"));
            tokio::time::timeout(PATIENCE, found).await.map_err(nobody)?;
            self.inside.call(&service, request).await
        }
        .boxed()
    }
}
