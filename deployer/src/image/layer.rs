//! How do files become a layer, the same from the same? Sorted, owned by root, at one time, and compressed by
//! one program: what the machine knows of them besides is left out.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use miniz_oxide::deflate::compress_to_vec;

use super::Digest;

/// Content under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    digest: Digest,
    media_type: &'static str,
    content: Bytes,
}

impl Blob {
    pub(super) fn new(media_type: &'static str, content: Bytes) -> Self {
        Self { digest: Digest::of(&content), media_type, content }
    }

    /// Its name.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What kind of content it is, in the words of OCI.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// The content itself.
    #[must_use]
    pub fn content(&self) -> &Bytes {
        &self.content
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.content.len() as u64
    }
}

/// How layers are stored and sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// A third of the bytes, for some time.
    #[default]
    Gzip,
    /// As they are: for a registry on this very machine.
    None,
}

/// What stands at a path.
#[derive(Clone, Debug)]
enum Node {
    Folder,
    File(Bytes),
    Link(String),
}

/// Files by their paths, from the root and without its `/`.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree(BTreeMap<String, (u32, Node)>);

impl Tree {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    pub(super) fn folder(&mut self, path: &str, mode: u32) {
        self.put(path, mode, Node::Folder);
    }

    pub(super) fn file(&mut self, path: &str, mode: u32, content: impl Into<Bytes>) {
        self.put(path, mode, Node::File(content.into()));
    }

    pub(super) fn link(&mut self, path: &str, target: String) {
        self.put(path, 0o777, Node::Link(target));
    }

    fn put(&mut self, path: &str, mode: u32, node: Node) {
        for (end, _) in path.match_indices('/') {
            self.0.entry(path[..end].to_owned()).or_insert((0o755, Node::Folder));
        }
        self.0.insert(path.to_owned(), (mode, node));
    }
}

/// A layer: what is stored, and the name of what it unpacks to.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) blob: Blob,
    pub(super) unpacked: Digest,
}

/// Packs files into a layer.
pub(super) fn pack(tree: &Tree, time: u64, compression: Compression) -> Layer {
    let archive = archive(tree, time).unwrap_or_else(|_| unreachable!("memory takes every write"));
    let unpacked = Digest::of(&archive);
    let blob = match compression {
        Compression::Gzip => {
            Blob::new("application/vnd.oci.image.layer.v1.tar+gzip", gzip(&archive).into())
        }
        Compression::None => Blob::new("application/vnd.oci.image.layer.v1.tar", archive.into()),
    };
    Layer { blob, unpacked }
}

fn archive(tree: &Tree, time: u64) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, (mode, node)) in &tree.0 {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_mtime(time);
        match node {
            Node::Folder => {
                header.set_entry_type(tar::EntryType::Directory);
                archive.append_data(&mut header, format!("{path}/"), io::empty())?;
            }
            Node::File(content) => {
                header.set_size(content.len() as u64);
                archive.append_data(&mut header, path, &**content)?;
            }
            Node::Link(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                archive.append_link(&mut header, path, target)?;
            }
        }
    }
    archive.into_inner()
}

/// The frame of gzip around raw deflate: no name, no time, no system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// More takes twice the time for a hundredth of the bytes.
const LEVEL: u8 = 6;

/// Compressed by the one deflate that this crate names: `flate2` takes whichever its neighbours ask for, and
/// those that use a processor's own instructions give other bytes on other machines.
fn gzip(content: &[u8]) -> Vec<u8> {
    let checksum = crc32fast::hash(content).to_le_bytes();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the size modulo 2^32 is what gzip asks for"
    )]
    let size = (content.len() as u32).to_le_bytes();
    [&HEAD[..], &compress_to_vec(content, LEVEL), &checksum, &size].concat()
}
