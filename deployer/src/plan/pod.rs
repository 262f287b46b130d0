//! What is in a pod? As little as its programs need: no root, nothing to write to but `/tmp`, no token.
//!
//! It is what Kubernetes calls *restricted* (Pod Security Standards), and a read-only root besides.

use std::num::NonZeroU16;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::labels::Labels;
use crate::application::{
    Container, Count, Field, Mount, Permission, Port, Readiness, Resources, Transport, Value,
    Variable,
};

/// The user and the group that programs run as: nobody's, as distroless images have it.
const NOBODY: i64 = 65532;

/// What is set aside for a container that says nothing.
const CPU: &str = "50m";
const MEMORY: &str = "64Mi";

/// The volume that every container may write to.
const SCRATCH: &str = "tmp";

/// How long a pod that ends goes on answering, while the gateways hear of it.
const DRAIN_SECONDS: i64 = 5;

/// What a pod is made for.
pub(super) struct Pod<'a> {
    pub(super) labels: &'a Labels,
    pub(super) containers: &'a [Container],
    pub(super) ports: &'a [Port],
    pub(super) permissions: &'a [Permission],
    pub(super) count: Count,
    /// Where a pod is told its number.
    pub(super) index: &'static str,
    /// Whether it ends by itself.
    pub(super) ends: bool,
}

impl Pod<'_> {
    pub(super) fn template(&self) -> core::PodTemplateSpec {
        let labels = Some(self.labels.all());
        core::PodTemplateSpec {
            metadata: Some(ObjectMeta { labels, ..ObjectMeta::default() }),
            spec: Some(self.spec()),
        }
    }

    fn spec(&self) -> core::PodSpec {
        let permitted = !self.permissions.is_empty();
        let containers = self.containers.iter().enumerate();
        core::PodSpec {
            automount_service_account_token: Some(permitted),
            service_account_name: permitted.then(|| self.labels.of().to_owned()),
            enable_service_links: Some(false),
            // A program that is the first process, and handles no signal, would not end when it is asked to.
            share_process_namespace: (self.containers.len() == 1).then_some(true),
            security_context: Some(self.security()),
            containers: containers.map(|(number, one)| self.container(number, one)).collect(),
            volumes: Some(self.volumes()),
            topology_spread_constraints: self.spread(),
            restart_policy: self.ends.then(|| "OnFailure".to_owned()),
            ..core::PodSpec::default()
        }
    }

    /// Claims, each once and in order.
    fn claims(&self) -> Vec<&str> {
        let mut claims = Vec::new();
        for mount in self.containers.iter().flat_map(|one| &one.mounts) {
            if !claims.contains(&mount.claim.as_str()) {
                claims.push(mount.claim.as_str());
            }
        }
        claims
    }

    fn volumes(&self) -> Vec<core::Volume> {
        let scratch = core::Volume {
            name: SCRATCH.to_owned(),
            empty_dir: Some(core::EmptyDirVolumeSource::default()),
            ..core::Volume::default()
        };
        let claimed = self.claims().into_iter().enumerate().map(|(number, claim)| core::Volume {
            name: volume(number),
            persistent_volume_claim: Some(core::PersistentVolumeClaimVolumeSource {
                claim_name: claim.to_owned(),
                read_only: None,
            }),
            ..core::Volume::default()
        });
        std::iter::once(scratch).chain(claimed).collect()
    }

    fn mounts(&self, mounts: &[Mount]) -> Vec<core::VolumeMount> {
        let claims = self.claims();
        let scratch = core::VolumeMount {
            name: SCRATCH.to_owned(),
            mount_path: "/tmp".to_owned(),
            ..core::VolumeMount::default()
        };
        let claimed = mounts.iter().map(|Mount { claim, path, sub_path }| core::VolumeMount {
            name: volume(claims.iter().position(|one| one == claim).unwrap_or_default()),
            mount_path: path.clone(),
            sub_path: sub_path.clone(),
            ..core::VolumeMount::default()
        });
        // A claim that is seen at /tmp is there instead.
        let scratch = (!mounts.iter().any(|mount| mount.path == "/tmp")).then_some(scratch);
        scratch.into_iter().chain(claimed).collect()
    }

    fn security(&self) -> core::PodSecurityContext {
        let low = self.ports.iter().any(|port| port.number.get() < 1024);
        let low = low.then(|| {
            let name = "net.ipv4.ip_unprivileged_port_start".to_owned();
            vec![core::Sysctl { name, value: "0".to_owned() }]
        });
        core::PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(NOBODY),
            run_as_group: Some(NOBODY),
            fs_group: Some(NOBODY),
            seccomp_profile: Some(core::SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                localhost_profile: None,
            }),
            sysctls: low,
            ..core::PodSecurityContext::default()
        }
    }

    /// Over nodes and zones, as far as there are any.
    fn spread(&self) -> Option<Vec<core::TopologySpreadConstraint>> {
        let over = |key: &str| core::TopologySpreadConstraint {
            max_skew: 1,
            topology_key: key.to_owned(),
            when_unsatisfiable: "ScheduleAnyway".to_owned(),
            label_selector: Some(self.labels.selector()),
            ..core::TopologySpreadConstraint::default()
        };
        let keys = ["kubernetes.io/hostname", "topology.kubernetes.io/zone"];
        (self.count > Count::ONE).then(|| keys.map(over).into())
    }

    fn container(&self, number: usize, one: &Container) -> core::Container {
        let Container { image, command, args, env, mounts, resources, readiness } = one;
        let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
        // The first is the one that listens: the others may, but nobody said so.
        let ports = if number == 0 { self.ports } else { &[] };
        core::Container {
            name: format!("{}-{number}", self.labels.of()),
            image: Some(image.to_string()),
            command: some(command),
            args: some(args),
            env: (!env.is_empty()).then(|| env.iter().map(|one| self.variable(one)).collect()),
            ports: (!ports.is_empty())
                .then(|| ports.iter().map(|port| container_port(port, ports)).collect()),
            resources: Some(requirements(resources)),
            readiness_probe: readiness.clone().or_else(|| opened(ports)).map(|it| probe(&it)),
            lifecycle: (!ports.is_empty()).then(drain),
            security_context: Some(core::SecurityContext {
                allow_privilege_escalation: Some(false),
                read_only_root_filesystem: Some(true),
                capabilities: Some(core::Capabilities {
                    drop: Some(vec!["ALL".to_owned()]),
                    add: None,
                }),
                ..core::SecurityContext::default()
            }),
            volume_mounts: Some(self.mounts(mounts)),
            ..core::Container::default()
        }
    }

    fn variable(&self, variable: &Variable) -> core::EnvVar {
        let from = match &variable.value {
            Value::Plain(text) => {
                let value = Some(to_the_letter(text));
                return core::EnvVar { name: variable.name.to_string(), value, value_from: None };
            }
            Value::Secret { name, key } => core::EnvVarSource {
                secret_key_ref: Some(core::SecretKeySelector {
                    name: name.clone(),
                    key: key.clone(),
                    optional: None,
                }),
                ..core::EnvVarSource::default()
            },
            Value::Field(field) => {
                let path = match field {
                    Field::PodName => "metadata.name",
                    Field::PodAddress => "status.podIP",
                    Field::Namespace => "metadata.namespace",
                    Field::Index => self.index,
                };
                core::EnvVarSource {
                    field_ref: Some(core::ObjectFieldSelector {
                        api_version: Some("v1".to_owned()),
                        field_path: path.to_owned(),
                    }),
                    ..core::EnvVarSource::default()
                }
            }
        };
        core::EnvVar { name: variable.name.to_string(), value: None, value_from: Some(from) }
    }
}

/// A port's name in a pod and in its Service: the first one that the gateway may ask is `http`.
pub(super) fn port_name(port: &Port, all: &[Port]) -> String {
    if asked(all) == Some(port) {
        return "http".to_owned();
    }
    format!("{}-{}", port.transport.as_str().to_lowercase(), port.number)
}

/// The port that the gateway asks.
pub(super) fn asked(ports: &[Port]) -> Option<&Port> {
    ports.iter().find(|port| port.transport == Transport::Tcp)
}

/// Kubernetes puts other variables in for `$(NAME)`, and reads `$$` as `$`: a value is meant as it stands.
fn to_the_letter(text: &str) -> String {
    if text.contains("$(") || text.contains("$$") {
        text.replace('$', "$$")
    } else {
        text.to_owned()
    }
}

fn volume(number: usize) -> String {
    format!("volume-{number}")
}

fn requirements(resources: &Resources) -> core::ResourceRequirements {
    let Resources { cpu, memory, memory_most } = resources;
    let said = |amount: &Option<_>, otherwise: &str| {
        Quantity(amount.as_ref().map_or_else(|| otherwise.to_owned(), ToString::to_string))
    };
    // What is set aside is at most what is allowed.
    let memory = memory.as_ref().or(memory_most.as_ref()).cloned();
    let requests =
        [("cpu".to_owned(), said(cpu, CPU)), ("memory".to_owned(), said(&memory, MEMORY))];
    let limits = memory_most.as_ref();
    core::ResourceRequirements {
        requests: Some(requests.into()),
        limits: limits.map(|most| [("memory".to_owned(), Quantity(most.to_string()))].into()),
        claims: None,
    }
}

fn opened(ports: &[Port]) -> Option<Readiness> {
    asked(ports).map(|port| Readiness { path: None, port: port.number })
}

fn probe(readiness: &Readiness) -> core::Probe {
    let Readiness { path, port } = readiness;
    let port = IntOrString::Int(number(*port));
    let (http_get, tcp_socket) = match path {
        Some(path) => {
            let path = Some(path.clone());
            (Some(core::HTTPGetAction { path, port, ..core::HTTPGetAction::default() }), None)
        }
        None => (None, Some(core::TCPSocketAction { port, host: None })),
    };
    core::Probe { http_get, tcp_socket, period_seconds: Some(2), ..core::Probe::default() }
}

fn drain() -> core::Lifecycle {
    core::Lifecycle {
        pre_stop: Some(core::LifecycleHandler {
            sleep: Some(core::SleepAction { seconds: DRAIN_SECONDS }),
            ..core::LifecycleHandler::default()
        }),
        ..core::Lifecycle::default()
    }
}

fn container_port(port: &Port, all: &[Port]) -> core::ContainerPort {
    core::ContainerPort {
        name: Some(port_name(port, all)),
        container_port: number(port.number),
        protocol: Some(port.transport.as_str().to_owned()),
        ..core::ContainerPort::default()
    }
}

pub(super) fn number(port: NonZeroU16) -> i32 {
    i32::from(port.get())
}
