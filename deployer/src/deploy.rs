//! How does a program come to run in a cluster? Packed, pushed, planned, and put in force; where it goes is said
//! first.
//!
//! ```text
//!   target ── image ── registry ── plan ── compare ── lock ── record ── apply ── wait ── prune ── mark
//!             └ the same bytes    └ by digest                └ from here on others wait
//!               are not sent again
//! ```
//!
//! Each step leaves nothing behind when it was done before: so a deploy that was killed is run again, and one that
//! changes nothing sends no byte and restarts no pod.

use std::path::PathBuf;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::cluster::{Cluster, Fault as InCluster, Live, Options};
use crate::image;
use crate::plan::Plan;
use crate::registry::{self, Progress, Pushed, Reference};
use crate::report::{Event, Told};

/// A program, and where its image goes.
#[derive(Debug, Clone)]
pub struct Package {
    /// The program; [`image::OWN`] is the running one.
    pub executable: PathBuf,
    /// How it is packed.
    pub image: image::Options,
    /// Where its image goes.
    pub to: Reference,
    /// How it gets there.
    pub registry: registry::Options,
}

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is no image of it.
    #[error(transparent)]
    Image(#[from] image::Fault),
    /// Its image is not in the registry.
    #[error(transparent)]
    Registry(#[from] registry::Fault),
    /// It is not in force.
    #[error(transparent)]
    Cluster(#[from] InCluster),
    /// It was packed in a thread that broke off.
    #[error("packing the program broke off")]
    BrokeOff(#[source] tokio::task::JoinError),
}

impl Fault {
    /// The exit code of a program that ends with it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Image(_) => 3,
            Self::Registry(_) | Self::BrokeOff(_) => 1,
            Self::Cluster(fault) => fault.exit_code(),
        }
    }
}

/// Packs the program and pushes it; gives its name by digest, and what that took.
///
/// # Errors
/// When it cannot be packed, or the registry does not take it.
pub async fn ship(package: &Package, told: &Told<'_>) -> Result<Pushed, Fault> {
    let begun = Instant::now();
    let (executable, options) = (package.executable.clone(), package.image.clone());
    let packed = spawn_blocking(move || image::of(&executable, &options)).await;
    let image = packed.map_err(Fault::BrokeOff)??;
    told(Event::Built {
        digest: image.digest().to_string(),
        platform: image.platform().to_string(),
        seconds: begun.elapsed().as_secs_f64(),
    });
    let begun = Instant::now();
    let hear = |progress: Progress| heard(progress).into_iter().for_each(told);
    let pushed = registry::push(&image, &package.to, &package.registry, &hear).await?;
    told(Event::Pushed {
        reference: pushed.reference.to_string(),
        uploaded_bytes: pushed.uploaded_bytes,
        seconds: begun.elapsed().as_secs_f64(),
    });
    Ok(pushed)
}

/// Packs, pushes, plans and deploys: `plan` is told the image's name by digest.
///
/// # Errors
/// When one of these steps fails; then what was in force still is, or is again.
pub async fn run(
    cluster: &Cluster,
    application: &str,
    package: &Package,
    plan: impl FnOnce(&Reference) -> Plan,
    options: &Options,
    told: &Told<'_>,
) -> Result<Live, Fault> {
    cluster.open(application, options, told)?;
    let pushed = ship(package, told).await?;
    let plan = plan(&pushed.reference);
    Ok(Box::pin(cluster.deploy_there(&plan, options, told)).await?)
}

fn heard(progress: Progress) -> Option<Event> {
    match progress {
        Progress::Sending { digest, sent, size } => {
            Some(Event::Uploading { digest: digest.to_string(), sent, size })
        }
        Progress::Again { because, after } => {
            let what = format!("{because}: again in {:.1} s", after.as_secs_f64());
            Some(Event::Warning { what })
        }
        _ => None,
    }
}
