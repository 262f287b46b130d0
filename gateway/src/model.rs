//! What is there? The nouns: services, their replicas and shards, the routes to them, the parts of an
//! answer. Declared here as a source (a file, a cluster, a program) says them; `snapshot` resolves
//! them into the picture that requests see.

mod code;
mod name;
mod part;
mod replica;
mod route;
mod service;
mod shard;
mod tls;

pub use self::code::{Code, KeyFn, MergeFn};
pub use self::part::{Answer, Coverage, Outcome, Part};
pub use self::replica::{Replica, ReplicaName};
pub use self::route::{Host, Path, Route};
pub use self::service::{Service, ServiceName, StatefulSet, World};
pub use self::shard::{Numbered, ShardIndex, ShardName};
pub use self::tls::{Authorities, Tls};
