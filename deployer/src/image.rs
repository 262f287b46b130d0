//! What is a program's image? The program, the libraries that it asks for, and what every program expects to
//! find: authorities, users, a folder for what is temporary. The same program gives the same bytes, wherever
//! and whenever it is packed.
//!
//! ```
//! use metaparticle::image::{self, Options};
//!
//! let program = std::env::current_exe()?;
//! let image = image::of(&program, &Options { largest: 1 << 30, ..Options::default() })?;
//! assert_eq!(image, image::of(&program, &Options { largest: 1 << 30, ..Options::default() })?);
//! println!("{} for {}", image.digest(), image.platform());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod closure;
mod config;
mod digest;
mod elf;
mod extra;
mod layer;
mod layout;
mod options;
mod root;
mod strip;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use closure::Missing;
pub use config::Image;
pub use digest::{Digest, Malformed};
pub use elf::Platform;
pub use layer::{Blob, Compression};
pub use options::{Certificates, DebugInfo, Extra, Options};

/// The running program. It can be read when its file was replaced since, or is gone.
pub const OWN: &str = "/proc/self/exe";

/// Why there is no image.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Fault {
    /// A file cannot be read.
    #[error("cannot read {0}")]
    Unreadable(PathBuf, #[source] io::Error),
    /// A layout or an archive cannot be written.
    #[error("cannot write {0}")]
    Unwritable(PathBuf, #[source] io::Error),
    /// It is not a program that Linux runs by itself.
    #[error("{0} is {1}: an image is made of an ELF executable for Linux, such as cargo builds")]
    NoProgram(PathBuf, String),
    /// Libraries are nowhere where its loader looks.
    #[error("{0} asks for libraries that are not here: {list}; install them, or name their folder in the library path", list = closure::listed(.1))]
    Libraries(PathBuf, Vec<Missing>),
    /// It is larger than anybody wants to wait for.
    #[error("{0} has {size} MiB, more than the {most} MiB that are allowed: build it with `--release`, or allow more", size = .1 >> 20, most = .2 >> 20)]
    TooLarge(PathBuf, u64, u64),
    /// An extra file cannot stand where it was asked to.
    #[error("`{0}` is no place for a file in an image: {1}")]
    Place(String, &'static str),
    /// A time that no calendar knows.
    #[error("{0} is no time of creation: give seconds since 1970")]
    Time(u64),
}

/// Makes the image of an executable: of the running one, say [`OWN`].
///
/// It reads and compresses for up to a second: in a runtime it belongs into `spawn_blocking`.
///
/// # Errors
///
/// When the executable, one of its libraries or an extra file cannot be read, or is not fit for an image.
pub fn of(executable: &Path, options: &Options) -> Result<Image, Fault> {
    let content = read(executable)?;
    let elf = understood(executable, &content)?;
    let place = fs::canonicalize(executable).unwrap_or_else(|_| executable.to_owned());
    let libraries = closure::of(&content, &elf, &place, &options.library_path)
        .map_err(|fault| fault.in_program(executable))?;
    let program = match options.debug_info {
        DebugInfo::Strip => strip::debug_info(&content).map_or(Cow::Borrowed(&content), Cow::Owned),
        DebugInfo::Keep => Cow::Borrowed(&content),
    };
    let size = program.len() as u64;
    if size > options.largest {
        return Err(Fault::TooLarge(executable.to_owned(), size, options.largest));
    }
    let entrypoint = options.name_for(executable)?;
    let extra = extra::tree(&options.files)?;
    let searched = libraries.has_home();
    let mut own = layer::Tree::default();
    own.file(&entrypoint, 0o755, program.into_owned());
    let trees = [root::tree(&options.certificates)?, libraries.into_tree(), extra, own];
    if trees[..3].iter().any(|tree| tree.has(&entrypoint)) {
        return Err(Fault::Place(
            format!("/{entrypoint}"),
            "something else stands there: give the program another name",
        ));
    }
    let layers = trees.iter().filter(|tree| !tree.is_empty());
    let layers = layers.map(|tree| layer::pack(tree, options.created, options.compression));
    Image::new(elf.platform(), layers.collect(), &entrypoint, searched, options)
}

/// For which machines an executable is.
///
/// # Errors
///
/// When it cannot be read, or is not an executable.
pub fn platform(executable: &Path) -> Result<Platform, Fault> {
    Ok(understood(executable, &read(executable)?)?.platform())
}

fn understood(executable: &Path, content: &[u8]) -> Result<elf::Elf, Fault> {
    let elf = elf::read(content).and_then(elf::Elf::executable);
    elf.map_err(|what| Fault::NoProgram(executable.to_owned(), what))
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    fs::read(path).map_err(|error| Fault::Unreadable(path.to_owned(), error))
}
