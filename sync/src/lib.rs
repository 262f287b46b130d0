//! Locks and elections on Kubernetes Leases.
pub mod term;
pub mod moment;
pub mod name;
pub mod lease;
pub mod clock;
pub mod store;
mod tasks;
pub mod holder;
pub mod lock;
pub mod callbacks;
pub mod elect;
pub mod observe;
pub mod shards;
pub mod sync;
pub use sync::Sync;
