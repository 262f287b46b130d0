//! How do the records of a cluster become a world? Only what changed is looked at: a service that is as
//! it was stays the same `Arc`, and keeps its ring.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::annotations::Book;
use super::certificates::{self, Certificates, Secret};
use super::cluster::{Cluster, News, Wanted};
use super::digest::{Id, Ingress, Pairs, Service};
use super::ingress::{self, Classes, Plan};
use super::report::{Kind, Report};
use super::services::{self, Built};
use super::table::{Change, Table};
use crate::model::{ServiceName, World};
use crate::words::{Scope, TlsVerify};

#[cfg(test)]
mod tests;

/// What of the cluster this gateway looks at.
#[derive(Debug)]
pub(super) struct Looks {
    pub(super) classes: Classes,
    /// Whether certificates are shown, and so watched.
    pub(super) secrets: bool,
    /// Where Ingresses are told to be reached.
    pub(super) publish: Publish,
    /// Whether names outside the cluster are followed.
    pub(super) external_names: bool,
}

/// What Ingresses' status says.
#[derive(Debug, PartialEq)]
pub(super) enum Publish {
    /// Nothing: somebody else writes it.
    Nothing,
    /// These addresses.
    Addresses(Box<[Box<str>]>),
    /// Those of a Service.
    Service(Id),
}

/// What is not as it was.
#[derive(Debug, Default)]
struct Dirty {
    /// The way from Ingresses to Services.
    plan: bool,
    /// Who answers for these.
    services: HashSet<Id>,
    /// What these pods, and the StatefulSets of these names and labels, are called as shards.
    pods: HashSet<Id>,
    sets: Vec<(Id, Pairs)>,
    /// Which Secrets are wanted.
    wanted: bool,
    /// Names outside the cluster.
    names: bool,
    /// Where Ingresses are reached, or are said to be: no request sees it.
    status: bool,
}

/// The one who assembles.
#[derive(Debug)]
pub(super) struct Assembler {
    looks: Looks,
    cluster: Cluster,
    services: Book,
    ingresses: Book,
    dirty: Dirty,
    plan: Plan,
    built: BTreeMap<ServiceName, Built>,
    wanted: Wanted,
    world: World,
    certificates: Arc<Certificates>,
    /// Whether there was a world: one of nothing is a first one, too.
    painted: bool,
    /// Whether what is in a Secret is awaited.
    waits: bool,
}

impl Assembler {
    pub(super) fn new(looks: Looks, wanted: Wanted) -> Self {
        let mut cluster = Cluster::default();
        cluster.external_names = looks.external_names;
        if let Classes::Named(_) = looks.classes {
            cluster.classes = Table::unwatched();
        }
        if !looks.secrets {
            cluster.secrets = Table::unwatched();
        }
        Self {
            looks,
            cluster,
            services: Book::new(Scope::Service),
            ingresses: Book::new(Scope::Route),
            dirty: Dirty { plan: true, wanted: true, ..Dirty::default() },
            plan: Plan::default(),
            built: BTreeMap::new(),
            wanted,
            world: World::default(),
            certificates: Arc::default(),
            painted: false,
            waits: false,
        }
    }

    /// Takes what is told of the cluster.
    pub(super) fn take(&mut self, news: News) {
        self.waits = false;
        let Self { looks, cluster, services, ingresses, dirty, plan, wanted, .. } = self;
        match news {
            News::Service(change) => cluster.services.take(change, |id, was, is| {
                services.hear(id, was.map(Service::says), is.map(Service::says));
                // Ports and words are all that routes know of a Service.
                let matters = || plan.targets_of(id).next().is_some();
                let same = was.zip(is).is_some_and(|(was, is)| {
                    was.uid == is.uid && was.ports == is.ports && was.words == is.words
                });
                dirty.plan |= !same && matters();
                dirty.wanted |= !same;
                dirty.status |= matches!(&looks.publish, Publish::Service(door) if door == id);
                dirty.services.insert(id.clone());
            }),
            News::Ingress(change) => cluster.ingresses.take(change, |id, was, is| {
                dirty.status = true;
                if was.zip(is).is_some_and(|(was, is)| was.asks_as(is)) {
                    return;
                }
                ingresses.hear(id, was.map(Ingress::says), is.map(Ingress::says));
                let ours = |one: Option<&Ingress>| {
                    one.is_some_and(|one| looks.classes.have(one, &cluster.classes))
                };
                let changed = ours(was) || ours(is);
                (dirty.plan, dirty.wanted) = (dirty.plan | changed, dirty.wanted | changed);
            }),
            News::Class(change) => cluster.classes.take(change, |_, _, _| {
                (dirty.plan, dirty.wanted) = (true, true);
            }),
            News::Secret(mut change) => {
                if let Change::Set(id, secret) | Change::Listed(id, secret) = &mut change {
                    secret.keep(cluster.secrets.get(id));
                }
                cluster.secrets.take(change, |id, _, _| dirty.plan |= wanted.has(id));
            }
            News::Fetched(id, told) => {
                dirty.plan |= cluster.secrets.replace(&id, |known| known.known_by(told));
            }
            News::Slices(change) => dirty.services.extend(cluster.take_slices(change)),
            News::Set(change) => dirty.sets.extend(cluster.take_sets(change)),
            News::Pod(change) => {
                cluster.pods.take(change, |id, _, _| _ = dirty.pods.insert(id.clone()));
            }
            News::Member(change) => {
                cluster.members.take(change, |id, _, _| _ = dirty.pods.insert(id.clone()));
            }
            News::Resolved(name, addresses) => {
                dirty.names |= cluster.resolved.get(&name) != Some(&addresses);
                cluster.resolved.insert(name, addresses);
            }
        }
    }

    /// Whether something changed since it was assembled last, and everything was told once.
    pub(super) fn is_due(&self) -> bool {
        let Dirty { plan, services, pods, sets, wanted, names, status } = &self.dirty;
        let shards = !services.is_empty() || !pods.is_empty() || !sets.is_empty();
        let dirty = *plan || shards || *wanted || *names || *status;
        dirty && !self.waits && self.cluster.is_whole()
    }

    /// Assembles what changed. Says whether the world is another.
    pub(super) fn assemble(&mut self) -> bool {
        if std::mem::take(&mut self.dirty.wanted) && self.looks.secrets {
            self.want();
        }
        // A first picture without its certificates would turn those away who want one.
        self.waits = !self.painted && !self.missing().is_empty();
        if self.waits {
            return false;
        }
        let dirty = std::mem::take(&mut self.dirty);
        let replanned = dirty.plan && self.replan();
        let mut names = BTreeSet::new();
        let pods = !dirty.pods.is_empty() || !dirty.sets.is_empty();
        if dirty.plan || dirty.names || pods {
            let touched = self.plan.targets.iter().filter(|(name, target)| {
                let known = self.built.get(name);
                let external = || self.cluster.services.get(&target.service);
                known.is_none_or(|known| known.target != **target)
                    || dirty.services.contains(&target.service)
                    || dirty.plan && target.is_secure()
                    || pods && self.cluster.concerns(&target.service, &dirty.pods, &dirty.sets)
                    || dirty.names && external().is_some_and(|one| one.external_name.is_some())
            });
            names.extend(touched.map(|(name, _)| name.clone()));
        } else {
            names.extend(dirty.services.iter().flat_map(|id| self.plan.targets_of(id)).cloned());
        }
        let changed = names.iter().filter(|name| self.rebuild(name)).count() > 0;
        if changed || replanned {
            self.world.services =
                self.built.values().map(|built| Arc::clone(&built.service)).collect();
        }
        changed || replanned
    }

    /// The world as it was assembled last.
    pub(super) fn world(&self) -> &World {
        &self.world
    }

    pub(super) fn certificates(&self) -> &Arc<Certificates> {
        &self.certificates
    }

    /// How many objects of each kind there are.
    pub(super) fn counts(&self) -> [usize; 8] {
        self.cluster.counts()
    }

    /// All that is wrong, by object.
    pub(super) fn reports(&self) -> Vec<Report> {
        let mut reports = BTreeMap::new();
        let annotated = self.services.wrong();
        let built = self.built.values().filter(|built| !built.mistakes.is_empty());
        let built = built.filter_map(|built| {
            let uid = &self.cluster.services.get(&built.target.service)?.uid;
            Some((&built.target.service, uid, built.mistakes.as_slice()))
        });
        for (id, uid, mistakes) in annotated.chain(built) {
            let report = reports.entry(id.clone()).or_insert_with(|| Report {
                kind: Kind::Service,
                id: id.clone(),
                uid: Arc::clone(uid),
                mistakes: Vec::new(),
                kept: self.services.keeps(id),
            });
            let new = mistakes.iter().filter(|one| !report.mistakes.contains(one)).cloned();
            let new: Vec<_> = new.collect();
            report.mistakes.extend(new);
        }
        let mut reports: Vec<_> = reports.into_values().collect();
        reports.extend(self.plan.reports.values().cloned());
        reports
    }

    /// Our Ingresses whose status does not say where they are reached, and what it should say.
    pub(super) fn unpublished(&self) -> Vec<(Id, Box<[Box<str>]>)> {
        let addresses = match &self.looks.publish {
            Publish::Nothing => return Vec::new(),
            Publish::Addresses(addresses) => addresses,
            Publish::Service(id) => match self.cluster.services.get(id) {
                Some(service) if !service.addresses.is_empty() => &service.addresses,
                _ => return Vec::new(),
            },
        };
        let says = |id: &&Id| {
            let ingress = self.cluster.ingresses.get(id);
            ingress.is_some_and(|ingress| ingress.published != *addresses)
        };
        let ours = self.plan.ours.iter().filter(says);
        ours.map(|id| (id.clone(), addresses.clone())).collect()
    }

    /// The names outside the cluster that routes lead to.
    pub(super) fn external_names(&self) -> BTreeSet<Box<str>> {
        if !self.looks.external_names {
            return BTreeSet::new();
        }
        let services = self.plan.targets.values();
        let services = services.filter_map(|target| self.cluster.services.get(&target.service));
        services.filter_map(|service| service.external_name.clone()).collect()
    }

    /// Says which Secrets are wanted; what is in others is not kept.
    fn want(&mut self) {
        let Self { looks, cluster, services, wanted, .. } = self;
        let ours = cluster.ingresses.iter();
        let ours = ours.filter(|(_, one)| looks.classes.have(one, &cluster.classes));
        let beside =
            |id: &Id, name: &str| Id { namespace: Arc::clone(&id.namespace), name: name.into() };
        let shown = ours.flat_map(|(id, one)| {
            let named = one.tls.iter().filter_map(|tls| tls.secret.as_deref());
            named.map(|name| beside(id, name)).collect::<Vec<_>>()
        });
        let trusted = services.policies().filter_map(|(id, policy)| match &policy.tls_verify {
            TlsVerify::Secret(name) => Some(beside(id, name)),
            _ => None,
        });
        for id in wanted.set(shown.chain(trusted).collect()) {
            cluster.secrets.replace(&id, |known| Some(known.unknown()));
        }
    }

    /// The Secrets that are wanted, and of which only a hash is known.
    pub(super) fn missing(&self) -> BTreeSet<Id> {
        let known = |id: &Id| self.cluster.secrets.get(id).is_none_or(Secret::is_known);
        self.wanted.all().iter().filter(|id| !known(id)).cloned().collect()
    }

    /// Plans again; says whether requests, or those who ask for a certificate, see a difference.
    fn replan(&mut self) -> bool {
        let Self { looks, cluster, services, ingresses, plan: before, .. } = self;
        let mut plan = ingress::plan(cluster, &looks.classes, (services, ingresses), before);
        let mut shown = false;
        if looks.secrets {
            let mut certificates = Certificates::new();
            for id in &plan.ours {
                let Some(ingress) = cluster.ingresses.get(id) else { continue };
                let mistakes = certificates::add(&mut certificates, cluster, id, ingress);
                ingress::report(&mut plan.reports, id, ingress, ingresses.keeps(id), mistakes);
            }
            shown = !certificates::are_same(&self.certificates, &certificates);
            if shown {
                self.certificates = Arc::new(certificates);
            }
        }
        let (routes, known) = (std::mem::take(&mut plan.routes), self.built.len());
        self.built.retain(|name, _| plan.targets.contains_key(name));
        self.plan = plan;
        let same = ingress::are_same(&routes, &self.world.routes);
        self.world.routes = routes;
        let first = !std::mem::replace(&mut self.painted, true);
        shown || !same || first || self.built.len() != known
    }

    /// Builds a service again; says whether it is another one.
    fn rebuild(&mut self, name: &ServiceName) -> bool {
        let Some(target) = self.plan.targets.get(name) else { return false };
        let policy = self.services.policy(&target.service);
        let before = self.built.get(name);
        let mut built = services::build(name, target, policy, &self.cluster, before);
        let before = before.map(|before| &before.service);
        let same = before.filter(|before| services::is_same(before, &built.service));
        let changed = same.is_none();
        if let Some(same) = same {
            built.service = Arc::clone(same);
        }
        self.built.insert(name.clone(), built);
        changed
    }
}
