//! Who answers for a Service, as which shards? A port of a Service as a service of the model.

use std::net::SocketAddr;
use std::sync::Arc;

use super::cluster::Cluster;
use super::digest::{Id, Port, Service, Speaks};
use super::identity;
use super::ingress::Target;
use super::slices::{self, Found};
use crate::model::{self, Replica, ReplicaName, ServiceName, StatefulSet};
use crate::words::labels::PREFIX;
use crate::words::{Mistake, Policy, Protocol, ShardCount};

/// A service, and what is wrong with its Service.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) service: Arc<model::Service>,
    pub(super) target: Target,
    pub(super) mistakes: Vec<Mistake>,
}

/// Builds the service called `name`. Who answers nothing that is there has no replicas.
pub(super) fn build(
    name: &ServiceName,
    target: &Target,
    policy: &Arc<Policy>,
    cluster: &Cluster,
) -> Built {
    let mut service = model::Service {
        name: name.clone(),
        policy: Arc::clone(policy),
        protocol: Protocol::default(),
        replicas: Vec::new(),
        desired: Vec::new(),
    };
    let mut mistakes = Vec::new();
    let found = cluster.services.get(&target.service).zip(target.port.as_ref());
    if let Some((declared, port)) = found {
        let sets = cluster.sets_of(&target.service, declared);
        let desired = sets.iter().map(|(id, set)| StatefulSet {
            stem: Arc::clone(&id.name),
            first: set.first,
            count: set.count,
        });
        service.desired = desired.collect();
        match port.speaks {
            Speaks::Http1 => {}
            Speaks::H2c => service.protocol = Protocol::H2c,
            Speaks::Tls => mistakes.push(no_tls(port)),
        }
        if declared.external_name.is_some() && !cluster.external_names {
            mistakes.push(no_name(declared));
        }
        if port.speaks != Speaks::Tls {
            service.replicas = replicas(&target.service, declared, port, &service, cluster);
        }
        mistakes.extend(uncounted(&service));
    }
    Built { service: Arc::new(service), target: target.clone(), mistakes }
}

/// Whether nothing that requests see is different.
pub(super) fn is_same(one: &model::Service, other: &model::Service) -> bool {
    let model::Service { name, policy, protocol, replicas, desired } = one;
    let same_words = Arc::ptr_eq(policy, &other.policy) && *name == other.name;
    same_words
        && *protocol == other.protocol
        && *replicas == other.replicas
        && *desired == other.desired
}

fn replicas(
    id: &Id,
    declared: &Service,
    port: &Port,
    service: &model::Service,
    cluster: &Cluster,
) -> Vec<Replica> {
    if let Some(name) = &declared.external_name {
        let known = cluster.resolved.get(name).map(Vec::as_slice).unwrap_or_default();
        let outside = known.iter().map(|ip| outside(SocketAddr::new(*ip, port.number)));
        return outside.collect();
    }
    let stems: Vec<_> = service.desired.iter().map(|set| Arc::clone(&set.stem)).collect();
    let found = slices::join(declared, port, cluster.slices_of(id));
    // A pod is shown once; of labels only those of the very pod count.
    let label = |found: &Found| {
        let (name, uid) = found.target.as_ref()?;
        let pod = Id { namespace: Arc::clone(&id.namespace), name: Arc::clone(name) };
        let pod = cluster.pods.get(&pod).filter(|pod| *pod.uid == **uid);
        pod.map(|pod| Arc::clone(&pod.shard))
    };
    let replica = |found: Found| {
        let identity = service.policy.identity;
        let shard = identity::shard(&found, identity, label(&found).as_ref(), &stems);
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

fn no_tls(port: &Port) -> Mistake {
    Mistake {
        place: format!("spec.ports[{}].appProtocol", port.number),
        value: "https".to_owned(),
        allowed:
            "http, kubernetes.io/ws or kubernetes.io/h2c: the gateway speaks no TLS to replicas, \
                  and sends nothing in clear to who expects it"
                .to_owned(),
        position: None,
    }
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
