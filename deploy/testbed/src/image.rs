//! How does a program become an image in the cluster's registry? As everybody's does, but uncompressed: the
//! registry is on this machine.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use metaparticle::image::{self, Compression, Image, Options};
use metaparticle::registry::{self, Reference};
use tokio::task::spawn_blocking;

/// Builds of tests are not made to be small.
const LARGEST: u64 = 1 << 30;

/// Pushes it, also as the latest of this name, and gives a name that means this very program.
///
/// # Errors
///
/// When the program cannot be read, or the registry does not take it.
pub async fn push(registry: &str, name: &str, program: &Path) -> Result<String> {
    let image = packed(name.to_owned(), program.to_owned()).await?;
    let to: Reference = format!("{registry}/{name}").parse()?;
    let options = registry::Options { tags: vec!["latest".to_owned()], ..Default::default() };
    let pushed = registry::push(&image, &to, &options, &|_| {}).await;
    let pushed = pushed.context("no image for the cluster: is it up (`make cluster`)?")?;
    Ok(pushed.reference.to_string())
}

async fn packed(name: String, program: PathBuf) -> Result<Image> {
    let (compression, largest) = (Compression::None, LARGEST);
    let options = Options { name: Some(name), compression, largest, ..Options::default() };
    Ok(spawn_blocking(move || image::of(&program, &options)).await??)
}
