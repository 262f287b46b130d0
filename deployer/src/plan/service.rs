//! Under which name, and how, do requests find a service's instances?
//!
//! The gateway's words stand here as annotations: only those that say something else than the default.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use metaparticle_gateway::words::labels::PREFIX;
use metaparticle_gateway::words::{Policy, Protocol, table};

use super::labels::Labels;
use super::object::Object;
use super::pod::{number, port_name};
use crate::application::{Exposure, Instances, Port, Service};

/// Its Service, where it listens or its instances need names.
pub(super) fn object(labels: &Labels, service: &Service) -> Option<Object> {
    let headless = matches!(service.instances, Instances::Numbered(_));
    if service.ports.is_empty() && !headless {
        return None;
    }
    let balancer = service.exposure == Exposure::LoadBalancer;
    let mut metadata = labels.head(labels.of());
    metadata.annotations = annotations(&service.policy);
    let ports: Vec<_> =
        service.ports.iter().map(|port| service_port(port, &service.ports)).collect();
    Some(Object::of(&core::Service {
        metadata,
        spec: Some(core::ServiceSpec {
            type_: balancer.then(|| "LoadBalancer".to_owned()),
            cluster_ip: headless.then(|| "None".to_owned()),
            selector: labels.selecting(),
            ports: (!ports.is_empty()).then_some(ports),
            ..core::ServiceSpec::default()
        }),
        status: None,
    }))
}

fn annotations(policy: &Policy) -> Option<BTreeMap<String, String>> {
    let words = table().iter().map(|word| (word, word.show(policy)));
    let said = words.filter(|(word, value)| value != word.default);
    let said: BTreeMap<_, _> =
        said.map(|(word, value)| (format!("{PREFIX}{}", word.name), value)).collect();
    (!said.is_empty()).then_some(said)
}

fn service_port(port: &Port, all: &[Port]) -> core::ServicePort {
    let name = port_name(port, all);
    core::ServicePort {
        app_protocol: app_protocol(port.speaks).map(str::to_owned),
        port: number(port.number),
        protocol: Some(port.transport.as_str().to_owned()),
        target_port: Some(IntOrString::String(name.clone())),
        name: Some(name),
        ..core::ServicePort::default()
    }
}

/// As Kubernetes calls what is spoken, where it is not what is spoken anyway.
fn app_protocol(speaks: Protocol) -> Option<&'static str> {
    match speaks {
        Protocol::Http1 => None,
        Protocol::H2c => Some("kubernetes.io/h2c"),
        Protocol::Https => Some("https"),
    }
}
