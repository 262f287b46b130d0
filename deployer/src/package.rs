//! How do the programs of an application become images that a cluster can pull? Each is packaged, pushed, and
//! named by its digest from then on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use thiserror::Error;
use tokio::time::Instant;

use crate::application::{Application, Image};
use crate::cluster::Check;
use crate::image;
use crate::read::{Program, Written};
use crate::registry::{self, Progress, Reference};
use crate::report::{Event, Told};

/// Why there is no image of a program.
#[derive(Debug, Error)]
pub enum Fault {
    /// It cannot be packaged.
    #[error("cannot package `{program}`")]
    Image {
        /// What it is called.
        program: String,
        /// Why not.
        #[source]
        cause: image::Fault,
    },
    /// It cannot be pushed.
    #[error("cannot push `{program}`")]
    Registry {
        /// What it is called.
        program: String,
        /// Why not.
        #[source]
        cause: registry::Fault,
    },
    /// Nobody said where to.
    #[error(
        "no registry is known for {0}: say --registry HOST[/PATH], or set METAPARTICLE_REGISTRY; \
         127.0.0.1:5000 is that of `make cluster`"
    )]
    Nowhere(String),
    /// It is no registry.
    #[error("`{0}` is no registry: write HOST[:PORT][/PATH], such as registry.example/shop")]
    Destination(String, #[source] registry::Wrong),
}

/// Where images are pushed to.
#[derive(Debug, Clone)]
pub struct Destination {
    /// `registry.example`, and a path where there is one.
    place: String,
    /// What those who pull call the same.
    pulled: String,
    options: registry::Options,
}

/// A program as an image.
#[derive(Debug)]
pub struct Built {
    /// Which.
    pub program: Program,
    /// As what.
    pub image: image::Image,
}

impl Destination {
    /// A registry and a path in it; those who pull may know it by another name.
    ///
    /// # Errors
    ///
    /// A text that is no registry.
    pub fn new(place: &str, pulled_from: Option<&str>, insecure: bool) -> Result<Self, Fault> {
        let checked = |place: &str| {
            let place = place.trim_end_matches('/').to_owned();
            let read = format!("{place}/x").parse::<Reference>();
            let read = read.map_err(|wrong| Fault::Destination(place.clone(), wrong))?;
            Ok((place, read.registry().as_str().to_owned()))
        };
        let (place, host) = checked(place)?;
        let pulled = match pulled_from {
            Some(pulled) => checked(pulled)?.0,
            None => place.clone(),
        };
        let insecure = insecure.then_some(host).into_iter().collect();
        Ok(Self { place, pulled, options: registry::Options { insecure, ..Default::default() } })
    }

    /// Whether the registry answers, and knows us. Nothing is sent.
    pub async fn check(&self) -> Check {
        let what = "registry";
        // An image that is not there is an answer, too.
        let probe = self.reference("probe").and_then(|reference| reference.with_tag("probe"));
        let answer = match probe {
            Ok(probe) => registry::resolve(&probe, &self.options).await.map(drop),
            Err(wrong) => Err(wrong.into()),
        };
        match answer {
            Ok(()) => Check::right(what, format!("{} answers", self.place)),
            Err(fault) => Check::wrong(what, format!("{}: {fault}", self.place)),
        }
    }

    /// What an image of this name is called there.
    fn reference(&self, name: &str) -> Result<Reference, registry::Wrong> {
        format!("{}/{name}", self.place).parse()
    }

    /// What those who pull call an image of this name.
    fn pulled(&self, name: &str, digest: &image::Digest) -> Result<Reference, registry::Wrong> {
        let reference = format!("{}/{name}", self.pulled).parse::<Reference>()?;
        Ok(reference.with_digest(digest.clone()))
    }
}

/// For which machines the program at `path` is. Nothing is packaged.
///
/// # Errors
///
/// A file that cannot be read, or is no program.
pub fn platform(program: &Program, path: &Path) -> Result<image::Platform, Fault> {
    let program = program.name.to_string();
    image::platform(path).map_err(|cause| Fault::Image { program, cause })
}

/// Packages all programs; their paths begin at `folder`.
///
/// # Errors
///
/// The first that cannot be packaged.
pub async fn build(written: &Written, folder: &Path, told: &Told<'_>) -> Result<Vec<Built>, Fault> {
    let mut all = Vec::new();
    for program in &written.programs {
        let begun = Instant::now();
        let (path, name) = (folder.join(&program.path), program.name.to_string());
        let options = image::Options { name: Some(name.clone()), ..image::Options::default() };
        let made = tokio::task::spawn_blocking(move || image::of(&path, &options)).await;
        let made = made.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()));
        let image = made.map_err(|cause| Fault::Image { program: name.clone(), cause })?;
        told(Event::Built {
            program: name,
            digest: image.digest().to_string(),
            bytes: image.size(),
            seconds: begun.elapsed().as_secs_f64(),
        });
        all.push(Built { program: program.clone(), image });
    }
    Ok(all)
}

/// Pushes all of them.
///
/// # Errors
///
/// The first that the registry does not take.
pub async fn push(built: &[Built], to: &Destination, told: &Told<'_>) -> Result<(), Fault> {
    for Built { program, image } in built {
        let begun = Instant::now();
        let wrong = |cause| Fault::Registry { program: program.name.to_string(), cause };
        let name = program.name.as_str();
        let reference = to.reference(name).map_err(|why| wrong(why.into()))?;
        let sum = Sum::default();
        let progress = |progress| told(sum.event(program.name.as_str(), image.size(), progress));
        let pushed = registry::push(image, &reference, &to.options, &progress);
        let pushed = pushed.await.map_err(wrong)?;
        told(Event::Pushed {
            image: to.pulled(name, image.digest()).map_err(|why| wrong(why.into()))?.to_string(),
            uploaded: pushed.uploaded_bytes,
            skipped: pushed.skipped_blobs,
            seconds: begun.elapsed().as_secs_f64(),
        });
    }
    Ok(())
}

/// The application with the names that the images have, or will have, in the place of its programs.
///
/// # Errors
///
/// A name that the registry cannot have.
pub fn named(
    application: Application,
    built: &[Built],
    to: &Destination,
) -> Result<Application, Fault> {
    let mut names = BTreeMap::new();
    for Built { program, image } in built {
        let wrong = |why: registry::Wrong| Fault::Registry {
            program: program.name.to_string(),
            cause: why.into(),
        };
        let reference = to.pulled(program.name.as_str(), image.digest()).map_err(wrong)?;
        let name = reference.to_string().parse::<Image>();
        names.insert(program.image.as_str().to_owned(), name.expect("a reference names an image"));
    }
    Ok(application.with_images(|image| names.get(image.as_str()).cloned()))
}

/// How far all blobs of an image are, together.
#[derive(Default)]
struct Sum(Mutex<BTreeMap<String, u64>>);

impl Sum {
    fn event(&self, program: &str, size: u64, progress: Progress) -> Event {
        let (digest, done) = match progress {
            Progress::Again { because, .. } => {
                return Event::Warning { what: format!("{program}: {because}: trying again") };
            }
            Progress::Skipped { digest, size }
            | Progress::Mounted { digest, size }
            | Progress::Sent { digest, size } => (digest, size),
            Progress::Sending { digest, sent, .. } => (digest, sent),
        };
        let mut blobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.insert(digest.to_string(), done);
        let sent = blobs.values().sum::<u64>().min(size);
        Event::Pushing { program: program.to_owned(), sent, size }
    }
}

#[cfg(test)]
mod tests {
    use super::Destination;

    #[test]
    fn those_who_pull_may_know_the_registry_by_another_name() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let check = |pulled_from, expected: &str| {
            let to = Destination::new("127.0.0.1:5000/shop/", pulled_from, false).unwrap();
            let pushed = to.reference("web").unwrap().to_string();
            assert!(pushed.starts_with("127.0.0.1:5000/shop/web"), "{pushed}");
            let pulled = to.pulled("web", &digest.parse().unwrap()).unwrap();
            assert_eq!(pulled.to_string(), format!("{expected}/web@{digest}"));
        };
        check(None, "127.0.0.1:5000/shop");
        check(Some("registry.internal:5000/shop"), "registry.internal:5000/shop");
    }
}
