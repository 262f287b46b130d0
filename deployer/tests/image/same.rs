//! Is it the same each time? Another place, other times, another order of files: not a byte of it changes.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use metaparticle::image::{self, DebugInfo, Digest, Extra, Image, Options};

use crate::programs::{dynamic, linked, place, unpacked};

fn copied(folder: &Path, age: u64, names: &[&str]) -> Options {
    fs::create_dir_all(folder.join("data")).expect("a folder");
    for name in names {
        let path = folder.join("data").join(name);
        fs::write(&path, format!("what {name} says")).expect("a file");
        // What the umask says of others is no difference between two machines.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600 + u32::from(age > 9) * 0o44))
            .expect("rights");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(age);
        File::options().write(true).open(&path).and_then(|it| it.set_modified(time)).expect("time");
    }
    let files = vec![Extra { from: folder.join("data"), to: "/srv/data".to_owned() }];
    Options { files, ..Options::default() }
}

fn image(program: &Path, options: &Options) -> Image {
    image::of(program, options).expect("an image")
}

fn digests(image: &Image) -> Vec<&Digest> {
    image.blobs().map(image::Blob::digest).collect()
}

#[test]
fn the_same_program_and_files_are_the_same_image_wherever_and_whenever() {
    let place = place("same");
    let (one, two) = (place.join("one"), place.join("elsewhere/two"));
    let options = [copied(&one, 9, &["a", "b", "c"]), copied(&two, 99_999, &["c", "a", "b"])];
    let images = [&one, &two].map(|folder| {
        let program = folder.join("hello");
        fs::copy(dynamic(), &program).expect("a copy");
        program
    });
    let images = [image(&images[0], &options[0]), image(&images[1], &options[1])];
    assert_eq!(digests(&images[0]), digests(&images[1]));
    assert_eq!(images[0].digest(), images[1].digest());
    for (image, folder) in images.iter().zip([&one, &two]) {
        image.write_tar(&folder.join("hello.tar")).expect("an archive");
    }
    let archives = [&one, &two].map(|folder| fs::read(folder.join("hello.tar")).expect("it"));
    assert!(archives[0] == archives[1], "the archives differ");
}

#[test]
fn a_changed_program_changes_its_own_layer_only() {
    let place = place("changed");
    let program = place.join("hello");
    let mut content = fs::read(dynamic()).expect("a program");
    let at = memchr::memmem::find(&content, b"arguments=").expect("its words");
    let before = image(dynamic(), &Options::default());
    content[at] = b'A';
    fs::write(&program, content).expect("another program");
    let after = image(&program, &Options::default());
    let (before, after) = (digests(&before), digests(&after));
    assert_eq!(before.len(), 4, "the root, the libraries, the program, the configuration");
    assert_eq!(before[..2], after[..2]);
    assert_ne!(before[2], after[2]);
}

#[test]
fn programs_share_the_layer_of_their_libraries_and_a_static_one_has_none() {
    let place = place("shared");
    let other = crate::programs::compile(&place, "other", "fn main() { print!(\"other\") }", &[]);
    let (one, other) = (image(dynamic(), &Options::default()), image(&other, &Options::default()));
    assert_eq!(digests(&one)[..2], digests(&other)[..2]);
    let alone = image(linked(), &Options::default());
    assert_eq!(digests(&alone).len(), 3);
    assert_eq!(digests(&alone)[0], digests(&one)[0]);
}

const TRACE: &str = r#"
    #[inline(never)]
    fn a_name_that_stays() -> String {
        std::backtrace::Backtrace::force_capture().to_string()
    }
    fn main() {
        print!("{}", a_name_that_stays());
    }
"#;

#[test]
fn what_only_a_debugger_reads_is_left_out_unless_it_is_asked_for_and_names_stay() {
    let place = place("stripped");
    let program = crate::programs::compile(&place, "trace", TRACE, &[]);
    let said = |debug_info, folder: &str| {
        let image = image(&program, &Options { debug_info, ..Options::default() });
        let program = unpacked(&image, &place.join(folder)).join("trace");
        let said = Command::new(&program).output().expect("it runs").stdout;
        (fs::metadata(program).expect("it").len(), String::from_utf8(said).expect("text"))
    };
    let (small, names) = said(DebugInfo::Strip, "small");
    let (whole, lines) = said(DebugInfo::Keep, "whole");
    assert!(small < whole / 2, "{small} of {whole} bytes");
    assert!(names.contains("trace::a_name_that_stays") && !names.contains("trace.rs:"), "{names}");
    assert!(lines.contains("trace::a_name_that_stays") && lines.contains("trace.rs:"), "{lines}");
}

#[test]
fn the_time_is_the_one_that_was_asked_for() {
    let early = image(linked(), &Options { created: 0, ..Options::default() });
    let late = image(linked(), &Options { created: 1_700_000_000, ..Options::default() });
    assert_ne!(early.digest(), late.digest());
    let config = |image: &Image| {
        let config = image.blobs().last().expect("a configuration").content().clone();
        serde_json::from_slice::<serde_json::Value>(&config).expect("JSON")["created"].clone()
    };
    assert_eq!(config(&early), "1970-01-01T00:00:00Z");
    assert_eq!(config(&late), "2023-11-14T22:13:20Z");
}
