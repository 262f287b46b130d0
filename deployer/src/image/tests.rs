//! Is the same packed the same, by every build of this crate?

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::layer::{Compression, Tree, pack};

/// Bytes that compress, but not to nothing.
fn content() -> Vec<u8> {
    (0..200_000_u32).map(|at| (at.wrapping_mul(at) >> 7).to_le_bytes()[at as usize % 3]).collect()
}

fn tree() -> Tree {
    let mut tree = Tree::default();
    tree.file("srv/data", 0o644, content());
    tree.link("srv/link", "data".to_owned());
    tree.folder("tmp", 0o1777);
    tree
}

/// Made by this test when the packing was changed last: it then changes every image, and people notice.
const UNPACKED: &str = "sha256:dfdbe2a16c7a1fe7787c7b3223d1cc6dab774348503fb654a3da4dbb5602c5a3";
const PACKED: &str = "sha256:55fe5f685dd8e8a326aaf7e8fcd5be18e6a142ba02e6457cd1032b9b4a3140c9";

#[test]
fn a_layer_is_the_same_to_the_byte_in_every_build() {
    let layer = pack(&tree(), 0, Compression::Gzip);
    assert_eq!(layer.unpacked.as_str(), UNPACKED);
    assert_eq!(layer.blob.digest().as_str(), PACKED);
    assert_eq!(pack(&tree(), 0, Compression::None).blob.digest(), &layer.unpacked);
    assert_ne!(pack(&tree(), 1, Compression::None).blob.digest(), &layer.unpacked);
}

#[test]
fn gzip_itself_unpacks_it_to_what_it_says() {
    let layer = pack(&tree(), 0, Compression::Gzip);
    let mut gzip = Command::new("gzip")
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = gzip.stdin.take().unwrap();
    let packed = layer.blob.content().clone();
    let writing = std::thread::spawn(move || input.write_all(&packed));
    let output = gzip.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success());
    assert_eq!(super::Digest::of(&output.stdout), layer.unpacked);
}
