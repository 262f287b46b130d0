//! How is a plan put in force, kept in force, and taken away? The only room that knows the client of Kubernetes.
//!
//! A deploy may be killed anywhere: run again, it comes to the same end. What it made belongs to a parent
//! object, which names it all; nothing else is changed, taken over or deleted.

mod apply;
mod ask;
mod class;
mod connect;
mod delete;
mod deploy;
mod diff;
mod doctor;
mod ends;
mod evidence;
mod fault;
mod interrupt;
mod lock;
mod logs;
mod own;
mod parent;
mod picture;
mod preview;
mod prune;
mod ready;
mod recorder;
mod registry;
mod replicas;
mod rollback;
mod scale;
mod scopes;
mod specs;
mod status;
mod stuck;
mod wait;
mod watch;

pub use self::connect::{Cluster, Place, Target, connect};
pub use self::deploy::{Live, Options};
pub use self::diff::fields;
pub use self::doctor::{Check, Verdict};
pub use self::fault::Fault;
pub use self::interrupt::until_interrupted;
pub use self::logs::{Heard, Line, Logs, Style};
pub use self::parent::{Item, Parent, Revision, State};
pub use self::preview::Difference;
pub use self::registry::LocalRegistry;
pub use self::scopes::ConfigMaps;
pub use self::specs::Kept;
pub use self::status::{Status, Workload};
pub use self::stuck::Patience;

// Who manages the fields that are applied, as the cluster names it.
pub use crate::plan::MANAGER;
