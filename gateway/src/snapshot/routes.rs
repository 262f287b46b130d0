//! How is a route found among ten thousand? By its host, then by its path, each a table.
//!
//! An exact host beats a wildcard, a wildcard beats none; the host is chosen first, as every proxy
//! does, and a path that it does not have is not looked for elsewhere. Of its paths an exact one
//! beats a prefix, a longer prefix a shorter.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::model::{Code, Host, Path};
use crate::snapshot::Service;
use crate::words::Policy;

/// By name. What is looked up comes from strangers, what is in it does not: it need not be hashed so
/// that nobody can foresee it.
type Table<T> = HashMap<Arc<str>, T, BuildHasherDefault<Quick>>;

/// Eight bytes at a time, by multiplication (as rustc's own tables: FxHash).
#[derive(Debug, Default)]
struct Quick(u64);

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        const SEED: u64 = 0x51_7c_c1_b7_27_22_0a_95;
        for eight in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..eight.len()].copy_from_slice(eight);
            self.0 = (self.0.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(SEED);
        }
    }

    fn finish(&self) -> u64 {
        // The table looks at the lowest bits, and multiplication mixes the highest best.
        self.0.rotate_left(26)
    }
}

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
    hosts: Table<Paths>,
    wildcards: Table<Paths>,
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
    exact: Table<Route>,
    /// Without trailing slash; the root is empty.
    prefixes: Table<Route>,
    /// How long the longest of them is: a path of many segments is not looked up by each.
    longest: usize,
}

impl Paths {
    fn add(&mut self, route: Route) {
        let (table, path) = match &route.path {
            Path::Exact(path) => (&mut self.exact, Arc::clone(path)),
            Path::Prefix(path) => {
                self.longest = self.longest.max(path.len());
                (&mut self.prefixes, Arc::clone(path))
            }
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

    /// The longest part of `path`, cut at a slash, that a prefix may be as long as.
    #[must_use]
    pub fn within_reach<'p>(&self, path: &'p str) -> &'p str {
        let Some(head) = path.as_bytes().get(..=self.longest) else { return path };
        head.iter().rposition(|byte| *byte == b'/').map_or("", |slash| &path[..slash])
    }
}
