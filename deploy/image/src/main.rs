//! How is an image made? A program of this workspace, linked with all it needs, is packed as any other would
//! be and pushed to a registry, and its name with its digest is printed. That of an example is called after it.
//!
//! ```sh
//! cargo run -p metaparticle-image -- metaparticle-gateway metaparticle-gateway 127.0.0.1:5000
//! cargo run -p metaparticle-image -- metaparticle-sync example/lock 127.0.0.1:5000    # 127.0.0.1:5000/lock-example
//! ```

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Result, bail};
use metaparticle::image::{self, DebugInfo, Image, Options};
use metaparticle::registry::{self, Progress, Reference};
use metaparticle_testbed::program;
use tokio::task::spawn_blocking;

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let [package, name, registry] = args.as_slice() else {
        bail!(
            "usage: image PACKAGE PROGRAM REGISTRY, as in `image PACKAGE PROGRAM localhost:5000`"
        );
    };
    let called = match name.strip_prefix("example/") {
        Some(example) => format!("{example}-example"),
        None => name.clone(),
    };
    let to: Reference = format!("{registry}/{called}").parse()?;
    let built = program::shipped(package, name).await?;
    let image = packed(called, built).await?;
    let pushed = registry::push(&image, &to, &registry::Options::default(), &tell).await?;
    writeln!(std::io::stdout(), "{}", pushed.reference)?;
    Ok(())
}

async fn packed(name: String, program: PathBuf) -> Result<Image> {
    let about = [
        ("title", name.as_str()),
        ("version", env!("CARGO_PKG_VERSION")),
        ("source", env!("CARGO_PKG_REPOSITORY")),
        ("licenses", "Apache-2.0"),
    ];
    let label = |(key, value)| (format!("org.opencontainers.image.{key}"), String::from(value));
    let labels = about.map(label).into_iter().collect::<BTreeMap<_, _>>();
    let options = Options {
        name: Some(name),
        labels,
        // Lines in a backtrace are worth a few megabytes that are sent once.
        debug_info: DebugInfo::Keep,
        ..Options::default()
    };
    Ok(spawn_blocking(move || image::of(&program, &options)).await??)
}

/// Says what is sent, so that nobody waits without knowing for what.
fn tell(progress: Progress) {
    let line = match progress {
        Progress::Skipped { digest, .. } => format!("there already  {}", digest.short()),
        Progress::Sent { digest, size } => {
            format!("sent           {} ({size} bytes)", digest.short())
        }
        Progress::Again { because, after } => {
            format!("again in {:.1} s: {because}", after.as_secs_f32())
        }
        _ => return,
    };
    // Who does not want to read it still gets the image.
    writeln!(std::io::stderr(), "{line}").unwrap_or_default();
}
