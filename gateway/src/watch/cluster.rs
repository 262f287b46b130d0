//! What is there in the cluster, of all that matters to the gateway? The records of each kind.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::certificates::Secret;
use super::digest::{Class, Id, Ingress, Pod, Service, Set, Slice};
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
    Secret(Change<Secret>),
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
    pub(super) secrets: Table<Secret>,
    /// Whether names outside the cluster are followed.
    pub(super) external_names: bool,
    /// What they stand for.
    pub(super) resolved: HashMap<Box<str>, Vec<IpAddr>>,
    slices_of: HashMap<Id, Vec<Id>>,
}

impl Cluster {
    /// Whether every kind was told once.
    pub(super) fn is_whole(&self) -> bool {
        let Self { services, slices, ingresses, classes, sets, pods, secrets, .. } = self;
        let inner = services.is_whole() && slices.is_whole() && ingresses.is_whole();
        inner && classes.is_whole() && sets.is_whole() && pods.is_whole() && secrets.is_whole()
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

    /// The slices of a Service.
    pub(super) fn slices_of(&self, service: &Id) -> impl Iterator<Item = &Slice> {
        let slices = self.slices_of.get(service).into_iter().flatten();
        slices.filter_map(|id| self.slices.get(id)).flatten()
    }

    /// The StatefulSets whose pods a Service selects, by name.
    pub(super) fn sets_of(&self, id: &Id, service: &Service) -> Vec<(&Id, &Set)> {
        let selects = |set: &Set| {
            // Labels come in the order of their names.
            let has = |pair| set.labels.binary_search(pair).is_ok();
            !service.selector.is_empty() && service.selector.iter().all(has)
        };
        let all = self.sets.iter().filter(|(set, _)| set.namespace == id.namespace);
        let mut sets: Vec<_> = all.filter(|(_, set)| selects(set)).collect();
        sets.sort_by_key(|(id, _)| *id);
        sets
    }

    /// How many objects of each kind there are.
    pub(super) fn counts(&self) -> [usize; 7] {
        let Self { services, slices, ingresses, classes, sets, pods, secrets, .. } = self;
        let inner = [services.len(), slices.len(), ingresses.len(), classes.len()];
        let [one, two, three, four] = inner;
        [one, two, three, four, sets.len(), pods.len(), secrets.len()]
    }
}
