//! What answers? A replica: one process (on Kubernetes, one pod) at one address.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::model::ShardName;

/// A replica's name, unique in its service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplicaName(Arc<str>);

impl ReplicaName {
    /// The replica called `name`.
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

impl fmt::Display for ReplicaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A replica as its source declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Its name: in a file as written, on Kubernetes the pod's.
    pub name: ReplicaName,
    /// Where it listens.
    pub address: SocketAddr,
    /// The shard it serves, where that is said outright; else `shard-identity` decides.
    pub shard: Option<ShardName>,
    /// The pod's uid; `None` in a file.
    pub uid: Option<Arc<str>>,
    /// Whether it wants requests. One that does not keeps its shard: health never moves keys.
    pub ready: bool,
}
