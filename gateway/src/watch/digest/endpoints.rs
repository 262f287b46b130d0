//! Who answers for a Service? EndpointSlices, and the Endpoints that were before them.

use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as discovery;

/// The label that says whose slice it is.
const SERVICE: &str = "kubernetes.io/service-name";

/// An EndpointSlice, or a subset of an Endpoints object.
#[derive(Debug, PartialEq)]
pub(in crate::watch) struct Slice {
    /// The Service's name; it is in the same namespace.
    pub(in crate::watch) service: Arc<str>,
    /// Each port's name, and its number at these endpoints.
    pub(in crate::watch) ports: Box<[(Option<Box<str>>, u16)]>,
    /// The shard that all of them serve, where the slice says so.
    pub(in crate::watch) shard: Option<Arc<str>>,
    pub(in crate::watch) endpoints: Box<[Endpoint]>,
}

/// One address of a slice.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::watch) struct Endpoint {
    pub(in crate::watch) address: IpAddr,
    /// The pod's name and uid.
    pub(in crate::watch) target: Option<(Arc<str>, Arc<str>)>,
    pub(in crate::watch) hostname: Option<Arc<str>>,
    pub(in crate::watch) ready: bool,
    pub(in crate::watch) serving: bool,
    pub(in crate::watch) terminating: bool,
}

pub(in crate::watch) fn slice(object: &discovery::EndpointSlice) -> Option<Slice> {
    let service = object.metadata.labels.as_ref()?.get(SERVICE)?;
    let ports = object.ports.as_deref().unwrap_or_default();
    let ports = ports.iter().filter(|port| super::is_tcp(port.protocol.as_ref()));
    Some(Slice {
        service: Arc::from(service.as_str()),
        ports: ports.filter_map(|one| port(one.name.as_ref(), one.port?)).collect(),
        shard: super::shard(&object.metadata),
        endpoints: object.endpoints.iter().filter_map(endpoint).collect(),
    })
}

fn port(name: Option<&String>, number: i32) -> Option<(Option<Box<str>>, u16)> {
    let name = name.filter(|name| !name.is_empty()).map(|name| name.as_str().into());
    Some((name, u16::try_from(number).ok()?))
}

fn endpoint(object: &discovery::Endpoint) -> Option<Endpoint> {
    let conditions = object.conditions.as_ref();
    // All addresses of an endpoint are the same; the API lets nobody rely on more than the first.
    let address = object.addresses.first()?.parse().ok()?;
    let target = target(object.target_ref.as_ref());
    Some(Endpoint {
        address,
        hostname: hostname(object.hostname.as_ref(), target.as_ref()),
        target,
        // What is not said: it is ready, it serves, it does not end.
        ready: conditions.and_then(|all| all.ready).unwrap_or(true),
        serving: conditions.and_then(|all| all.serving).unwrap_or(true),
        terminating: conditions.and_then(|all| all.terminating).unwrap_or(false),
    })
}

fn target(target: Option<&core::ObjectReference>) -> Option<(Arc<str>, Arc<str>)> {
    let target = target.filter(|target| target.kind.as_deref() == Some("Pod"))?;
    Some((Arc::from(target.name.as_deref()?), Arc::from(target.uid.as_deref()?)))
}

/// The hostname; mostly it is the pod's name, and then that very text.
fn hostname(name: Option<&String>, target: Option<&(Arc<str>, Arc<str>)>) -> Option<Arc<str>> {
    let name = name.filter(|name| !name.is_empty())?;
    match target {
        Some((pod, _)) if **pod == **name => Some(Arc::clone(pod)),
        _ => Some(Arc::from(name.as_str())),
    }
}

/// An Endpoints object as slices: one a subset.
pub(in crate::watch) fn endpoints(object: &core::Endpoints) -> Vec<Slice> {
    let service: Arc<str> = Arc::from(super::text(object.metadata.name.as_ref()));
    let subset = |subset: &core::EndpointSubset| {
        let ports = subset.ports.as_deref().unwrap_or_default();
        let ports = ports.iter().filter(|port| super::is_tcp(port.protocol.as_ref()));
        let ready = subset.addresses.iter().flatten().filter_map(|one| address(one, true));
        let others = subset.not_ready_addresses.iter().flatten();
        Slice {
            service: Arc::clone(&service),
            ports: ports.filter_map(|one| port(one.name.as_ref(), one.port)).collect(),
            shard: super::shard(&object.metadata),
            endpoints: ready.chain(others.filter_map(|one| address(one, false))).collect(),
        }
    };
    object.subsets.iter().flatten().map(subset).collect()
}

fn address(object: &core::EndpointAddress, ready: bool) -> Option<Endpoint> {
    let target = target(object.target_ref.as_ref());
    Some(Endpoint {
        address: object.ip.parse().ok()?,
        hostname: hostname(object.hostname.as_ref(), target.as_ref()),
        target,
        ready,
        serving: ready,
        terminating: false,
    })
}
