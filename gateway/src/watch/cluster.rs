//! What is there in the cluster, of all that matters to the gateway? The records of each kind.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::certificates::Secret;
use super::digest::{Class, Id, Ingress, Pairs, Pod, Service, Set, Slice};
use super::table::{Change, Table};

/// What is told of the cluster.
#[derive(Debug)]
pub(super) enum News {
    Service(Change<Service>),
    /// An EndpointSlice, or an Endpoints object, which may be several.
    Slices(Change<Box<[Slice]>>),
    Ingress(Change<Ingress>),
    Class(Change<Class>),
    Set(Change<Set>),
    Pod(Change<Pod>),
    /// The uid of a pod of a StatefulSet.
    Member(Change<Box<str>>),
    Secret(Change<Secret>),
    /// What is in a Secret that was seen before.
    Fetched(Id, Secret),
    /// A name outside the cluster stands for these.
    Resolved(Box<str>, Vec<IpAddr>),
}

/// The records of each kind.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    pub(super) services: Table<Service>,
    pub(super) slices: Table<Box<[Slice]>>,
    pub(super) ingresses: Table<Ingress>,
    pub(super) classes: Table<Class>,
    pub(super) sets: Table<Set>,
    pub(super) pods: Table<Pod>,
    pub(super) members: Table<Box<str>>,
    pub(super) secrets: Table<Secret>,
    /// Whether names outside the cluster are followed.
    pub(super) external_names: bool,
    /// What they stand for.
    pub(super) resolved: HashMap<Box<str>, Vec<IpAddr>>,
    slices_of: HashMap<Id, Vec<Id>>,
    /// The names of the StatefulSets in a namespace.
    sets_in: HashMap<Arc<str>, BTreeSet<Arc<str>>>,
}

/// Which Secrets are named by what is served: of all others only a hash is kept. All clones are one.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted(Arc<ArcSwap<HashSet<Id>>>);

impl Wanted {
    pub(super) fn has(&self, id: &Id) -> bool {
        self.0.load().contains(id)
    }

    /// Gives those that are wanted no more.
    pub(super) fn set(&self, wanted: HashSet<Id>) -> Vec<Id> {
        let before = self.0.swap(Arc::new(wanted));
        before.iter().filter(|id| !self.has(id)).cloned().collect()
    }

    pub(super) fn all(&self) -> Arc<HashSet<Id>> {
        self.0.load_full()
    }
}

impl Cluster {
    /// Whether every kind was told once.
    pub(super) fn is_whole(&self) -> bool {
        let Self { services, slices, ingresses, classes, sets, pods, members, secrets, .. } = self;
        let asked = services.is_whole() && ingresses.is_whole() && classes.is_whole();
        let pods = sets.is_whole() && pods.is_whole() && members.is_whole();
        asked && slices.is_whole() && pods && secrets.is_whole()
    }

    /// Takes a change of slices; gives the Services whose they are or were.
    pub(super) fn take_slices(&mut self, change: Change<Box<[Slice]>>) -> Vec<Id> {
        let (mut touched, slices_of) = (Vec::new(), &mut self.slices_of);
        self.slices.take(change, |id, was, is| {
            let owner = |slices: Option<&Box<[Slice]>>| {
                let service = &slices?.first()?.service;
                Some(Id { namespace: Arc::clone(&id.namespace), name: Arc::clone(service) })
            };
            let (was, is) = (owner(was), owner(is));
            if was != is {
                if let Some(was) = &was {
                    let left = slices_of.get_mut(was).map(|slices| {
                        slices.retain(|slice| slice != id);
                        slices.len()
                    });
                    if left == Some(0) {
                        slices_of.remove(was);
                    }
                }
                if let Some(is) = &is {
                    slices_of.entry(is.clone()).or_default().push(id.clone());
                }
            }
            touched.extend(was.into_iter().chain(is));
        });
        touched
    }

    /// Takes a change of StatefulSets; gives the names and labels of those that are or were different.
    pub(super) fn take_sets(&mut self, change: Change<Set>) -> Vec<(Id, Pairs)> {
        let (mut touched, sets_in) = (Vec::new(), &mut self.sets_in);
        self.sets.take(change, |id, was, is| {
            let names = sets_in.entry(Arc::clone(&id.namespace)).or_default();
            match is {
                Some(_) => _ = names.insert(Arc::clone(&id.name)),
                None => _ = names.remove(&id.name),
            }
            if names.is_empty() {
                sets_in.remove(&id.namespace);
            }
            touched.extend(was.into_iter().chain(is).map(|set| (id.clone(), set.labels.clone())));
        });
        touched
    }

    /// Whether a Service has to do with any of these pods, or with a StatefulSet of these names and
    /// labels.
    pub(super) fn concerns(&self, id: &Id, pods: &HashSet<Id>, sets: &[(Id, Pairs)]) -> bool {
        let Some(service) = self.services.get(id) else { return false };
        let mut sets = sets.iter().filter(|(set, _)| set.namespace == id.namespace).peekable();
        if sets.clone().any(|(_, labels)| selects(service, labels)) {
            return true;
        }
        if sets.peek().is_none() && !pods.iter().any(|pod| pod.namespace == id.namespace) {
            return false;
        }
        let endpoints = self.slices_of(id).flat_map(|slice| &slice.endpoints);
        endpoints.filter_map(|endpoint| endpoint.target.as_ref()).any(|(name, _)| {
            let stem = name.rsplit_once('-').map(|(stem, _)| stem);
            let pod = Id { namespace: Arc::clone(&id.namespace), name: Arc::clone(name) };
            pods.contains(&pod) || sets.clone().any(|(set, _)| Some(&*set.name) == stem)
        })
    }

    /// Whether there is a StatefulSet of this name.
    pub(super) fn has_set(&self, namespace: &str, name: &str) -> bool {
        self.sets_in.get(namespace).is_some_and(|names| names.contains(name))
    }

    /// The slices of a Service.
    pub(super) fn slices_of(&self, service: &Id) -> impl Iterator<Item = &Slice> {
        let slices = self.slices_of.get(service).into_iter().flatten();
        slices.filter_map(|id| self.slices.get(id)).flatten()
    }

    /// The StatefulSets whose pods a Service selects, by name.
    pub(super) fn sets_of(&self, id: &Id, service: &Service) -> Vec<(&Id, &Set)> {
        let names = self.sets_in.get(&id.namespace).into_iter().flatten();
        let sets = names.filter_map(|name| {
            self.sets.entry(&Id { namespace: Arc::clone(&id.namespace), name: Arc::clone(name) })
        });
        sets.filter(|(_, set)| selects(service, &set.labels)).collect()
    }

    /// How many objects of each kind there are.
    pub(super) fn counts(&self) -> [usize; 8] {
        let Self { services, slices, ingresses, classes, sets, pods, members, secrets, .. } = self;
        let inner = [services.len(), slices.len(), ingresses.len(), classes.len()];
        let [one, two, three, four] = inner;
        [one, two, three, four, sets.len(), pods.len(), members.len(), secrets.len()]
    }
}

/// Whether a Service selects pods of these labels.
fn selects(service: &Service, labels: &Pairs) -> bool {
    // Labels come in the order of their names.
    let has = |pair| labels.binary_search(pair).is_ok();
    !service.selector.is_empty() && service.selector.iter().all(has)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::digest;
    use crate::watch::tests::{parse, service, slice};

    #[test]
    fn a_pod_or_a_stateful_set_concerns_only_the_services_of_its_own() {
        let mut cluster = Cluster::default();
        for (name, endpoints) in [("db", "db-0=10.0.0.1 db-1=10.0.0.2"), ("web", "web-x=10.0.1.1")]
        {
            let id = Id::new("shop", name);
            cluster.services.take(
                Change::Set(id.clone(), digest::service(&parse(&service(name)))),
                |_, _, _| {},
            );
            let slices = digest::slice(&parse(&slice(name, name, endpoints))).map(|one| [one]);
            cluster.take_slices(Change::Set(id, slices.unwrap().into()));
        }
        let check = |pods: &[(&str, &str)], sets: &[(&str, &str, &str)], expected: &str| {
            let pods = pods.iter().map(|(space, name)| Id::new(space, name)).collect();
            let labels = |app: &str| -> Pairs { [("app".into(), app.into())].into() };
            let set = |(space, name, app): &(&str, &str, &str)| (Id::new(space, name), labels(app));
            let sets: Vec<_> = sets.iter().map(set).collect();
            let concerned = ["db", "web"]
                .into_iter()
                .filter(|name| cluster.concerns(&Id::new("shop", name), &pods, &sets));
            assert_eq!(concerned.collect::<Vec<_>>().join(" "), expected, "{pods:?} {sets:?}");
        };
        check(&[("shop", "db-1")], &[], "db");
        check(&[("shop", "other"), ("elsewhere", "db-1")], &[], "");
        check(&[], &[("shop", "any", "web")], "web");
        check(&[], &[("shop", "db", "of no selector")], "db");
        check(&[], &[("elsewhere", "db", "db"), ("shop", "other", "x")], "");
    }
}
