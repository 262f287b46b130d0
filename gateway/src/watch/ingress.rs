//! Which requests go where? The Ingresses of our classes as routes.
//!
//! Of two that want the same host and path the older one has it, and the other is told so. What an
//! Ingress says for requests that no rule matches stands behind all rules.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use super::annotations::Book;
use super::cluster::Cluster;
use super::digest::{Backend, Class, Id, Ingress, Port, PortRef, Service, Speaks};
use super::report::{Kind, Report};
use super::table::Table;
use crate::model::{Code, Host, Path, Route, ServiceName};
use crate::words::{Mistake, Pattern, Policy, suggestion};

#[cfg(test)]
mod tests;

/// A port of a Service that routes lead to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    pub(super) service: Id,
    /// None where the Service, or the port, is not there.
    pub(super) port: Option<Port>,
    /// Why nobody is asked: it is not known who owns keys.
    pub(super) unserved: Option<Arc<str>>,
}

impl Target {
    /// Whether its replicas speak TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.port.as_ref().is_some_and(|port| port.speaks == Speaks::Tls)
    }
}

/// What the Ingresses want.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) routes: Vec<Route>,
    pub(super) targets: BTreeMap<ServiceName, Target>,
    pub(super) reports: Reports,
    /// Our Ingresses, the oldest first.
    pub(super) ours: Vec<Id>,
    /// What an Ingress asks for on top of a service, while it is asked for.
    policies: Policies,
}

type Policies = HashMap<(Id, ServiceName), Merged>;

/// A policy, and what it is made of: while those are the same, it is.
#[derive(Debug)]
struct Merged {
    base: Arc<Policy>,
    top: Arc<Policy>,
    policy: Arc<Policy>,
}

impl Plan {
    /// The services that a Service stands behind: one a port.
    pub(super) fn targets_of(&self, id: &Id) -> impl Iterator<Item = &ServiceName> {
        let prefix = format!("{id}:");
        let from = self.targets.range(ServiceName::new(&prefix)..).map(|(name, _)| name);
        from.take_while(move |name| name.as_str().starts_with(&prefix))
    }
}

/// What is wrong with Ingresses, by their names.
pub(super) type Reports = BTreeMap<Id, Report>;

/// Adds what is wrong with an Ingress to what is known of it.
pub(super) fn report(
    reports: &mut Reports,
    id: &Id,
    ingress: &Ingress,
    kept: bool,
    mistakes: Vec<Mistake>,
) {
    if mistakes.is_empty() {
        return;
    }
    let report = reports.entry(id.clone()).or_insert_with(|| Report {
        kind: Kind::Ingress,
        id: id.clone(),
        uid: Arc::clone(&ingress.uid),
        mistakes: Vec::new(),
        kept,
    });
    report.mistakes.extend(mistakes);
}

/// How classes are recognised.
#[derive(Debug)]
pub(super) enum Classes {
    /// By the IngressClasses of this controller.
    Watched(Box<str>),
    /// By this name: IngressClasses are not seen from one namespace.
    Named(Box<str>),
}

impl Classes {
    /// Whether the Ingress is for this gateway.
    pub(super) fn have(&self, ingress: &Ingress, known: &Table<Class>) -> bool {
        match (self, &ingress.class) {
            (Self::Named(ours), Some(class)) => class == ours,
            (Self::Named(_), None) => false,
            (Self::Watched(ours), Some(class)) => {
                known.get(&Id::new("", class)).is_some_and(|class| class.controller == *ours)
            }
            (Self::Watched(ours), None) => {
                // As the API server chooses for an Ingress that is made.
                let defaults = known.iter().filter(|(_, class)| class.default);
                let newest = defaults.max_by_key(|(id, class)| (class.created, Reverse(*id)));
                newest.is_some_and(|(_, class)| class.controller == *ours)
            }
        }
    }
}

/// The plan of all Ingresses of `classes`; what is as it was before stays the same.
pub(super) fn plan(
    cluster: &Cluster,
    classes: &Classes,
    (services, said): (&Book, &Book),
    before: &mut Plan,
) -> Plan {
    let all = cluster.ingresses.iter();
    let mut ours: Vec<_> = all.filter(|(_, one)| classes.have(one, &cluster.classes)).collect();
    ours.sort_by_key(|(id, one)| (one.created, *id));
    let mut planner = Planner {
        cluster,
        services,
        said,
        plan: Plan { ours: ours.iter().map(|(id, _)| (*id).clone()).collect(), ..Plan::default() },
        taken: HashMap::new(),
        default: None,
        before: std::mem::take(&mut before.policies),
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
    /// Who answers what no rule of anybody matches.
    default: Option<Id>,
    before: Policies,
}

impl Planner<'_> {
    fn rules(&mut self, id: &Id, ingress: &Ingress) {
        let mut mistakes = self.said.mistakes(id).to_vec();
        for (rule_place, rule) in ingress.rules.iter().enumerate() {
            let host = host(rule.host.as_deref());
            for (path_place, rule) in rule.paths.iter().enumerate() {
                let place = At(rule_place, path_place);
                let Some(path) = path(&rule.path, rule.exact) else {
                    let allowed = "a path as it is sent: visible ASCII characters, no `?`, no \
                                   `#`; until then the rule is none";
                    mistakes.push(mistake(format_args!("{place}.path"), &rule.path, allowed));
                    continue;
                };
                let named = format_args!("{place}.backend");
                let target = self.target(id, named, &rule.backend, &mut mistakes);
                let Some(service) = target else { continue };
                let taken = self.taken.entry((host.clone(), path.clone()));
                if let Entry::Occupied(by) = &taken {
                    let by = by.get();
                    let allowed = format!(
                        "a host and path that no older Ingress has, and no rule before: {by} does, and \
                         keeps them"
                    );
                    mistakes.push(mistake(format_args!("{place}.path"), &rule.path, &allowed));
                    continue;
                }
                taken.or_insert_with(|| id.clone());
                self.add(id, host.clone(), path, service);
            }
        }
        report(&mut self.plan.reports, id, ingress, self.said.keeps(id), mistakes);
    }

    /// What no rule matches: for its own hosts, which are chosen before paths are, and for all others.
    fn default(&mut self, id: &Id, ingress: &Ingress) {
        let Some(backend) = &ingress.default else { return };
        let mut mistakes = Vec::new();
        let place = format_args!("spec.defaultBackend");
        if let Some(service) = self.target(id, place, backend, &mut mistakes) {
            let hosts = ingress.rules.iter().map(|rule| host(rule.host.as_deref()));
            let first = self.default.get_or_insert_with(|| id.clone());
            if first != id {
                let allowed = format!(
                    "one Ingress that has any: {first} does, and keeps all hosts but those of rules"
                );
                mistakes.push(mistake(place, backend.name(), &allowed));
            }
            for host in hosts.chain([Host::Any]) {
                let root = (host, Path::Prefix(Arc::from("")));
                if !self.taken.contains_key(&root) {
                    self.taken.insert(root.clone(), id.clone());
                    self.add(id, root.0, root.1, service.clone());
                }
            }
        }
        report(&mut self.plan.reports, id, ingress, self.said.keeps(id), mistakes);
    }

    fn add(&mut self, id: &Id, host: Host, path: Path, service: ServiceName) {
        let Self { services, said, before, plan, .. } = self;
        let (targets, policies) = (&plan.targets, &mut plan.policies);
        let merged = policies.entry((id.clone(), service.clone())).or_insert_with_key(|key| {
            let base = targets.get(&service).map(|target| services.policy(&target.service));
            let (base, top) = (base.expect("a route has a target"), said.policy(id));
            let is_it = |one: &Merged| Arc::ptr_eq(&one.base, base) && Arc::ptr_eq(&one.top, top);
            let make = || Merged {
                base: Arc::clone(base),
                top: Arc::clone(top),
                policy: said.on_top(id, base),
            };
            before.remove(key).filter(is_it).unwrap_or_else(make)
        });
        let policy = Arc::clone(&merged.policy);
        let service = self.sure(id, service, policy.pattern);
        self.plan.routes.push(Route { host, path, service, policy, code: Code::default() });
    }

    /// The service that requests are carried to by `pattern`: another one, which nobody answers for,
    /// where it is not known who owns their keys.
    fn sure(&mut self, id: &Id, service: ServiceName, pattern: Pattern) -> ServiceName {
        let Some(target) = self.plan.targets.get(&service) else { return service };
        let unsure = self.said.unsure(id, pattern).map(|why| ("Ingress", id, why)).or_else(|| {
            let why = self.services.unsure(&target.service, pattern)?;
            Some(("Service", &target.service, why))
        });
        let Some((kind, id, why)) = unsure else { return service };
        let unserved = Some(format!("{kind} {id} says {why}").into());
        let unserved = Target { unserved, ..target.clone() };
        let name = ServiceName::new(&format!("{service} (unserved)"));
        self.plan.targets.insert(name.clone(), unserved);
        name
    }

    /// The service that a backend names. One that is not there is a mistake, and a service that nobody
    /// answers for: its requests are not another rule's.
    fn target(
        &mut self,
        id: &Id,
        place: fmt::Arguments<'_>,
        backend: &Backend,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<ServiceName> {
        let (name, port) = match backend {
            Backend::Service { name, port } => (name, port),
            Backend::Other(found) => {
                let allowed = "a Service; resources are not served, and the rule is none";
                mistakes.push(mistake(place, found, allowed));
                return None;
            }
        };
        let service = Id { namespace: Arc::clone(&id.namespace), name: Arc::clone(name) };
        let found = self.cluster.services.get(&service);
        let port = match found {
            None => {
                let allowed =
                    format!("the name of a Service in the namespace `{}`{NOBODY}", id.namespace);
                mistakes.push(mistake(format_args!("{place}.service.name"), name, &allowed));
                Err(port)
            }
            Some(found) => port_of(found, port).ok_or_else(|| {
                let (place, ports) = (format_args!("{place}.service.port"), ports_of(found));
                mistakes.push(mistake(place, &port.to_string(), &(ports + NOBODY)));
                port
            }),
        };
        let number = port.as_ref().map_or_else(ToString::to_string, |port| port.number.to_string());
        let name = ServiceName::new(&format!("{service}:{number}"));
        let target = Target { service, port: port.ok(), unserved: None };
        self.plan.targets.entry(name.clone()).or_insert(target);
        Some(name)
    }
}

/// Whether both lead all requests alike. No source of this room has code of its own.
pub(super) fn are_same(one: &[Route], other: &[Route]) -> bool {
    let is_same = |(one, other): (&Route, &Route)| {
        let Route { host, path, service, policy, code: _ } = one;
        let same_place = *host == other.host && *path == other.path;
        same_place && *service == other.service && Arc::ptr_eq(policy, &other.policy)
    };
    one.len() == other.len() && one.iter().zip(other).all(is_same)
}

/// What becomes of requests while a backend is not there.
const NOBODY: &str = "; until then nobody answers its requests, which is 503";

/// A path of a rule, as an Ingress has it.
struct At(usize, usize);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(rule, path) = self;
        write!(f, "spec.rules[{rule}].http.paths[{path}]")
    }
}

fn mistake(place: fmt::Arguments<'_>, value: &str, allowed: &str) -> Mistake {
    let (value, allowed) = (value.to_owned(), allowed.to_owned());
    Mistake { place: place.to_string(), value, allowed, position: None }
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
