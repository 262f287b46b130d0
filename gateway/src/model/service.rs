//! What is asked for? A service: replicas under one name, with one policy.

use std::fmt;
use std::sync::Arc;

use crate::model::Replica;
use crate::model::Route;
use crate::words::{Policy, Protocol};

/// A service's name, unique in its world: in a file as written, on Kubernetes `namespace/name:port`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceName(Arc<str>);

impl ServiceName {
    /// The service called `name`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A service as its source declares it.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: ServiceName,
    /// What it asks for.
    pub policy: Arc<Policy>,
    /// What its replicas speak.
    pub protocol: Protocol,
    /// Who answers; in any order.
    pub replicas: Vec<Replica>,
    /// How many replicas its StatefulSet desires, where it has one.
    pub desired: Option<u32>,
}

/// All that one source declares at one time.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The services; in any order, names unique.
    pub services: Vec<Service>,
    /// The routes; in any order.
    pub routes: Vec<Route>,
}
