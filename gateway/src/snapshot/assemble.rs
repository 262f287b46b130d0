//! How does a declared world become a picture?

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderValue;
use percent_encoding::NON_ALPHANUMERIC;

use crate::model;
use crate::model::{ShardIndex, ShardName, World};
use crate::ring::Ring;
use crate::snapshot::{Replica, Route, Routes, Service, Shard, Snapshot};

/// The picture of `world` that comes after `before`; `ids` counts the replicas ever seen.
pub(super) fn snapshot(world: &World, before: &Snapshot, ids: &mut u64) -> Snapshot {
    let mut services: Vec<_> = Vec::with_capacity(world.services.len());
    for (place, declared) in world.services.iter().enumerate() {
        // Mostly it stands where it stood.
        let there = before.services.get(place).filter(|one| one.name == declared.name);
        let known = there.or_else(|| before.service(declared.name.as_str()));
        services.push(match known {
            Some(known) if Arc::ptr_eq(&known.declared, declared) => Arc::clone(known),
            known => Arc::new(service(declared, known, ids)),
        });
    }
    services.sort_by(|left, right| left.name.cmp(&right.name));
    let mut snapshot =
        Snapshot { version: before.version + 1, services, routes: Routes::default() };
    snapshot.routes = routes(world, &snapshot);
    snapshot
}

fn routes(world: &World, snapshot: &Snapshot) -> Routes {
    let mut routes = Routes::default();
    for declared in &world.routes {
        // A source that lets a route to nothing through has been told so when it was read.
        let Some(service) = snapshot.service(declared.service.as_str()) else { continue };
        routes.add(Route {
            host: declared.host.clone(),
            path: declared.path.clone(),
            service: Arc::clone(service),
            policy: Arc::clone(&declared.policy),
            code: declared.code.clone(),
        });
    }
    routes
}

fn service(
    declared: &Arc<model::Service>,
    before: Option<&Arc<Service>>,
    ids: &mut u64,
) -> Service {
    let slots = declared.shards();
    let mut shard_of = vec![None; declared.replicas.len()];
    for (place, (_, served_by)) in slots.iter().enumerate() {
        for replica in served_by {
            shard_of[*replica] = Some(ShardIndex::new(place));
        }
    }
    let names: Vec<ShardName> = slots.into_iter().map(|(name, _)| name).collect();
    let mut replicas = replicas(declared, &names, &shard_of, before, ids);
    replicas.sort_by(|left, right| left.name.cmp(&right.name));
    let shard = |name: &ShardName| {
        let value = header_value(name);
        Shard { name: name.clone(), value, ready: Vec::new() }
    };
    let mut shards: Vec<_> = names.iter().map(shard).collect();
    let mut ready = Vec::new();
    for (place, replica) in (0_u32..).zip(&replicas) {
        if replica.ready && declared.unserved.is_none() {
            ready.push(place);
            if let Some(shard) = replica.shard {
                shards[shard.place()].ready.push(place);
            }
        }
    }
    Service {
        name: declared.name.clone(),
        policy: Arc::clone(&declared.policy),
        ring: ring(declared, &names, before),
        replicas,
        shard_count: HeaderValue::from(shards.len()),
        shards,
        ready,
        live: before.map(|before| Arc::clone(&before.live)).unwrap_or_default(),
        declared: Arc::clone(declared),
    }
}

/// A shard's name as a header says it; what a header cannot say is percent-encoded.
fn header_value(name: &ShardName) -> HeaderValue {
    HeaderValue::from_str(name.as_str()).unwrap_or_else(|_| {
        let encoded = percent_encoding::utf8_percent_encode(name.as_str(), NON_ALPHANUMERIC);
        HeaderValue::try_from(encoded.to_string()).expect("letters, digits and per cent signs")
    })
}

/// The ring of these shards: the one from before where nothing that it depends on has changed.
fn ring(
    declared: &model::Service,
    names: &[ShardName],
    before: Option<&Arc<Service>>,
) -> Arc<Ring> {
    let algorithm = declared.policy.algorithm;
    if let Some(before) = before
        && before.ring.algorithm() == algorithm
        && before.shards.iter().map(|shard| &shard.name).eq(names)
    {
        return Arc::clone(&before.ring);
    }
    Arc::new(Ring::build(algorithm, names))
}

fn replicas(
    declared: &model::Service,
    names: &[ShardName],
    shard_of: &[Option<ShardIndex>],
    before: Option<&Arc<Service>>,
    ids: &mut u64,
) -> Vec<Arc<Replica>> {
    let known: HashMap<_, _> = before
        .iter()
        .flat_map(|service| &service.replicas)
        // A connection that was made to other conditions carries nothing more.
        .filter(|replica| replica.protocol == declared.protocol && replica.tls == declared.tls)
        .map(|replica| ((&replica.name, replica.address), replica))
        .collect();
    let resolve = |(one, shard): (&model::Replica, &Option<ShardIndex>)| {
        let known = known.get(&(&one.name, one.address));
        let (id, live) = known.map_or_else(
            || {
                *ids += 1;
                (*ids, Arc::default())
            },
            |replica| (replica.id, Arc::clone(&replica.live)),
        );
        Arc::new(Replica {
            name: one.name.clone(),
            address: one.address,
            protocol: declared.protocol,
            shard: *shard,
            shard_name: shard.map(|shard| names[shard.place()].clone()),
            shard_value: shard.map(|shard| header_value(&names[shard.place()])),
            ready: one.ready,
            tls: declared.tls.clone(),
            id,
            live,
        })
    };
    declared.replicas.iter().zip(shard_of).map(resolve).collect()
}
