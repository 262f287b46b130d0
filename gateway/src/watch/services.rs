//! Who answers for a Service, as which shards? A port of a Service as a service of the model.

use std::net::SocketAddr;
use std::sync::Arc;

use super::cluster::Cluster;
use super::digest::{Id, Port, Service, Speaks};
use super::identity;
use super::ingress::Target;
use super::slices::{self, Found};
use super::terms;
use crate::model::{self, Replica, ReplicaName, ServiceName, StatefulSet};
use crate::words::labels::PREFIX;
use crate::words::{Identity, Mistake, Policy, Protocol, ShardCount};

/// A service, and what is wrong with its Service.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) service: Arc<model::Service>,
    pub(super) target: Target,
    pub(super) mistakes: Vec<Mistake>,
}

/// Builds the service called `name`, that was `before`. Who answers nothing that is there has no replicas.
pub(super) fn build(
    name: &ServiceName,
    target: &Target,
    policy: &Arc<Policy>,
    cluster: &Cluster,
    before: Option<&Built>,
) -> Built {
    let mut service = model::Service {
        name: name.clone(),
        policy: Arc::clone(policy),
        protocol: Protocol::default(),
        tls: None,
        unserved: target.unserved.clone(),
        replicas: Vec::new(),
        desired: Vec::new(),
    };
    let mut mistakes = Vec::new();
    let found = cluster.services.get(&target.service).zip(target.port.as_ref());
    if let Some((declared, port)) = found.filter(|_| target.unserved.is_none()) {
        let answering = slices::join(declared, port, cluster.slices_of(&target.service));
        service.desired = desired(&target.service, declared, port, policy, &answering, cluster);
        service.protocol = match port.speaks {
            Speaks::Http1 => Protocol::Http1,
            Speaks::H2c => Protocol::H2c,
            Speaks::Tls => Protocol::Https,
        };
        if port.speaks == Speaks::Tls {
            let before = before.map(|before| &*before.service);
            let (terms, mistake) = terms::of(&target.service, policy, cluster, before);
            service.tls = Some(terms);
            mistakes.extend(mistake);
        }
        if declared.external_name.is_some() && !cluster.external_names {
            mistakes.push(no_name(declared));
        }
        service.replicas = replicas(&target.service, declared, port, answering, &service, cluster);
        mistakes.extend(uncounted(&service).or_else(|| beyond(&service)));
    }
    Built { service: Arc::new(service), target: target.clone(), mistakes }
}

/// Whether nothing that requests see is different.
pub(super) fn is_same(one: &model::Service, other: &model::Service) -> bool {
    let model::Service { name, policy, protocol, tls, unserved, replicas, desired } = one;
    let same_words = Arc::ptr_eq(policy, &other.policy) && *name == other.name;
    let same_terms = *protocol == other.protocol && *tls == other.tls;
    same_words
        && same_terms
        && *unserved == other.unserved
        && *replicas == other.replicas
        && *desired == other.desired
}

/// The StatefulSets whose pods are the service's.
fn desired(
    id: &Id,
    declared: &Service,
    port: &Port,
    policy: &Policy,
    found: &[Found],
    cluster: &Cluster,
) -> Vec<StatefulSet> {
    // Who is away has the port of who is there; where nobody is, the one that the Service names.
    let number = found.iter().map(|one| one.address.port()).min().unwrap_or(port.target);
    let rest: Arc<str> = match policy.identity {
        Identity::Host => identity::rest_of_host(&id.name, number).into(),
        _ => Arc::default(),
    };
    let sets = cluster.sets_of(id, declared).into_iter().map(|(id, set)| StatefulSet {
        stem: Arc::clone(&id.name),
        rest: Arc::clone(&rest),
        first: set.first,
        count: set.count,
    });
    sets.collect()
}

fn replicas(
    id: &Id,
    declared: &Service,
    port: &Port,
    found: Vec<Found>,
    service: &model::Service,
    cluster: &Cluster,
) -> Vec<Replica> {
    if let Some(name) = &declared.external_name {
        let known = cluster.resolved.get(name).map(Vec::as_slice).unwrap_or_default();
        let outside = known.iter().map(|ip| outside(SocketAddr::new(*ip, port.number)));
        return outside.collect();
    }
    let pod = |name: &Arc<str>| Id { namespace: Arc::clone(&id.namespace), name: Arc::clone(name) };
    // A pod is shown once; of labels only those of the very pod count.
    let label = |found: &Found| {
        let (name, uid) = found.target.as_ref()?;
        let pod = cluster.pods.get(&pod(name)).filter(|pod| *pod.uid == **uid);
        pod.map(|pod| Arc::clone(&pod.shard))
    };
    let is_member = |found: &Found, stem: &str| {
        let of_set = |(name, uid): &(Arc<str>, Arc<str>)| {
            cluster.members.get(&pod(name)).is_some_and(|member| **member == **uid)
        };
        cluster.has_set(&id.namespace, stem) || found.target.as_ref().is_some_and(of_set)
    };
    let replica = |found: Found| {
        let identity = service.policy.identity;
        let label = label(&found);
        let is_member = |stem: &str| is_member(&found, stem);
        let shard = identity::shard(&found, identity, &id.name, label.as_ref(), is_member);
        // Its keys would wait for somebody who never comes again.
        if found.ending && !shard.lasts {
            return None;
        }
        Some(Replica {
            name: ReplicaName::new(&found.name()),
            address: found.address,
            shard: shard.told,
            uid: found.target.map(|(_, uid)| uid),
            ready: found.ready,
        })
    };
    found.into_iter().filter_map(replica).collect()
}

fn outside(address: SocketAddr) -> Replica {
    let name = ReplicaName::new(&address.to_string());
    Replica { name, address, shard: None, uid: None, ready: true }
}

fn no_name(service: &Service) -> Mistake {
    Mistake {
        place: "spec.externalName".to_owned(),
        value: service.external_name.as_deref().unwrap_or_default().to_owned(),
        allowed:
            "a Service of the cluster; names outside it are followed only where the gateway is \
                  started with --external-names"
                .to_owned(),
        position: None,
    }
}

/// A count that cannot be kept lets keys move when a pod goes.
fn uncounted(service: &model::Service) -> Option<Mistake> {
    if service.keeps_count() {
        return None;
    }
    let allowed = match service.policy.shard_count {
        ShardCount::StatefulSet if service.desired.is_empty() => {
            "a Service whose selector selects the pods of a StatefulSet; until then the shards are \
             those that are seen"
        }
        ShardCount::StatefulSet => {
            "shards that are named as the StatefulSet's pods, and not more than 10000; until then \
             the shards are those that are seen"
        }
        ShardCount::Fixed(_) | ShardCount::Observed => {
            "`observed`, or shards named NAME-0, NAME-1 and so on, with one NAME; until then the \
             shards are those that are seen"
        }
    };
    Some(Mistake {
        place: format!("{PREFIX}shard-count"),
        value: service.policy.shard_count.to_string(),
        allowed: allowed.to_owned(),
        position: None,
    })
}

/// Replicas that a count leaves without a shard are asked for nothing, and nobody would know why.
fn beyond(service: &model::Service) -> Option<Mistake> {
    let beyond = service.beyond_count();
    let greatest = beyond.iter().map(|(_, ordinal)| *ordinal).max()?;
    Some(Mistake {
        place: format!("{PREFIX}shard-count"),
        value: service.policy.shard_count.to_string(),
        allowed: format!(
            "a number from {}, `statefulset` or `observed`; until then {} of the replicas own no key",
            greatest.saturating_add(1),
            beyond.len()
        ),
        position: None,
    })
}
