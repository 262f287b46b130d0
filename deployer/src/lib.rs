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
//!                  deploy        a program ──► its image, pushed ──► its plan, in force
//!                     │
//!                  compiler       `mp-compiler`, as those libraries start it
//! ```
//!
//! The words it writes (patterns, keys, merges, annotations) are the gateway's: one vocabulary.

mod settings;

pub mod image;

pub mod registry;

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
pub mod deploy;

#[cfg(feature = "deploy")]
pub mod compiler;

#[cfg(feature = "deploy")]
pub mod server;
