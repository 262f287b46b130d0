//! How is a route found among ten thousand? By its host, then by its path, each a table.
//!
//! An exact host beats a wildcard, a wildcard beats none; the host is chosen first, as every proxy
//! does, and a path that it does not have is not looked for elsewhere. Of its paths an exact one
//! beats a prefix, a longer prefix a shorter.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{Code, Host, Path};
use crate::snapshot::Service;
use crate::words::Policy;

/// A route, resolved.
#[derive(Debug)]
pub struct Route {
    /// For which hosts.
    pub host: Host,
    /// For which paths.
    pub path: Path,
    /// To which service.
    pub service: Arc<Service>,
    /// What is asked of it.
    pub policy: Arc<Policy>,
    /// What an embedding program does itself.
    pub code: Code,
}

/// All routes.
#[derive(Debug, Default)]
pub struct Routes {
    hosts: HashMap<Arc<str>, Paths>,
    wildcards: HashMap<Arc<str>, Paths>,
    any: Paths,
}

impl Routes {
    /// Adds `route`; of two for the same host and path the first one stands.
    pub fn add(&mut self, route: Route) {
        let paths = match &route.host {
            Host::Exact(name) => self.hosts.entry(Arc::clone(name)).or_default(),
            Host::Wildcard(suffix) => self.wildcards.entry(Arc::clone(suffix)).or_default(),
            Host::Any => &mut self.any,
        };
        paths.add(route);
    }

    /// The paths of `host`, which is in lower case and without port.
    #[must_use]
    pub fn paths(&self, host: &str) -> &Paths {
        if !self.hosts.is_empty()
            && let Some(paths) = self.hosts.get(host)
        {
            return paths;
        }
        if !self.wildcards.is_empty()
            && let Some((_, suffix)) = host.split_once('.')
            && let Some(paths) = self.wildcards.get(suffix)
        {
            return paths;
        }
        &self.any
    }

    /// All routes, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        let all = self.hosts.values().chain(self.wildcards.values()).chain([&self.any]);
        all.flat_map(|paths| paths.exact.values().chain(paths.prefixes.values()))
    }
}

/// The paths of one host.
#[derive(Debug, Default)]
pub struct Paths {
    exact: HashMap<Arc<str>, Route>,
    /// Without trailing slash; the root is empty.
    prefixes: HashMap<Arc<str>, Route>,
}

impl Paths {
    fn add(&mut self, route: Route) {
        let (table, path) = match &route.path {
            Path::Exact(path) => (&mut self.exact, Arc::clone(path)),
            Path::Prefix(path) => (&mut self.prefixes, Arc::clone(path)),
        };
        table.entry(path).or_insert(route);
    }

    /// The route of exactly `path`.
    #[must_use]
    pub fn exact(&self, path: &str) -> Option<&Route> {
        if self.exact.is_empty() { None } else { self.exact.get(path) }
    }

    /// The route of the prefix that is exactly `path`.
    #[must_use]
    pub fn prefix(&self, path: &str) -> Option<&Route> {
        self.prefixes.get(path)
    }
}
