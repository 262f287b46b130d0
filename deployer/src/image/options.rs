//! What may be chosen of an image? What is not chosen is as most programs want it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::settings;

use super::{Compression, Fault};

/// More than any program that was built to be shipped.
const LARGEST: u64 = 200 << 20;

/// The user that images without root use: `nonroot` of those that have a base image.
const NOBODY: u32 = 65532;

/// How an image is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program's name in the image; its file's, if none is given.
    pub name: Option<String>,
    /// What it is told when nothing else is said.
    pub arguments: Vec<String>,
    /// Its environment; `PATH` and `SSL_CERT_FILE` are there, and may be said otherwise.
    pub env: BTreeMap<String, String>,
    /// What is said about the image, such as `org.opencontainers.image.source`.
    pub labels: BTreeMap<String, String>,
    /// Files that it reads, in a layer of their own.
    pub files: Vec<Extra>,
    /// The user and the group that it runs as.
    pub user: (u32, u32),
    /// Whom it trusts.
    pub certificates: Certificates,
    /// How its layers are stored.
    pub compression: Compression,
    /// When it was made, in seconds since 1970; at their beginning, for it to be the same each time, or as
    /// `SOURCE_DATE_EPOCH` says.
    pub created: u64,
    /// What becomes of what only a debugger reads.
    pub debug_info: DebugInfo,
    /// The size in bytes past which a program is refused.
    pub largest: u64,
    /// Where libraries are looked for, as in `LD_LIBRARY_PATH`, which is taken if nothing is said.
    pub library_path: Vec<PathBuf>,
}

/// A file or folder of this machine, and its place in the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extra {
    /// Where it is here.
    pub from: PathBuf,
    /// Where it is there, from the root.
    pub to: String,
}

/// The authorities whose certificates are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Certificates {
    /// Those that Mozilla trusts: the same on every machine.
    #[default]
    Mozilla,
    /// Those of a file in PEM, such as a company's.
    File(PathBuf),
    /// Nobody's.
    None,
}

/// What only a debugger reads of a program. The names of functions stay in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DebugInfo {
    /// It is left out: most of a debug build, half of a release with line numbers.
    #[default]
    Strip,
    /// It is kept, so that a backtrace in the cluster has line numbers.
    Keep,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: None,
            arguments: Vec::new(),
            env: BTreeMap::new(),
            labels: BTreeMap::new(),
            files: Vec::new(),
            user: (NOBODY, NOBODY),
            certificates: Certificates::default(),
            compression: Compression::default(),
            created: settings::source_date_epoch(),
            debug_info: DebugInfo::default(),
            largest: LARGEST,
            library_path: settings::library_path(),
        }
    }
}

impl Options {
    pub(super) fn name_for(&self, executable: &Path) -> Result<String, Fault> {
        let name = self.name.clone().unwrap_or_else(|| name_of(executable));
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
            return Err(Fault::Place(name, "a program's name has no `/`"));
        }
        Ok(name)
    }
}

/// The program's name: of what a link leads to, for `/proc/self/exe` is one; without the word that Linux
/// appends when the file was replaced.
fn name_of(executable: &Path) -> String {
    let place = fs::read_link(executable).unwrap_or_else(|_| executable.to_owned());
    let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.trim_end_matches(" (deleted)").to_owned()
}
