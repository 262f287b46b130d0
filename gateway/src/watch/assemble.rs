//! How do the records of a cluster become a world? Only what changed is looked at: a service that is as
//! it was stays the same `Arc`, and keeps its ring.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::annotations::Book;
use super::certificates::{self, Certificates};
use super::cluster::{Cluster, News};
use super::digest::Id;
use super::ingress::{self, Classes, Plan};
use super::report::{Kind, Report};
use super::services::{self, Built};
use super::table::{Change, Table};
use crate::model::{ServiceName, World};
use crate::words::Scope;

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
    /// Who answers for all in these namespaces.
    namespaces: HashSet<Arc<str>>,
    /// Names outside the cluster.
    names: bool,
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
    world: World,
    certificates: Arc<Certificates>,
}

impl Assembler {
    pub(super) fn new(looks: Looks) -> Self {
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
            dirty: Dirty { plan: true, ..Dirty::default() },
            plan: Plan::default(),
            built: BTreeMap::new(),
            world: World::default(),
            certificates: Arc::default(),
        }
    }

    /// Takes what is told of the cluster.
    pub(super) fn take(&mut self, news: News) {
        let Self { cluster, services, ingresses, dirty, .. } = self;
        match news {
            News::Service(change) => cluster.services.take(change, |id, _, is| {
                match is {
                    Some(service) => services.read(id, &service.uid, &service.words),
                    None => services.forget(id),
                }
                dirty.plan = true;
                dirty.services.insert(id.clone());
            }),
            News::Ingress(change) => cluster.ingresses.take(change, |id, _, is| {
                match is {
                    Some(ingress) => ingresses.read(id, &ingress.uid, &ingress.words),
                    None => ingresses.forget(id),
                }
                dirty.plan = true;
            }),
            News::Class(change) => cluster.classes.take(change, |_, _, _| dirty.plan = true),
            News::Secret(mut change) => {
                if let Change::Set(id, secret) | Change::Listed(id, secret) = &mut change
                    && secret.shown.is_none()
                {
                    secret.shown = cluster.secrets.get(id).and_then(|last| last.shown.clone());
                }
                cluster.secrets.take(change, |_, _, _| dirty.plan = true);
            }
            News::Slices(change) => dirty.services.extend(cluster.take_slices(change)),
            News::Set(change) => cluster
                .sets
                .take(change, |id, _, _| _ = dirty.namespaces.insert(Arc::clone(&id.namespace))),
            News::Pod(change) => cluster
                .pods
                .take(change, |id, _, _| _ = dirty.namespaces.insert(Arc::clone(&id.namespace))),
            News::Resolved(name, addresses) => {
                dirty.names |= cluster.resolved.get(&name) != Some(&addresses);
                cluster.resolved.insert(name, addresses);
            }
        }
    }

    /// Whether something changed since it was assembled last, and everything was told once.
    pub(super) fn is_due(&self) -> bool {
        let Dirty { plan, services, namespaces, names } = &self.dirty;
        let dirty = *plan || !services.is_empty() || !namespaces.is_empty() || *names;
        dirty && self.cluster.is_whole()
    }

    /// Assembles what changed. Says whether the world is another.
    pub(super) fn assemble(&mut self) -> bool {
        let dirty = std::mem::take(&mut self.dirty);
        if dirty.plan {
            self.replan();
        }
        let mut names = BTreeSet::new();
        if dirty.plan || dirty.names || !dirty.namespaces.is_empty() {
            let touched = self.plan.targets.iter().filter(|(name, target)| {
                let known = self.built.get(name);
                let external = || self.cluster.services.get(&target.service);
                known.is_none_or(|known| known.target != **target)
                    || dirty.services.contains(&target.service)
                    || dirty.namespaces.contains(&target.service.namespace)
                    || dirty.names && external().is_some_and(|one| one.external_name.is_some())
            });
            names.extend(touched.map(|(name, _)| name.clone()));
        } else {
            names.extend(dirty.services.iter().flat_map(|id| self.targets_of(id)).cloned());
        }
        let changed = names.iter().filter(|name| self.rebuild(name)).count() > 0;
        if changed || dirty.plan {
            self.world.services =
                self.built.values().map(|built| Arc::clone(&built.service)).collect();
        }
        changed || dirty.plan
    }

    /// The world as it was assembled last.
    pub(super) fn world(&self) -> &World {
        &self.world
    }

    pub(super) fn certificates(&self) -> &Arc<Certificates> {
        &self.certificates
    }

    /// How many objects of each kind there are.
    pub(super) fn counts(&self) -> [usize; 7] {
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
            });
            let new = mistakes.iter().filter(|one| !report.mistakes.contains(one)).cloned();
            let new: Vec<_> = new.collect();
            report.mistakes.extend(new);
        }
        let mut reports: Vec<_> = reports.into_values().collect();
        reports.extend(self.plan.reports.iter().cloned());
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

    fn replan(&mut self) {
        let Self { looks, cluster, services, ingresses, .. } = self;
        let mut plan = ingress::plan(cluster, &looks.classes, services, ingresses);
        if looks.secrets {
            let mut certificates = Certificates::new();
            for id in &plan.ours {
                let Some(ingress) = cluster.ingresses.get(id) else { continue };
                let mistakes = certificates::add(&mut certificates, cluster, id, ingress);
                ingress::report(&mut plan.reports, id, ingress, mistakes);
            }
            self.certificates = Arc::new(certificates);
        }
        self.world.routes = std::mem::take(&mut plan.routes);
        self.built.retain(|name, _| plan.targets.contains_key(name));
        self.plan = plan;
    }

    /// The services that a Service stands behind: one a port.
    fn targets_of(&self, id: &Id) -> impl Iterator<Item = &ServiceName> {
        let prefix = format!("{id}:");
        let from = self.plan.targets.range(ServiceName::new(&prefix)..).map(|(name, _)| name);
        from.take_while(move |name| name.as_str().starts_with(&prefix))
    }

    /// Builds a service again; says whether it is another one.
    fn rebuild(&mut self, name: &ServiceName) -> bool {
        let Some(target) = self.plan.targets.get(name) else { return false };
        let policy = self.services.policy(&target.service);
        let mut built = services::build(name, target, policy, &self.cluster);
        let before = self.built.get(name).map(|before| &before.service);
        let same = before.filter(|before| services::is_same(before, &built.service));
        let changed = same.is_none();
        if let Some(same) = same {
            built.service = Arc::clone(same);
        }
        self.built.insert(name.clone(), built);
        changed
    }
}
