//! How does an image come to a registry? What is there already stays there, what another repository has is
//! mounted, and the rest is sent, several blobs at a time; at last the manifest, under its digest and its tags.
//!
//! ```no_run
//! use metaparticle::image;
//! use metaparticle::registry::{self, Reference};
//!
//! # async fn ship() -> Result<(), Box<dyn std::error::Error>> {
//! let image = image::of(image::OWN.as_ref(), &image::Options::default())?;
//! let to: Reference = "registry.example/team/hello".parse()?;
//! let pushed = registry::push(&image, &to, &registry::Options::default(), &|_| {}).await?;
//! println!("{}", pushed.reference); // registry.example/team/hello@sha256:…
//! # Ok(())
//! # }
//! ```

mod answer;
mod auth;
mod body;
mod challenge;
mod client;
mod connect;
mod credentials;
mod fault;
mod options;
mod push;
mod reference;
mod resolve;
mod stored;
#[cfg(test)]
mod tests;

pub use answer::Words;
pub use credentials::{Credential, Credentials};
pub use fault::Fault;
pub use options::Options;
pub use push::{Progress, Pushed, push};
pub use reference::{Host, Reference, Wrong};
pub use resolve::resolve;
