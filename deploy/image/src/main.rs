//! How is an image made? A program of this workspace, linked with all it needs, is its only file; it is
//! pushed to a registry, and its name with its digest is printed.
//!
//! ```sh
//! cargo run -p metaparticle-image -- metaparticle-gateway metaparticle-gateway 127.0.0.1:5000
//! ```

use std::io::Write as _;

use anyhow::{Result, bail};
use metaparticle_testbed::{image, program};

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [package, name, registry] = args.as_slice() else {
        bail!("usage: image PACKAGE PROGRAM REGISTRY");
    };
    let built = program::released(package, name).await?;
    let image = image::push(registry, name, &built).await?;
    writeln!(std::io::stdout(), "{image}")?;
    Ok(())
}
