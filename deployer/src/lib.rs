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
//!   cli                               what people say
//! ```
//!
//! The words it writes (patterns, keys, merges, annotations) are the gateway's: one vocabulary.

// What the environment says.
mod settings;

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
