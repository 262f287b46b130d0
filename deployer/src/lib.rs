//! Patterns of distributed systems as code: a program that says what it does *and* how it is
//! distributed, packages itself as an image, and deploys itself behind the gateway.
//!
//! Nothing is here yet but this page: the plan, the image and the patterns come after the gateway.
//! The words it will write (patterns, keys, merges, annotations) are the gateway's: one vocabulary.
pub mod application;
pub mod plan;
pub mod report;

pub mod cluster;
