//! Where are values on one machine, after a restart? In a folder: a file a name, replaced whole, under a lock.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::scope::{Loaded, Store, Version};
use crate::wire::Result;

/// Values in the files of a folder: `NAME.scope`, for people to read, and beside it what keeps order.
#[derive(Debug, Clone)]
pub struct Files {
    folder: PathBuf,
}

impl Files {
    /// Values in `folder`, which is made when something is written.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn path(&self, name: &str, end: &str) -> PathBuf {
        self.folder.join(format!("{name}.{end}"))
    }

    /// The value and its version: a number that grows with every change.
    fn look(&self, name: &str) -> io::Result<Option<(Vec<u8>, u64)>> {
        let text = match fs::read(self.path(name, "scope")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        // The first line is the version, so that value and version are one file and one rename.
        let mut parts = text.splitn(2, |byte| *byte == b'\n');
        let first = parts.next().and_then(|line| std::str::from_utf8(line).ok());
        let version = first.and_then(|line| line.strip_prefix("// version ")?.parse().ok());
        let wrong =
            || io::Error::other(format!("{}: no version", self.path(name, "scope").display()));
        let version = version.ok_or_else(wrong)?;
        Ok(Some((parts.next().unwrap_or_default().to_owned(), version)))
    }

    fn write(&self, name: &str, over: Option<&Version>, value: &[u8]) -> io::Result<bool> {
        fs::create_dir_all(&self.folder)?;
        // Held until it is dropped, by this process or by another one.
        let lock = OpenOptions::new().create(true).append(true).open(self.path(name, "lock"))?;
        lock.lock()?;
        let now = self.look(name)?.map(|(_, version)| version);
        if now.map(Version::new).as_ref() != over {
            return Ok(false);
        }
        let draft = self.path(name, "draft");
        let mut file = File::create(&draft)?;
        writeln!(file, "// version {}", now.unwrap_or_default() + 1)?;
        file.write_all(value)?;
        file.sync_all()?;
        fs::rename(&draft, self.path(name, "scope"))?;
        sync(&self.folder)?;
        Ok(true)
    }
}

/// A rename is there after a crash once its folder was written.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

impl Store for Files {
    fn load<'s>(&'s self, name: &'s str) -> BoxFuture<'s, Result<Option<Loaded>>> {
        let (files, name) = (self.clone(), name.to_owned());
        async move {
            let found = tokio::task::spawn_blocking(move || files.look(&name)).await??;
            Ok(found.map(|(value, version)| (value, Version::new(version))))
        }
        .boxed()
    }

    fn swap<'s>(
        &'s self,
        name: &'s str,
        over: Option<&'s Version>,
        value: &'s [u8],
    ) -> BoxFuture<'s, Result<bool>> {
        let (files, name, over) = (self.clone(), name.to_owned(), over.cloned());
        let value = value.to_owned();
        async move {
            let write = move || files.write(&name, over.as_ref(), &value);
            Ok(tokio::task::spawn_blocking(write).await??)
        }
        .boxed()
    }
}
