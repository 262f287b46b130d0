//! What is refused, and in which words?

use std::fs;
use std::path::{Path, PathBuf};

use metaparticle::image::{self, Extra, Options};

use crate::programs::{linked, place, with_libraries_beside_it};

fn refusal(program: &Path, options: &Options) -> String {
    image::of(program, options).expect_err("no image").to_string()
}

#[test]
fn every_missing_library_is_named_with_who_asks_for_it() {
    let place = place("missing");
    let program = with_libraries_beside_it(&place);
    fs::remove_file(place.join("beside/libtwo.so")).expect("one less");
    let said = refusal(&program, &Options { library_path: Vec::new(), ..Options::default() });
    assert!(said.contains("not here: libtwo.so (for libone.so);"), "{said}");
    fs::remove_file(place.join("beside/libone.so")).expect("one less");
    let said = refusal(&program, &Options { library_path: Vec::new(), ..Options::default() });
    assert!(said.contains(&format!("libone.so (for {})", program.display())), "{said}");
}

#[test]
fn what_is_no_program_is_said_to_be_what_it_is() {
    let place = place("no-program");
    let check = |content: &[u8], wanted: &str| {
        let file = place.join("file");
        fs::write(&file, content).expect("a file");
        let said = refusal(&file, &Options::default());
        assert!(said.contains(&format!(" is {wanted}: an image is made of an ELF")), "{said}");
    };
    check(b"#!/bin/sh\n", "a script");
    check(b"hello", "not a program");
    check(b"", "not a program");
    check(
        &fs::read(linked()).expect("a program")[..100],
        "a broken ELF file (Invalid ELF program header size or alignment)",
    );
    let program = with_libraries_beside_it(&place);
    check(&fs::read(program.with_file_name("beside/libone.so")).expect("it"), "a library");
    let said = refusal(&place.join("nowhere"), &Options::default());
    assert!(said.contains("cannot read") && said.contains("nowhere"), "{said}");
}

#[test]
fn what_is_too_large_is_told_how_to_be_smaller() {
    let said = refusal(linked(), &Options { largest: 1000, ..Options::default() });
    assert!(said.contains("more than the 0 MiB") && said.contains("--release"), "{said}");
}

#[test]
fn files_stand_only_where_they_can() {
    let check = |to: &str, wanted: &str| {
        let files = vec![Extra { from: PathBuf::from("/etc/hostname"), to: to.to_owned() }];
        let said = refusal(linked(), &Options { files, ..Options::default() });
        assert!(said.contains(wanted), "{said}");
    };
    check("srv/data", "from the root");
    check("/", "below the root");
    check("/srv/../etc", "may be empty, `.` or `..`");
    check("/hello", "something else stands there");
    let named = Options { name: Some("etc".to_owned()), ..Options::default() };
    assert!(refusal(linked(), &named).contains("give the program another name"));
}
