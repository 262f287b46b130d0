//! Does it run where nothing else is? Its layers are unpacked into an empty folder, which is all that it sees.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use metaparticle::image::{self, Extra, Image, Options};
use serde_json::Value;

use crate::programs::{dynamic, linked, place, prefers_dynamic, rust_libraries};
use crate::programs::{unpacked, with_libraries_beside_it};

/// Runs an image as a runtime does, and gives what it says; `None` if this user may not.
fn run(image: &Image, place: &Path) -> Option<String> {
    let id = Command::new("id").arg("-u").output().expect("id");
    if id.stdout != b"0\n" {
        let skipped = "skipped: only root may run a program where nothing else is\n";
        std::io::Write::write_all(&mut std::io::stderr(), skipped.as_bytes()).expect("a word");
        return None;
    }
    let root = unpacked(image, place);
    let config = image.blobs().last().expect("a configuration");
    let config: Value = serde_json::from_slice(config.content()).expect("JSON");
    let config = &config["config"];
    let words = |name: &str| {
        let words = config[name].as_array().expect("a list").clone();
        words.iter().map(|word| word.as_str().expect("a word").to_owned()).collect::<Vec<_>>()
    };
    let env = words("Env");
    let output = Command::new("/usr/sbin/chroot")
        .arg(format!("--userspec={}", config["User"].as_str().expect("a user")))
        .arg(&root)
        .args(words("Entrypoint"))
        .args(words("Cmd"))
        .env_clear()
        .envs(env.iter().map(|pair| pair.split_once('=').expect("NAME=VALUE")))
        .output()
        .expect("chroot");
    let (said, against) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {said}{against}", output.status);
    Some(said.into_owned())
}

fn made(program: &Path, place: &Path, library_path: Vec<PathBuf>) -> Image {
    let motto = place.join("motto/first");
    fs::create_dir_all(place.join("motto")).expect("a folder");
    fs::write(&motto, "less").expect("a file");
    let files = vec![Extra { from: place.join("motto"), to: "/srv/motto".to_owned() }];
    let arguments = vec!["one".to_owned(), "2 3".to_owned()];
    let options = Options { arguments, files, library_path, ..Options::default() };
    image::of(program, &options).expect("an image")
}

const SAID: &str = "arguments=[\"one\", \"2 3\"]\ntmp=true\netc=false\nlooked up=true\n\
    trusted=true\nmotto=less\n";

#[test]
fn a_static_program_runs_where_nothing_else_is() {
    let place = place("alone-static");
    let Some(said) = run(&made(linked(), &place, Vec::new()), &place) else { return };
    assert_eq!(said, SAID);
}

#[test]
fn a_dynamic_program_runs_with_the_libraries_that_it_brings() {
    let place = place("alone-dynamic");
    let Some(said) = run(&made(dynamic(), &place, Vec::new()), &place) else { return };
    assert_eq!(said, SAID);
}

#[test]
fn libraries_that_only_the_library_path_names_come_along() {
    let place = place("alone-given");
    let image = made(prefers_dynamic(), &place, vec![rust_libraries()]);
    let Some(said) = run(&image, &place) else { return };
    assert_eq!(said, SAID);
}

#[test]
fn libraries_beside_the_program_come_along_and_so_do_theirs() {
    let place = place("alone-beside");
    let program = with_libraries_beside_it(&place);
    let options = Options { library_path: Vec::new(), ..Options::default() };
    let Some(said) = run(&image::of(&program, &options).expect("an image"), &place) else { return };
    assert_eq!(said, "one=1\n");
}
