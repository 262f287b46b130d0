//! Patterns of distributed systems as code: a program that says what it does *and* how it is
//! distributed, packages itself as an image, and deploys itself behind the gateway.

pub mod application;
pub mod plan;

mod settings;

mod log;

pub mod wire;

pub mod scope;

pub mod context;

pub mod pattern;

mod road;

pub mod reply;

mod leaf;

mod lead;

pub mod local;

mod pod;

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
}
