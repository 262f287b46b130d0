//! Which requests go to which service? A route: a host, a path, and what is asked of the service.

use std::sync::Arc;

use crate::model::{Code, ServiceName};
use crate::words::Policy;

/// Which hosts a route answers to. Names are in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// This one.
    Exact(Arc<str>),
    /// Exactly one more label before this suffix: `*.example.com`, kept as `example.com`.
    Wildcard(Arc<str>),
    /// All that no other route names.
    Any,
}

/// Which paths a route answers to, compared on raw segments.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Path {
    /// This path and no other.
    Exact(Arc<str>),
    /// This path and all below it, segment by segment: `/foo` has `/foo/bar`, not `/foobar`.
    /// Kept without the trailing slash; the root is empty.
    Prefix(Arc<str>),
}

/// A route as its source declares it.
#[derive(Debug, Clone)]
pub struct Route {
    /// For which hosts.
    pub host: Host,
    /// For which paths.
    pub path: Path,
    /// To which service.
    pub service: ServiceName,
    /// What is asked of it: the service's policy with what the route overrides.
    pub policy: Arc<Policy>,
    /// What an embedding program does itself.
    pub code: Code,
}
