//! What do the tests push, and how? One small image, quickly, with what was told on the way.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use metaparticle::image::{self, Image};
use metaparticle::registry::{self, Fault, Options, Progress, Pushed, Reference};

/// A folder for one test, emptied before.
pub(crate) fn place(test: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("registry-{test}"));
    match fs::remove_dir_all(&place) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
        _ => fs::create_dir_all(&place).expect("a folder"),
    }
    place
}

/// A static program's: three blobs.
pub(crate) fn image() -> &'static Image {
    static CELL: OnceLock<Image> = OnceLock::new();
    CELL.get_or_init(|| {
        let place = place("program");
        fs::write(place.join("hello.rs"), "fn main() {}").expect("a source");
        let rustc = Command::new("rustc")
            .args(["-Ctarget-feature=+crt-static", "-Cstrip=symbols", "-o"])
            .args([place.join("hello"), place.join("hello.rs")])
            .status();
        assert!(rustc.expect("rustc").success());
        image::of(&place.join("hello"), &image::Options::default()).expect("an image")
    })
}

pub(crate) const BLOBS: usize = 3;

/// Options for a test: it does not wait for long, and knows nobody.
pub(crate) fn quick() -> Options {
    let credentials = registry::Credentials::Given(registry::Credential::Anonymous);
    Options { pause: Duration::from_millis(1), credentials, ..Options::default() }
}

pub(crate) fn reference(registry: impl std::fmt::Display, rest: &str) -> Reference {
    format!("{registry}/{rest}").parse().expect("a reference")
}

pub(crate) async fn push(
    to: &Reference,
    options: &Options,
) -> (Result<Pushed, Fault>, Vec<Progress>) {
    let told = Mutex::new(Vec::new());
    let tell = |progress| told.lock().expect("a list").push(progress);
    let pushed = registry::push(image(), to, options, &tell).await;
    (pushed, told.into_inner().expect("a list"))
}

/// Pushes where it must go well.
pub(crate) async fn pushed(to: &Reference, options: &Options) -> Pushed {
    push(to, options).await.0.unwrap_or_else(|fault| panic!("{fault}"))
}

/// Pushes where it cannot go well, and gives the words.
pub(crate) async fn refused(to: &Reference, options: &Options) -> String {
    push(to, options).await.0.expect_err("no push").to_string()
}
