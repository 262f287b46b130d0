//! What did a test find out that is worth reading when it passes? cargo keeps what such a test prints to itself,
//! so it is written down, too: `make test` shows it at its end.

use std::fs;
use std::path::Path;

/// Where figures are kept, one file each: `make test` begins with none.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/figures");

/// Prints a figure, and keeps it under `name`, in whose order they are shown.
///
/// # Panics
///
/// When it cannot be written: a figure that nobody sees is none.
#[expect(clippy::print_stdout, reason = "a test's output is what its reader has")]
pub fn tell(name: &str, what: &str) {
    println!("{what}");
    let file = Path::new(FOLDER).join(format!("{}.txt", plain(name)));
    fs::create_dir_all(FOLDER).expect("a folder for figures");
    fs::write(file, format!("{what}\n")).expect("a file for a figure");
}

/// A name that is a file's.
fn plain(name: &str) -> String {
    name.chars().map(|sign| if sign.is_ascii_alphanumeric() { sign } else { '-' }).collect()
}
