//! What answers? A replica: one process (on Kubernetes, one pod) at one address.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::model::ShardName;
use crate::model::name::name;

name! {
    /// A replica's name, unique in its service.
    #[derive(PartialOrd, Ord)]
    ReplicaName, "replica"
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
