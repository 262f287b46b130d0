//! Patterns of distributed systems as code: a program that says what it does *and* how it is
//! distributed, packages itself as an image, and deploys itself behind the gateway.
//!
//! ```text
//!   spec        the JSON of the published Metaparticle libraries
//!   read        an application's file
//!     │
//!   application ──► plan ──► render   what is to run ──► ordered objects of Kubernetes ──► YAML
//!     │
//!   package     image ──► registry    its programs as images, to the byte; only what is not there is sent
//!     │
//!   cluster ──► report                puts a plan in force, and tells of every step
//!     │
//!   compiler · server                 what programs of the published libraries say
//!   cli                               what people say
//! ```
//!
//! and patterns as code, which are an application, too:
//!
//! ```text
//!   pattern     what a program says of itself
//!     │
//!   start ──► local      all of it in one process, on loopback, through the gateway
//!         ──► pod        one part of it, where it was deployed
//!         ──► cli        deploy, plan, diff, …
//!   sim                  a topology in paused time, without sockets
//! ```
//!
//! The words it writes (patterns, keys, merges, annotations) are the gateway's: one vocabulary.
//! `deployer/README.md` begins at the beginning.

// What the environment says.
mod settings;

// What is said and remembered.
#[cfg(feature = "deploy")]
pub mod wire;

#[cfg(feature = "deploy")]
pub mod scope;

// What is to run.
#[cfg(feature = "deploy")]
pub mod application;

#[cfg(feature = "deploy")]
pub mod spec;

#[cfg(feature = "deploy")]
pub mod read;

#[cfg(feature = "deploy")]
pub mod plan;

#[cfg(feature = "deploy")]
pub mod render;

// Its programs as images.
pub mod image;

pub mod registry;

// Into a cluster.
#[cfg(feature = "deploy")]
pub mod report;

#[cfg(feature = "deploy")]
pub mod cluster;

#[cfg(feature = "deploy")]
pub mod package;

#[cfg(feature = "deploy")]
pub mod compiler;

#[cfg(feature = "deploy")]
pub mod server;

#[cfg(feature = "deploy")]
pub mod cli;

// Patterns as code.
#[cfg(feature = "deploy")]
mod log;

#[cfg(feature = "deploy")]
pub mod context;

#[cfg(feature = "deploy")]
pub mod pattern;

#[cfg(feature = "deploy")]
mod road;

#[cfg(feature = "deploy")]
pub mod reply;

#[cfg(feature = "deploy")]
mod leaf;

#[cfg(feature = "deploy")]
mod lead;

#[cfg(feature = "deploy")]
pub mod local;

#[cfg(feature = "deploy")]
pub mod sim;

#[cfg(feature = "deploy")]
mod pod;

#[cfg(feature = "deploy")]
mod start;

#[cfg(feature = "deploy")]
pub mod containerize;

/// What a program of patterns uses.
#[cfg(feature = "deploy")]
pub mod prelude {
    pub use crate::context::Context;
    pub use crate::pattern::{
        App, Missed, Part, Parts, app, candidates, http, indexed, opened, scatter, shard, spread,
    };
    pub use crate::wire::{Error, Result};
    pub use metaparticle_sync::holder::Held;
    pub use metaparticle_sync::term::Term;
    pub use std::process::ExitCode;
    pub use std::time::Duration;
}
