//! Patterns of distributed systems as code: a program that says what it does *and* how it is
//! distributed, packages itself as an image, and deploys itself behind the gateway.
//!
//! ```text
//!   image      an executable ──► an image of it, to the byte; no Docker, no network
//!   registry   an image ──► a registry: only what is not there
//! ```

pub mod image;
pub mod registry;
mod settings;
