//! Which files does a program bring along, and may they stand where they are to?

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::layer::Tree;
use super::{Extra, Fault, read};

/// Puts them into a tree of their own. Folders are taken with all that is in them, links as links.
pub(super) fn tree(files: &[Extra]) -> Result<Tree, Fault> {
    let mut tree = Tree::default();
    for Extra { from, to } in files {
        let place = place(to)?;
        // What is named is what a link leads to; what is found in a folder is the link.
        let from =
            fs::canonicalize(from).map_err(|error| Fault::Unreadable(from.clone(), error))?;
        put(&mut tree, &from, place)?;
    }
    Ok(tree)
}

fn place(to: &str) -> Result<&str, Fault> {
    let wrong = |why| Err(Fault::Place(to.to_owned(), why));
    let Some(path) = to.strip_prefix('/') else { return wrong("say where, from the root: `/…`") };
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return wrong("name a folder below the root");
    }
    let odd = |part: &str| part.is_empty() || part == "." || part == ".." || part.contains('\0');
    if path.split('/').any(odd) {
        return wrong("no part of it may be empty, `.` or `..`");
    }
    Ok(path)
}

fn put(tree: &mut Tree, from: &Path, to: &str) -> Result<(), Fault> {
    let unreadable = |error| Fault::Unreadable(from.to_owned(), error);
    let about = fs::symlink_metadata(from).map_err(unreadable)?;
    if about.is_symlink() {
        let target = fs::read_link(from).map_err(unreadable)?;
        tree.link(to, target.to_string_lossy().into_owned());
    } else if about.is_dir() {
        tree.folder(to, 0o755);
        for entry in fs::read_dir(from).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            put(tree, &entry.path(), &format!("{to}/{}", name.to_string_lossy()))?;
        }
    } else if about.is_file() {
        let runs = about.permissions().mode() & 0o100 != 0;
        tree.file(to, if runs { 0o755 } else { 0o644 }, read(from)?);
    } else {
        return Err(Fault::Place(from.display().to_string(), "it is neither a file nor a folder"));
    }
    Ok(())
}
