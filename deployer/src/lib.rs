//! Patterns of distributed systems as code: a program that says what it does *and* how it is
//! distributed, packages itself as an image, and deploys itself behind the gateway.
//!
//! ```text
//!   image        an executable ──► an image of it, to the byte; no Docker, no network
//!     │
//!   registry     an image ──► a registry: only what is not there
//!
//!   spec         the JSON of the published Metaparticle libraries
//!     │
//!   application ──► plan          what is to run ──► ordered objects of Kubernetes
//!                     │
//!       report ◄── cluster        puts a plan in force, and tells of every step
//!                     │
//!                  compiler       `mp-compiler`, as those libraries start it
//!
//!   pattern      what a program says in code: services, jobs, leaders ──► application
//!     │
//!   road         who asks whom, by the gateway's own road
//!   ╱  │  ╲
//! local pod sim  on loopback, in pods, in paused time
//! ```
//!
//! The words it writes (patterns, keys, merges, annotations) are the gateway's: one vocabulary.

mod settings;

pub mod image;

pub mod registry;

#[cfg(feature = "deploy")]
pub mod wire;

#[cfg(feature = "deploy")]
pub mod scope;

#[cfg(feature = "deploy")]
pub mod application;

#[cfg(feature = "deploy")]
pub mod spec;

#[cfg(feature = "deploy")]
pub mod plan;

#[cfg(feature = "deploy")]
pub mod report;

#[cfg(feature = "deploy")]
pub mod cluster;

#[cfg(feature = "deploy")]
pub mod compiler;

#[cfg(feature = "deploy")]
pub mod server;

// Patterns as code.
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
mod log;

#[cfg(feature = "deploy")]
mod commands;

#[cfg(feature = "deploy")]
pub mod containerize;

#[cfg(feature = "deploy")]
mod start;

/// What a program of patterns uses.
#[cfg(feature = "deploy")]
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
