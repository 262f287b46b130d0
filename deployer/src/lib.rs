//! Patterns of distributed systems as code: a program that says what it does *and* how it is
//! distributed, packages itself as an image, and deploys itself behind the gateway.
//!
//! ```text
//!   spec        the JSON of the published Metaparticle libraries
//!     │
//!   application ──► plan          what is to run ──► ordered objects of Kubernetes
//!     │
//!   pattern                       what a program says: services, jobs, leaders, and their code
//!     │
//!   road ──► local · pod · sim    who asks whom: on loopback, in pods, in paused time
//! ```
//!
//! The words it writes (patterns, keys, merges, annotations) are the gateway's: one vocabulary.
//! `deployer/README.md` begins at the beginning.

pub mod application;

pub mod spec;

pub mod plan;

// Patterns as code.
mod settings;

pub mod wire;

pub mod scope;

pub mod context;

pub mod pattern;

mod road;

pub mod reply;

mod leaf;

mod lead;

pub mod local;

pub mod sim;

mod pod;

mod log;

mod commands;

mod start;

/// What a program of patterns uses.
pub mod prelude {
    pub use crate::context::Context;
    pub use crate::pattern::{
        App, Missed, Part, Parts, app, candidates, http, indexed, opened, scatter, shard, spread,
    };
    pub use crate::wire::{Error, Result};
    pub use metaparticle_sync::holder::Held;
    pub use std::process::ExitCode;
    pub use std::time::Duration;
}
