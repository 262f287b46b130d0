//! By which hosts and paths does the gateway lead to a service?

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::networking::v1 as networking;

use super::labels::Labels;
use super::object::Object;
use super::pod::{asked, number, port_name};
use crate::application::{Alias, Exposure, Path, Service};

/// The class of the gateway.
pub const CLASS: &str = "metaparticle";

/// An Ingress for all hosts, and for each other name a Service that leads to the gateway.
pub(super) fn objects(labels: &Labels, service: &Service) -> Vec<Object> {
    let Some(port) = asked(&service.ports) else { return Vec::new() };
    let backend = networking::IngressServiceBackend {
        name: labels.of().to_owned(),
        port: Some(networking::ServiceBackendPort {
            name: Some(port_name(port, &service.ports)),
            number: None,
        }),
    };
    let rules: Vec<_> =
        hosts(service).into_iter().map(|(host, path)| rule(host, &path, &backend)).collect();
    let mut objects: Vec<_> =
        service.aliases.iter().map(|alias| leading(labels, alias, number(port.number))).collect();
    if !rules.is_empty() {
        objects.push(Object::of(&networking::Ingress {
            metadata: labels.head(labels.of()),
            spec: Some(networking::IngressSpec {
                ingress_class_name: Some(CLASS.to_owned()),
                rules: Some(rules),
                ..networking::IngressSpec::default()
            }),
            status: None,
        }));
    }
    objects
}

/// Each host (`None`: any) with what its paths begin with.
fn hosts(service: &Service) -> Vec<(Option<String>, Path)> {
    let mut hosts = Vec::new();
    for Alias { name, namespace, .. } in &service.aliases {
        let forms = namespace.iter().flat_map(|namespace| {
            ["", ".svc", ".svc.cluster.local"].map(|end| format!("{name}.{namespace}{end}"))
        });
        let forms = std::iter::once(name.to_string()).chain(forms);
        hosts.extend(forms.map(|host| (Some(host), Path::default())));
    }
    if let Exposure::Public(public) = &service.exposure {
        let named = public.hosts.iter().map(|host| Some(host.to_string()));
        let all = named.chain(public.any_host.then_some(None));
        hosts.extend(all.map(|host| (host, public.path.clone())));
    }
    hosts
}

fn rule(
    host: Option<String>,
    path: &Path,
    backend: &networking::IngressServiceBackend,
) -> networking::IngressRule {
    let path = networking::HTTPIngressPath {
        path: Some(path.as_str().to_owned()),
        path_type: "Prefix".to_owned(),
        backend: networking::IngressBackend {
            service: Some(backend.clone()),
            ..networking::IngressBackend::default()
        },
    };
    networking::IngressRule {
        host,
        http: Some(networking::HTTPIngressRuleValue { paths: vec![path] }),
    }
}

fn leading(labels: &Labels, alias: &Alias, port: i32) -> Object {
    Object::of(&core::Service {
        metadata: labels.head(alias.name.as_str()),
        spec: Some(core::ServiceSpec {
            type_: Some("ExternalName".to_owned()),
            external_name: Some(alias.gateway.to_string()),
            ports: Some(vec![core::ServicePort {
                name: Some("http".to_owned()),
                port,
                protocol: Some("TCP".to_owned()),
                ..core::ServicePort::default()
            }]),
            ..core::ServiceSpec::default()
        }),
        status: None,
    })
}
