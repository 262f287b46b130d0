//! Patterns of distributed systems as code: a program that says what it does *and* how it is
//! distributed, packages itself as an image, and deploys itself behind the gateway.
//!
//! ```text
//!   spec        the JSON of the published Metaparticle libraries
//!     │
//!   application ──► plan          what is to run ──► ordered objects of Kubernetes
//!                     │
//!       report ◄── cluster        puts a plan in force, and tells of every step
//! ```
//!
//! The words it writes (patterns, keys, merges, annotations) are the gateway's: one vocabulary.

pub mod application;

pub mod spec;

pub mod plan;

pub mod report;

pub mod cluster;
