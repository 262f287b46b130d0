//! Which requests go where? The Ingresses of our classes as routes.
//!
//! Of two that want the same host and path the older one has it, and the other is told so. What an
//! Ingress says for requests that no rule matches stands behind all rules.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::annotations::Book;
use super::cluster::Cluster;
use super::digest::{Backend, Id, Ingress, Port, PortRef, Service};
use super::report::{Kind, Report};
use crate::model::{Code, Host, Path, Route, ServiceName};
use crate::words::{Mistake, suggestion};

#[cfg(test)]
mod tests;

/// A port of a Service that routes lead to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    pub(super) service: Id,
    /// None where the Service, or the port, is not there.
    pub(super) port: Option<Port>,
}

/// What the Ingresses want.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) routes: Vec<Route>,
    pub(super) targets: BTreeMap<ServiceName, Target>,
    pub(super) reports: Vec<Report>,
    /// Our Ingresses, the oldest first.
    pub(super) ours: Vec<Id>,
}

/// How classes are recognised.
#[derive(Debug)]
pub(super) enum Classes {
    /// By the IngressClasses whose controller this gateway is.
    Watched,
    /// By this name: IngressClasses are not seen from one namespace.
    Named(Box<str>),
}

impl Classes {
    /// Whether the Ingress is for this gateway.
    fn have(&self, ingress: &Ingress, cluster: &Cluster) -> bool {
        match (self, &ingress.class) {
            (Self::Named(ours), Some(class)) => class == ours,
            (Self::Named(_), None) => false,
            (Self::Watched, Some(class)) => {
                cluster.classes.get(&Id::new("", class)).is_some_and(|class| class.ours)
            }
            (Self::Watched, None) => {
                cluster.classes.iter().any(|(_, class)| class.ours && class.default)
            }
        }
    }
}

/// The plan of all Ingresses of `classes`.
pub(super) fn plan(cluster: &Cluster, classes: &Classes, services: &Book, said: &Book) -> Plan {
    let all = cluster.ingresses.iter();
    let mut ours: Vec<_> = all.filter(|(_, one)| classes.have(one, cluster)).collect();
    ours.sort_by_key(|(id, one)| (one.created, *id));
    let mut planner = Planner {
        cluster,
        services,
        said,
        plan: Plan { ours: ours.iter().map(|(id, _)| (*id).clone()).collect(), ..Plan::default() },
        taken: HashMap::new(),
        policies: HashMap::new(),
    };
    for (id, ingress) in &ours {
        planner.rules(id, ingress);
    }
    for (id, ingress) in &ours {
        planner.default(id, ingress);
    }
    planner.plan
}

struct Planner<'c> {
    cluster: &'c Cluster,
    services: &'c Book,
    said: &'c Book,
    plan: Plan,
    taken: HashMap<(Host, Path), Id>,
    policies: HashMap<(Id, ServiceName), Arc<crate::words::Policy>>,
}

impl Planner<'_> {
    fn rules(&mut self, id: &Id, ingress: &Ingress) {
        let mut mistakes = self.said.mistakes(id).to_vec();
        for (rule_place, rule) in ingress.rules.iter().enumerate() {
            let host = host(rule.host.as_deref());
            for (path_place, rule) in rule.paths.iter().enumerate() {
                let place = format!("spec.rules[{rule_place}].http.paths[{path_place}]");
                let Some(path) = path(&rule.path, rule.exact) else {
                    let allowed = "a path as it is sent: visible ASCII characters, no `?`, no `#`";
                    mistakes.push(mistake(&format!("{place}.path"), &rule.path, allowed));
                    continue;
                };
                let place = format!("{place}.backend");
                let Some(service) = self.target(id, &place, &rule.backend, &mut mistakes) else {
                    continue;
                };
                let by =
                    self.taken.entry((host.clone(), path.clone())).or_insert_with(|| id.clone());
                if by != id {
                    let allowed = format!("a host and path that no older Ingress has: {by} does");
                    mistakes.push(mistake(&place, &rule.path, &allowed));
                    continue;
                }
                self.add(id, host.clone(), path, service);
            }
        }
        report(&mut self.plan.reports, id, ingress, mistakes);
    }

    /// What no rule matches: for its own hosts, which are chosen before paths are, and for all others.
    fn default(&mut self, id: &Id, ingress: &Ingress) {
        let Some(backend) = &ingress.default else { return };
        let mut mistakes = Vec::new();
        if let Some(service) = self.target(id, "spec.defaultBackend", backend, &mut mistakes) {
            let hosts = ingress.rules.iter().map(|rule| host(rule.host.as_deref()));
            for host in hosts.chain([Host::Any]) {
                let root = (host, Path::Prefix(Arc::from("")));
                if !self.taken.contains_key(&root) {
                    self.taken.insert(root.clone(), id.clone());
                    self.add(id, root.0, root.1, service.clone());
                }
            }
        }
        report(&mut self.plan.reports, id, ingress, mistakes);
    }

    fn add(&mut self, id: &Id, host: Host, path: Path, service: ServiceName) {
        let (services, said, targets) = (self.services, self.said, &self.plan.targets);
        let policy = self.policies.entry((id.clone(), service.clone())).or_insert_with(|| {
            let base = targets.get(&service).map(|target| services.policy(&target.service));
            said.on_top(id, base.expect("a route has a target"))
        });
        let policy = Arc::clone(policy);
        self.plan.routes.push(Route { host, path, service, policy, code: Code::default() });
    }

    /// The service that a backend names. One that is not there is a mistake, and a service that nobody
    /// answers for: its requests are not another rule's.
    fn target(
        &mut self,
        id: &Id,
        place: &str,
        backend: &Backend,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<ServiceName> {
        let (name, port) = match backend {
            Backend::Service { name, port } => (name, port),
            Backend::Other(found) => {
                let allowed = "a Service; resources are not served";
                mistakes.push(mistake(place, found, allowed));
                return None;
            }
        };
        let service = Id { namespace: Arc::clone(&id.namespace), name: Arc::clone(name) };
        let found = self.cluster.services.get(&service);
        let port = match found {
            None => {
                let allowed = format!("the name of a Service in the namespace `{}`", id.namespace);
                mistakes.push(mistake(&format!("{place}.service.name"), name, &allowed));
                Err(port)
            }
            Some(found) => port_of(found, port).ok_or_else(|| {
                let place = format!("{place}.service.port");
                mistakes.push(mistake(&place, &port.to_string(), &ports_of(found)));
                port
            }),
        };
        let number = port.as_ref().map_or_else(ToString::to_string, |port| port.number.to_string());
        let name = ServiceName::new(&format!("{service}:{number}"));
        let target = Target { service, port: port.ok() };
        self.plan.targets.entry(name.clone()).or_insert(target);
        Some(name)
    }
}

/// Adds what is wrong with an Ingress to what is known of it.
pub(super) fn report(
    reports: &mut Vec<Report>,
    id: &Id,
    ingress: &Ingress,
    mistakes: Vec<Mistake>,
) {
    if mistakes.is_empty() {
        return;
    }
    if let Some(report) = reports.iter_mut().find(|report| report.id == *id) {
        return report.mistakes.extend(mistakes);
    }
    let (id, uid) = (id.clone(), Arc::clone(&ingress.uid));
    reports.push(Report { kind: Kind::Ingress, id, uid, mistakes });
}

fn mistake(place: &str, value: &str, allowed: &str) -> Mistake {
    let (value, allowed) = (value.to_owned(), allowed.to_owned());
    Mistake { place: place.to_owned(), value, allowed, position: None }
}

fn port_of(service: &Service, port: &PortRef) -> Option<Port> {
    let is_it = |one: &&Port| match port {
        PortRef::Number(number) => one.number == *number,
        PortRef::Name(name) => one.name.as_ref() == Some(name),
    };
    service.ports.iter().find(is_it).cloned()
}

fn ports_of(service: &Service) -> String {
    let known: Vec<_> = service
        .ports
        .iter()
        .flat_map(|port| {
            port.name.as_deref().map(str::to_owned).into_iter().chain([port.number.to_string()])
        })
        .collect();
    if known.is_empty() {
        return "a port of the Service, which has none for TCP".to_owned();
    }
    format!("a port of the Service: {}", suggestion("", known.iter().map(String::as_str)))
}

pub(super) fn host(host: Option<&str>) -> Host {
    match host.map(|host| (host, host.strip_prefix("*."))) {
        None => Host::Any,
        Some((_, Some(suffix))) => Host::Wildcard(Arc::from(suffix)),
        Some((name, None)) => Host::Exact(Arc::from(name)),
    }
}

/// A path as requests have it; a prefix without its trailing slash.
fn path(path: &str, exact: bool) -> Option<Path> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#".contains(&byte);
    if !path.starts_with('/') || !path.bytes().all(plain) {
        return None;
    }
    let below = || Path::Prefix(Arc::from(path.strip_suffix('/').unwrap_or(path)));
    Some(if exact { Path::Exact(Arc::from(path)) } else { below() })
}
