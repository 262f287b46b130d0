//! How does an image stand on a disk? As an OCI layout: a folder, or an archive of one, that other tools read.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::{Digest, Fault, Image};

const MARK: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

impl Image {
    /// Writes a layout into a folder, which is made; what is there of an earlier one is used.
    ///
    /// # Errors
    ///
    /// When the folder or a file in it cannot be written.
    pub fn write_layout(&self, folder: &Path) -> Result<(), Fault> {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs).map_err(|error| Fault::Unwritable(blobs.clone(), error))?;
        for blob in self.all() {
            let path = blobs.join(blob.digest().hex());
            let there = fs::read(&path).is_ok_and(|found| Digest::of(&found) == *blob.digest());
            if !there {
                put(&path, blob.content())?;
            }
        }
        put(&folder.join("oci-layout"), MARK)?;
        put(&folder.join("index.json"), &self.index())
    }

    /// Writes the layout as an archive (`oci-archive`), the same to the byte.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write_tar(&self, file: &Path) -> Result<(), Fault> {
        let write =
            || -> io::Result<()> {
                let mut archive = tar::Builder::new(BufWriter::new(File::create(file)?));
                let index = self.index();
                let mut entries =
                    vec![("index.json".to_owned(), &*index), ("oci-layout".to_owned(), MARK)];
                entries.extend(self.all().map(|blob| {
                    (format!("blobs/sha256/{}", blob.digest().hex()), &**blob.content())
                }));
                entries.sort_unstable();
                entries.dedup();
                for (path, content) in entries {
                    let mut header = tar::Header::new_gnu();
                    header.set_mode(0o644);
                    header.set_mtime(0);
                    header.set_size(content.len() as u64);
                    archive.append_data(&mut header, path, content)?;
                }
                archive.into_inner()?.flush()
            };
        write().map_err(|error| Fault::Unwritable(file.to_owned(), error))
    }
}

/// Writes a file in whole or not at all: who reads it meanwhile sees no half.
fn put(path: &Path, content: &[u8]) -> Result<(), Fault> {
    let part = path.with_extension("part");
    let written = fs::write(&part, content).and_then(|()| fs::rename(&part, path));
    written.map_err(|error| Fault::Unwritable(path.to_owned(), error))
}
