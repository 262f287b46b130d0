//! Who answers at a port of a Service? Its slices, joined as kube-proxy joins them.
//!
//! A pod counts once, in however many slices it is, and in both families of addresses. Who is ready is
//! asked; where nobody is, who is ending but still serves.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::digest::{Endpoint, Port, Service, Slice};

#[cfg(test)]
mod tests;

/// Who answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) address: SocketAddr,
    /// The pod's name and uid.
    pub(super) target: Option<(Arc<str>, Arc<str>)>,
    pub(super) hostname: Option<Arc<str>>,
    /// The shard that its slice names.
    pub(super) shard: Option<Arc<str>>,
    /// Whether it is asked.
    pub(super) ready: bool,
    /// Whether it is on its way out, and not needed any more.
    pub(super) ending: bool,
}

impl Found {
    /// What it is called: as its pod, or after its address.
    pub(super) fn name(&self) -> Arc<str> {
        let address = || Arc::from(self.address.to_string());
        self.target.as_ref().map_or_else(address, |(name, _)| Arc::clone(name))
    }
}

/// One endpoint of one slice, at the port that was asked for.
#[derive(Clone, Copy)]
struct Seen<'s> {
    endpoint: &'s Endpoint,
    port: u16,
    slice: &'s Slice,
}

impl Seen<'_> {
    /// Which of two that are one pod is believed: the one of the service's first family, then the one
    /// that says more good of it, as while a pod moves between slices one is behind; then the lower
    /// address, so that all gateways choose the same.
    fn rank(&self, service: &Service) -> impl Ord + use<> {
        let Endpoint { address, ready, serving, terminating, .. } = self.endpoint;
        let foreign = address.is_ipv6() != service.prefers_v6;
        (foreign, !*ready, !*serving, *terminating, *address, self.port)
    }
}

/// Everybody at `port` of `service`, by name.
pub(super) fn join<'s>(
    service: &Service,
    port: &Port,
    slices: impl IntoIterator<Item = &'s Slice>,
) -> Vec<Found> {
    let mut best = HashMap::<_, Seen<'_>>::new();
    for slice in slices {
        // One name may be another number in another slice, as pods are of another version.
        let number = slice.ports.iter().find(|(name, _)| *name == port.name);
        let Some((_, number)) = number else { continue };
        for endpoint in &slice.endpoints {
            let seen = Seen { endpoint, port: *number, slice };
            let who = endpoint.target.as_ref().map_or_else(
                || Err(SocketAddr::new(endpoint.address, *number)),
                |(_, uid)| Ok(uid),
            );
            let best = best.entry(who).or_insert(seen);
            if seen.rank(service) < best.rank(service) {
                *best = seen;
            }
        }
    }
    let is_ready = |one: &Seen<'_>| one.endpoint.ready || service.not_ready_too;
    let nobody = !best.values().any(is_ready);
    let found = best.into_values().map(|seen| {
        let Endpoint { address, target, hostname, serving, terminating, .. } = seen.endpoint;
        let last = nobody && *serving && *terminating;
        Found {
            address: SocketAddr::new(*address, seen.port),
            target: target.clone(),
            hostname: hostname.clone(),
            shard: seen.slice.shard.clone(),
            ready: is_ready(&seen) || last,
            ending: *terminating && !last,
        }
    });
    by_name(found.collect())
}

/// In the order of their names; of a pod that was replaced under its name the new one.
fn by_name(mut found: Vec<Found>) -> Vec<Found> {
    let rank = |one: &Found| (!one.ready, one.ending, one.address);
    found.sort_by_cached_key(|one| (one.name(), rank(one)));
    found.dedup_by(|later, first| later.name() == first.name());
    found
}
