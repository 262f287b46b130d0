//! Which requests does the file send where?

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::file::services::read_policy;
use crate::model::{Code, Host, Path, Route, Service};
use crate::words::{Scope, suggestion};
use crate::yaml::Mistakes;
use crate::yaml::{Fields, Node};

const ROUTES: &str = "a list of routes such as { path: /, service: web }, or `[]`";
const ROUTE: &str = "a map such as { path: /, service: web }";
const HOST: &str = "a host without its port, such as example.com, or `*.example.com`; for all hosts \
                    leave `host` out";
const PATH: &str = "a path such as /users, as it is sent: visible ASCII characters, no `?`, no `#`";
const PATH_TYPE: &str = "`Prefix` or `Exact`";

/// The fields of a route that are not words.
const OWN: [&str; 4] = ["host", "path", "path-type", "service"];

pub(super) fn read(
    node: Node<'_>,
    services: &[Arc<Service>],
    mistakes: &mut Mistakes,
) -> Vec<Route> {
    let services: BTreeMap<_, _> =
        services.iter().map(|service| (service.name.as_str(), &**service)).collect();
    let mut routes = Vec::<Route>::new();
    let mut lines = BTreeMap::new();
    for (count, item) in node.items("routes", ROUTES, mistakes).enumerate() {
        let place = format!("routes[{count}]");
        let Some(fields) = item.fields(&place, ROUTE, mistakes) else {
            continue;
        };
        let host = read_host(&place, &fields, mistakes);
        let path = read_path(&place, &fields, mistakes);
        let service = read_service(&place, &fields, &services, mistakes);
        let base = service.map(|service| Arc::clone(&service.policy)).unwrap_or_default();
        let policy = read_policy(&place, &fields, &OWN, &base, Scope::Route, mistakes);
        let (Some(host), Some(path), Some(service)) = (host, path, service) else {
            continue;
        };
        let line = item.position().0;
        if let Some(first) = lines.insert((host.clone(), path.clone()), line) {
            let allowed = format!("each host and path once; this one is in line {first}");
            mistakes.add(&place, fields.get("path").unwrap_or(item), &allowed);
        }
        let (service, policy) = (service.name.clone(), Arc::new(policy));
        routes.push(Route { host, path, service, policy, code: Code::default() });
    }
    routes
}

fn read_host(place: &str, fields: &Fields<'_>, mistakes: &mut Mistakes) -> Option<Host> {
    if fields.get("host").is_none() {
        return Some(Host::Any);
    }
    let (node, text) = fields.text(place, "host", HOST, mistakes)?;
    let text = text.to_ascii_lowercase();
    let host = match text.strip_prefix("*.") {
        Some(suffix) => is_host(suffix).then(|| Host::Wildcard(Arc::from(suffix))),
        None => (is_host(&text) || is_ipv6(&text)).then(|| Host::Exact(Arc::from(text.as_str()))),
    };
    if host.is_none() {
        mistakes.add(&format!("{place}.host"), node, HOST);
    }
    host
}

/// Whether these are labels of letters, digits, `-` and `_`, between dots.
fn is_host(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_letter);
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_ipv6(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
}

/// The path; left out, it is `/` and all below it.
fn read_path(place: &str, fields: &Fields<'_>, mistakes: &mut Mistakes) -> Option<Path> {
    let mut exact = Some(false);
    if fields.get("path-type").is_some() {
        let said = fields.text(place, "path-type", PATH_TYPE, mistakes);
        exact = match said.as_ref().map(|(_, text)| text.as_ref()) {
            Some("Prefix") => Some(false),
            Some("Exact") => Some(true),
            _ => None,
        };
        if let (None, Some((node, _))) = (exact, said) {
            mistakes.add(&format!("{place}.path-type"), node, PATH_TYPE);
        }
    }
    if fields.get("path").is_none() {
        return exact.map(|exact| if exact { exactly("/") } else { below("/") });
    }
    let (node, text) = fields.text(place, "path", PATH, mistakes)?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#".contains(&byte);
    if !text.starts_with('/') || !text.bytes().all(plain) {
        mistakes.add(&format!("{place}.path"), node, PATH);
        return None;
    }
    exact.map(|exact| if exact { exactly(&text) } else { below(&text) })
}

fn exactly(path: &str) -> Path {
    Path::Exact(Arc::from(path))
}

/// A prefix is kept without its trailing slash: `/users/` and `/users` have the same segments.
fn below(path: &str) -> Path {
    Path::Prefix(Arc::from(path.strip_suffix('/').unwrap_or(path)))
}

fn read_service<'s>(
    place: &str,
    fields: &Fields<'_>,
    services: &BTreeMap<&str, &'s Service>,
    mistakes: &mut Mistakes,
) -> Option<&'s Service> {
    let allowed = "the name of a service of this file";
    fields.need(place, "service", allowed, mistakes)?;
    let (node, name) = fields.text(place, "service", allowed, mistakes)?;
    let service = services.get(name.as_ref()).copied();
    if service.is_none() {
        let known = suggestion(&name, services.keys().copied());
        let known = if services.is_empty() { "a service; the file has none" } else { &known };
        mistakes.add(&format!("{place}.service"), node, known);
    }
    service
}
