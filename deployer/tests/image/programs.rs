//! Which programs are images made of here? Small ones, compiled on the spot: static, dynamic, and with
//! libraries where only they look for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use metaparticle::image::Image;

/// A folder for one test, emptied before.
pub(crate) fn place(test: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    match fs::remove_dir_all(&place) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
        _ => fs::create_dir_all(&place).expect("a folder"),
    }
    place
}

/// What a program says of where it runs.
const HELLO: &str = r#"
    fn main() {
        use std::net::ToSocketAddrs;
        println!("arguments={:?}", std::env::args().skip(1).collect::<Vec<_>>());
        println!("tmp={}", std::fs::write("/tmp/mark", "x").is_ok());
        println!("etc={}", std::fs::write("/etc/mark", "x").is_ok());
        println!("looked up={}", ("127.0.0.1", 80).to_socket_addrs().is_ok());
        let trusted = std::env::var("SSL_CERT_FILE").and_then(|path| {
            std::fs::read_to_string(path).map_err(|_| std::env::VarError::NotPresent)
        });
        println!("trusted={}", trusted.unwrap_or_default().matches("BEGIN CERTIFICATE").count() > 50);
        let said = std::fs::read_to_string("/srv/motto/first").unwrap_or_default();
        println!("motto={said}");
    }
"#;

/// Compiles it, and gives the program.
pub(crate) fn compile(place: &Path, name: &str, source: &str, flags: &[&str]) -> PathBuf {
    let file = place.join(format!("{name}.rs"));
    fs::write(&file, source).expect("a source");
    let out = place.join(name);
    let rustc = Command::new("rustc")
        .args(["--edition=2024", "-Cdebuginfo=2", "-Ccodegen-units=1"])
        .args(flags)
        .arg("-o")
        .arg(&out)
        .arg(&file)
        .output()
        .expect("rustc");
    assert!(rustc.status.success(), "{}", String::from_utf8_lossy(&rustc.stderr));
    out
}

fn once(cell: &'static OnceLock<PathBuf>, name: &str, flags: &[&str]) -> &'static Path {
    cell.get_or_init(|| compile(&place(name), "hello", HELLO, flags))
}

/// One that asks for the C library.
pub(crate) fn dynamic() -> &'static Path {
    static CELL: OnceLock<PathBuf> = OnceLock::new();
    once(&CELL, "hello-dynamic", &[])
}

/// One that has it within.
pub(crate) fn linked() -> &'static Path {
    static CELL: OnceLock<PathBuf> = OnceLock::new();
    once(&CELL, "hello-static", &["-Ctarget-feature=+crt-static"])
}

/// One that asks for Rust's library, too.
pub(crate) fn prefers_dynamic() -> &'static Path {
    static CELL: OnceLock<PathBuf> = OnceLock::new();
    once(&CELL, "hello-prefers-dynamic", &["-Cprefer-dynamic"])
}

/// Where Rust's own libraries are.
pub(crate) fn rust_libraries() -> PathBuf {
    let rustc = Command::new("rustc").args(["--print", "target-libdir"]).output().expect("rustc");
    PathBuf::from(String::from_utf8(rustc.stdout).expect("a path").trim())
}

/// A program that asks for `libone.so`, which asks for `libtwo.so`; both stand in a folder beside it that only
/// they themselves name.
pub(crate) fn with_libraries_beside_it(place: &Path) -> PathBuf {
    let beside = place.join("beside");
    fs::create_dir_all(&beside).expect("a folder");
    let library = |name: &str, source: &str, more: &[&str]| {
        let soname = format!("-Clink-arg=-Wl,-soname,lib{name}.so");
        let flags = [&["--crate-type=cdylib", &soname], more].concat();
        let made = compile(&beside, name, source, &flags);
        fs::rename(made, beside.join(format!("lib{name}.so"))).expect("a library");
    };
    let search = format!("-L{}", beside.display());
    library("two", "#[unsafe(no_mangle)] extern \"C\" fn two() -> u32 { 2 }", &[]);
    let origin = "-Clink-arg=-Wl,-rpath,$ORIGIN";
    library(
        "one",
        "#[link(name = \"two\")] unsafe extern \"C\" { fn two() -> u32; }
         #[unsafe(no_mangle)] extern \"C\" fn one() -> u32 { unsafe { two() - 1 } }",
        &[&search, origin],
    );
    compile(
        place,
        "sum",
        "#[link(name = \"one\")] unsafe extern \"C\" { fn one() -> u32; }
         fn main() { println!(\"one={}\", unsafe { one() }); }",
        &[
            &search,
            "-Clink-arg=-Wl,-rpath,$ORIGIN/beside",
            "-Clink-arg=-Wl,--allow-shlib-undefined",
        ],
    )
}

/// Unpacks an image's layers into a folder, as a runtime does.
pub(crate) fn unpacked(image: &Image, place: &Path) -> PathBuf {
    let root = place.join("root");
    fs::create_dir_all(&root).expect("a folder");
    let blobs: Vec<_> = image.blobs().collect();
    for layer in blobs.split_last().expect("a configuration").1 {
        let file = place.join(layer.digest().hex());
        fs::write(&file, layer.content()).expect("a layer");
        let tar = Command::new("tar").arg("-xpzf").arg(&file).arg("-C").arg(&root).status();
        assert!(tar.expect("tar").success(), "a layer is a tar of its own");
    }
    root
}
