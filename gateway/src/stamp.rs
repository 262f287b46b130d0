//! Was a file touched? Its stamp tells, without reading it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What changes when a file is written, replaced, or swapped by a symbolic link: which file it is, how
/// long, and when it was written and moved. The time of writing alone is not enough: `cp -p`, archives
/// and images keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    file: (u64, u64),
    length: u64,
    written: (i64, i64),
    moved: (i64, i64),
}

impl Stamp {
    /// The stamp of the file at `path`; `None` where there is none.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self {
            file: (found.dev(), found.ino()),
            length: found.len(),
            written: (found.mtime(), found.mtime_nsec()),
            moved: (found.ctime(), found.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_file_replaced_by_one_as_old_and_as_long_was_touched() {
        let folder = std::env::temp_dir().join(format!("stamp-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (path, other) = (folder.join("a"), folder.join("b"));
        for (path, text) in [(&path, "one"), (&other, "two")] {
            fs::write(path, text).unwrap();
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }
        let before = Stamp::of(&path);
        assert_eq!(Stamp::of(&path), before);
        fs::rename(&other, &path).unwrap();
        assert_ne!(Stamp::of(&path), before);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(Stamp::of(&path), None);
    }
}
