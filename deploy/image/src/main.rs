//! How is an image made? A program of this workspace, linked with all it needs, is its only file; it is
//! pushed to a registry, and its name with its digest is printed. That of an example is called after it.
//!
//! ```sh
//! cargo run -p metaparticle-image -- metaparticle-gateway metaparticle-gateway 127.0.0.1:5000
//! cargo run -p metaparticle-image -- metaparticle-sync example/lock 127.0.0.1:5000    # 127.0.0.1:5000/lock-example
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
    let built = program::shipped(package, name).await?;
    let called = match name.strip_prefix("example/") {
        Some(example) => format!("{example}-example"),
        None => name.clone(),
    };
    let image = image::push(registry, &called, &built).await?;
    writeln!(std::io::stdout(), "{image}")?;
    Ok(())
}
