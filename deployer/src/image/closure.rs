//! Which libraries does a program need, and where will it find them? Its loader's rules, followed without
//! running anything: `ldd` runs what it looks at.
//!
//! What the loader finds in its own folders stays where it is. All else goes into one folder that
//! `LD_LIBRARY_PATH` names: the image has neither `ld.so.cache` nor this machine's paths.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::Fault;
use super::elf::{self, Elf};
use super::layer::Tree;

/// A library that is nowhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// Its name.
    pub library: String,
    /// The file that asks for it.
    pub wanted_by: String,
}

pub(super) fn listed(missing: &[Missing]) -> String {
    let one = |Missing { library, wanted_by }: &Missing| format!("{library} (for {wanted_by})");
    missing.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The libraries of a program, each with its place in the image.
#[derive(Debug, Default)]
pub(super) struct Closure {
    files: Vec<(String, Bytes)>,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum Broken {
    Loader(PathBuf, std::io::Error),
    Missing(Vec<Missing>),
}

impl Broken {
    pub(super) fn in_program(self, program: &Path) -> Fault {
        match self {
            Self::Loader(path, error) => Fault::Unreadable(path, error),
            Self::Missing(missing) => Fault::Libraries(program.to_owned(), missing),
        }
    }
}

/// The folder for libraries that the loader would not find by itself.
pub(super) const HOME: &str = "usr/local/lib";

impl Closure {
    /// Whether something stands where the loader must be told to look.
    pub(super) fn has_home(&self) -> bool {
        let home = format!("{HOME}/");
        self.files.iter().any(|(path, _)| path.starts_with(&home))
    }

    pub(super) fn into_tree(self) -> Tree {
        let mut tree = Tree::default();
        for (path, content) in self.files {
            tree.file(&path, 0o755, content);
        }
        tree
    }
}

/// A file of the process to be: where it is looked for what it asks for.
struct Loaded {
    name: String,
    wanted: Vec<String>,
    /// What it opens when it runs: where it is not there, this machine does without, too.
    opened: &'static [&'static str],
    rpath: Vec<PathBuf>,
    runpath: Vec<PathBuf>,
}

impl Loaded {
    fn new(name: &str, place: &Path, content: &[u8], elf: &Elf, inherited: &[PathBuf]) -> Self {
        let origin = place.parent().unwrap_or_else(|| Path::new("/")).to_string_lossy();
        let expand = |folder: &String| {
            let folder = folder.replace("${ORIGIN}", &origin).replace("$ORIGIN", &origin);
            PathBuf::from(folder)
        };
        let runpath: Vec<_> = elf.runpath.iter().map(expand).collect();
        // Who says where its own are, says no more where those of its libraries are.
        let own = elf.rpath.iter().map(expand).filter(|_| runpath.is_empty());
        let rpath = own.chain(inherited.iter().cloned()).collect();
        let old = name == "libc.so.6" && !contains(content, NAMES_WITHIN);
        let opened = if old { NAMES } else { &[] };
        Self { name: name.to_owned(), wanted: elf.needed.clone(), opened, rpath, runpath }
    }

    /// The folders in which its libraries are looked for, the first first.
    fn searched<'a>(&'a self, search: &'a Search<'_>) -> impl Iterator<Item = &'a PathBuf> {
        let rpath = self.rpath.iter().filter(|_| self.runpath.is_empty());
        rpath.chain(search.given).chain(&self.runpath).chain(&search.system)
    }
}

/// What resolves names of hosts and users, in a C library that has it apart.
const NAMES: &[&str] = &["libnss_files.so.2", "libnss_dns.so.2"];

/// The version since which the C library has that within.
const NAMES_WITHIN: &[u8] = b"GLIBC_2.34\0";

/// A loader, and where it looks.
struct Search<'a> {
    program: &'a Elf,
    loader: Bytes,
    musl: bool,
    given: &'a [PathBuf],
    system: Vec<PathBuf>,
}

impl Search<'_> {
    /// Where a library is, and what stands in it. One for another machine is passed over, as the loader does.
    fn find(&self, name: &str, asking: &Loaded) -> Option<(PathBuf, Bytes, Elf)> {
        let open = |path: PathBuf| {
            let content = Bytes::from(fs::read(&path).ok()?);
            let elf = elf::read(&content).ok()?;
            elf.fits(self.program).then_some((path, content, elf))
        };
        if name.contains('/') {
            return open(PathBuf::from(name));
        }
        asking.searched(self).map(|folder| folder.join(name)).find_map(open)
    }

    /// Whether the loader looks here unasked: its folders stand in it, as text.
    fn knows(&self, folder: &Path) -> bool {
        if self.musl {
            return MUSL.iter().any(|known| folder == Path::new(known));
        }
        contains(&self.loader, format!("{}/\0", folder.display()).as_bytes())
    }

    /// Whether a name is the loader's own: with musl, it and the C library are one file.
    fn is_loader(&self, name: &str) -> bool {
        self.musl && (name == "libc.so" || name.starts_with("libc.musl-"))
    }

    /// Where a library that was found here stands in the image.
    fn place(&self, name: &str, found: &Path) -> String {
        let stays = name.contains('/') || found.parent().is_some_and(|folder| self.knows(folder));
        if stays { inside(found) } else { format!("{HOME}/{name}") }
    }
}

/// Follows a program's wishes to the end.
pub(super) fn of(
    content: &[u8],
    program: &Elf,
    place: &Path,
    given: &[PathBuf],
) -> Result<Closure, Broken> {
    let Some(interpreter) = &program.interpreter else { return Ok(Closure::default()) };
    let path = Path::new(interpreter);
    let loader = fs::read(path).map_err(|error| Broken::Loader(path.to_owned(), error))?;
    let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let musl = file_name.starts_with("ld-musl-");
    let system = if musl { MUSL.iter().map(PathBuf::from).collect() } else { system(path) };
    let search = Search { program, loader: loader.into(), musl, given, system };

    let mut closure = Closure { files: vec![(inside(path), search.loader.clone())] };
    let mut seen = BTreeSet::from([file_name]);
    let mut missing = BTreeSet::new();
    let root = Loaded::new(&place.to_string_lossy(), place, content, program, &[]);
    let mut queue = VecDeque::from([root]);
    while let Some(asking) = queue.pop_front() {
        let opened = asking.opened.iter().copied();
        for name in asking.wanted.iter().map(String::as_str).chain(opened) {
            if search.is_loader(name) || !seen.insert(name.to_owned()) {
                continue;
            }
            let Some((found, content, elf)) = search.find(name, &asking) else {
                if !asking.opened.contains(&name) {
                    let (library, wanted_by) = (name.to_owned(), asking.name.clone());
                    missing.insert(Missing { library, wanted_by });
                }
                continue;
            };
            queue.push_back(Loaded::new(name, &found, &content, &elf, &asking.rpath));
            closure.files.push((search.place(name, &found), content));
        }
    }
    if !missing.is_empty() {
        return Err(Broken::Missing(missing.into_iter().collect()));
    }
    Ok(closure)
}

const MUSL: [&str; 3] = ["/lib", "/usr/local/lib", "/usr/lib"];

/// Where glibc's loader looks last: in what its cache was made of, and in its own folders.
fn system(loader: &Path) -> Vec<PathBuf> {
    let mut folders = configured(Path::new("/etc/ld.so.conf"));
    let real = fs::canonicalize(loader).ok();
    folders.extend(real.and_then(|path| path.parent().map(Path::to_owned)));
    folders.extend(["/lib64", "/usr/lib64", "/lib", "/usr/lib"].map(PathBuf::from));
    folders
}

/// The folders that a file names, and those that it includes.
fn configured(file: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let mut folders = Vec::new();
    for line in lines {
        if let Some(pattern) = line.strip_prefix("include ") {
            let base = file.parent().unwrap_or_else(|| Path::new("/"));
            folders
                .extend(matching(&base.join(pattern.trim())).iter().flat_map(|it| configured(it)));
        } else if line.starts_with('/') {
            folders.push(PathBuf::from(line));
        }
    }
    folders
}

/// The files that a path means whose name may have one `*`, in order.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().unwrap_or_default().to_string_lossy();
    let Some((begin, end)) = name.split_once('*') else { return vec![pattern.to_owned()] };
    let entries = pattern.parent().and_then(|folder| fs::read_dir(folder).ok());
    let mut paths: Vec<_> = entries
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with(begin) && name.ends_with(end)
        })
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

fn inside(path: &Path) -> String {
    path.to_string_lossy().trim_start_matches('/').to_owned()
}

fn contains(content: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(content, wanted).is_some()
}
