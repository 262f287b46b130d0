//! What of a Kubernetes object does the gateway need? A record of a few words, made in the stream in
//! which the object comes, so that a cluster of thousands of Services costs megabytes, not hundreds.
//!
//! A record is compared with the one before: what else changed of an object is no change here.

mod endpoints;
mod ingress;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::networking::v1 as networking;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::words::labels;

pub(super) use self::endpoints::{Endpoint, Slice, endpoints, slice};
pub(super) use self::ingress::{Backend, Ingress, PortRef, Tls, ingress};

/// Which object, of its kind; the namespace of a kind that has none is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) namespace: Arc<str>,
    pub(super) name: Arc<str>,
}

impl Id {
    pub(super) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: Arc::from(namespace), name: Arc::from(name) }
    }

    pub(super) fn of(meta: &ObjectMeta) -> Self {
        Self::new(text(meta.namespace.as_ref()), text(meta.name.as_ref()))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, name } = self;
        if namespace.is_empty() { f.write_str(name) } else { write!(f, "{namespace}/{name}") }
    }
}

/// Names and values, in the order of the names.
pub(super) type Pairs = Box<[(Box<str>, Box<str>)]>;

/// A Service.
#[derive(Debug, PartialEq)]
pub(super) struct Service {
    pub(super) uid: Arc<str>,
    /// What its annotations say, without their prefix.
    pub(super) words: Pairs,
    pub(super) ports: Box<[Port]>,
    pub(super) selector: Pairs,
    /// The name that an `ExternalName` stands for.
    pub(super) external_name: Option<Box<str>>,
    /// `publishNotReadyAddresses`
    pub(super) not_ready_too: bool,
    /// Whether IPv6 is its first family.
    pub(super) prefers_v6: bool,
    /// Where others reach it: at addresses of its own outside, at its load balancer, or, where it wants
    /// neither, in the cluster.
    pub(super) addresses: Box<[Box<str>]>,
}

impl Service {
    /// Who it is, and what its annotations say.
    pub(super) fn says(&self) -> (&Arc<str>, &Pairs) {
        (&self.uid, &self.words)
    }
}

/// A port of a Service.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Port {
    pub(super) name: Option<Box<str>>,
    pub(super) number: u16,
    /// Where its pods listen, as far as the Service says it.
    pub(super) target: u16,
    pub(super) speaks: Speaks,
}

/// What is spoken at a port (`appProtocol`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Speaks {
    /// HTTP/1.1, and what it is upgraded to; also whatever the gateway does not know.
    Http1,
    /// HTTP/2 with prior knowledge.
    H2c,
    /// TLS.
    Tls,
}

impl Speaks {
    fn of(app_protocol: Option<&String>) -> Self {
        match app_protocol.map(|word| word.to_ascii_lowercase()).as_deref() {
            Some("kubernetes.io/h2c" | "h2c" | "grpc") => Self::H2c,
            Some("https" | "kubernetes.io/wss" | "wss") => Self::Tls,
            _ => Self::Http1,
        }
    }
}

/// An IngressClass.
#[derive(Debug, PartialEq)]
pub(super) struct Class {
    /// Who serves it.
    pub(super) controller: Box<str>,
    /// Whether it is meant where no class is named.
    pub(super) default: bool,
    /// When it was made, in seconds since 1970: of several defaults the newest is meant.
    pub(super) created: i64,
}

/// A StatefulSet.
#[derive(Debug, PartialEq)]
pub(super) struct Set {
    /// The number of the first pod.
    pub(super) first: u32,
    /// How many pods are desired.
    pub(super) count: u32,
    /// The labels of its pods.
    pub(super) labels: Pairs,
}

/// A pod that says which shard it serves.
#[derive(Debug, PartialEq)]
pub(super) struct Pod {
    pub(super) uid: Box<str>,
    pub(super) shard: Arc<str>,
}

const DEFAULT_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";

pub(super) fn service(object: &core::Service) -> Service {
    let meta = &object.metadata;
    let spec = object.spec.as_ref();
    let ports = spec.and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let families = spec.and_then(|spec| spec.ip_families.as_deref()).unwrap_or_default();
    let external = spec.filter(|spec| spec.type_.as_deref() == Some("ExternalName"));
    let external = external.and_then(|spec| spec.external_name.as_deref());
    Service {
        uid: Arc::from(text(meta.uid.as_ref())),
        words: words(meta),
        ports: ports.iter().filter_map(port).collect(),
        selector: pairs(spec.and_then(|spec| spec.selector.as_ref())),
        external_name: external.map(|name| name.trim_end_matches('.').into()),
        not_ready_too: spec.and_then(|spec| spec.publish_not_ready_addresses) == Some(true),
        prefers_v6: families.first().is_some_and(|family| family == "IPv6"),
        addresses: addresses(object),
    }
}

fn port(port: &core::ServicePort) -> Option<Port> {
    is_tcp(port.protocol.as_ref()).then_some(())?;
    let name = port.name.as_deref().filter(|name| !name.is_empty()).map(Box::from);
    let number = u16::try_from(port.port).ok()?;
    let target = match &port.target_port {
        Some(IntOrString::Int(target)) => u16::try_from(*target).ok(),
        _ => None,
    };
    let speaks = Speaks::of(port.app_protocol.as_ref());
    Some(Port { name, number, target: target.unwrap_or(number), speaks })
}

fn is_tcp(protocol: Option<&String>) -> bool {
    protocol.is_none_or(|protocol| protocol == "TCP")
}

fn addresses(object: &core::Service) -> Box<[Box<str>]> {
    let spec = object.spec.as_ref();
    let own = spec.and_then(|spec| spec.external_ips.as_deref()).unwrap_or_default();
    let balancer = object.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let balancer = balancer.and_then(|balancer| balancer.ingress.as_deref()).unwrap_or_default();
    let balancer = balancer.iter().filter_map(|one| one.ip.as_deref().or(one.hostname.as_deref()));
    let outside: Box<[_]> = own.iter().map(String::as_str).chain(balancer).map(Box::from).collect();
    // While a load balancer is awaited, an address that only the cluster reaches would mislead.
    let kind = spec.and_then(|spec| spec.type_.as_deref()).unwrap_or("ClusterIP");
    if !outside.is_empty() || kind != "ClusterIP" {
        return outside;
    }
    let inside = spec.and_then(|spec| spec.cluster_ips.as_deref()).unwrap_or_default();
    inside.iter().filter(|ip| *ip != "None").map(|ip| Box::from(ip.as_str())).collect()
}

pub(super) fn class(object: &networking::IngressClass) -> Class {
    let controller = object.spec.as_ref().and_then(|spec| spec.controller.as_deref());
    let default = object.metadata.annotations.as_ref().and_then(|all| all.get(DEFAULT_CLASS));
    Class {
        controller: controller.unwrap_or_default().into(),
        default: default.is_some_and(|value| value == "true"),
        created: created(&object.metadata),
    }
}

pub(super) fn set(object: &apps::StatefulSet) -> Option<Set> {
    let spec = object.spec.as_ref()?;
    let number = |number: Option<i32>, otherwise| {
        u32::try_from(number.unwrap_or(otherwise)).unwrap_or_default()
    };
    let first = spec.ordinals.as_ref().and_then(|ordinals| ordinals.start);
    let labels = spec.template.metadata.as_ref().and_then(|meta| meta.labels.as_ref());
    Some(Set { first: number(first, 0), count: number(spec.replicas, 1), labels: pairs(labels) })
}

pub(super) fn pod(meta: &ObjectMeta) -> Option<Pod> {
    let shard = shard(meta)?;
    Some(Pod { uid: text(meta.uid.as_ref()).into(), shard })
}

/// The uid of a pod that belongs to a StatefulSet, or did.
pub(super) fn member(meta: &ObjectMeta) -> Box<str> {
    text(meta.uid.as_ref()).into()
}

/// The shard that an object's label names.
fn shard(meta: &ObjectMeta) -> Option<Arc<str>> {
    let shard = meta.labels.as_ref()?.get(labels::SHARD_LABEL)?;
    (!shard.is_empty()).then(|| Arc::from(shard.as_str()))
}

/// What an object's annotations say, without the prefix.
fn words(meta: &ObjectMeta) -> Pairs {
    let annotations = meta.annotations.iter().flatten();
    annotations
        .filter_map(|(name, value)| {
            Some((name.strip_prefix(labels::PREFIX)?.into(), value.as_str().into()))
        })
        .collect()
}

fn pairs(map: Option<&BTreeMap<String, String>>) -> Pairs {
    let pairs = map.into_iter().flatten();
    pairs.map(|(name, value)| (name.as_str().into(), value.as_str().into())).collect()
}

/// When the object was made, in seconds since 1970.
fn created(meta: &ObjectMeta) -> i64 {
    meta.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second())
}

fn text(text: Option<&String>) -> &str {
    text.map(String::as_str).unwrap_or_default()
}
