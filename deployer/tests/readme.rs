//! Is the code in the tutorial the code of the examples? `ACCEPT=1 cargo test -p metaparticle --test readme`
//! writes it there.

use std::fs;
use std::path::{Path, PathBuf};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(here(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What a mark (`examples/NAME.rs`, or that and `tests`) stands for.
fn meant(mark: &str) -> String {
    let (path, tests) = mark.strip_suffix(" tests").map_or((mark, false), |path| (path, true));
    let text = read(path);
    let (code, rest) = text.split_once("\n#[cfg(test)]\n").expect("an example has tests");
    if tests { format!("#[cfg(test)]\n{rest}") } else { code.to_owned() }
}

/// The tutorial with its code as `code` says, and the marks that it has.
fn filled(text: &str, code: impl Fn(&str) -> String) -> (String, Vec<String>) {
    let mut parts = text.split("<!-- examples/");
    let mut out = parts.next().unwrap_or_default().to_owned();
    let mut marks = Vec::new();
    for part in parts {
        let (mark, rest) = part.split_once(" -->\n```rust\n").expect("code follows a mark");
        let mark = format!("examples/{mark}");
        let (_, after) = format!("\n{rest}")
            .split_once("\n```\n")
            .map(|(before, after)| (before.to_owned(), after.to_owned()))
            .expect("code ends");
        out.push_str(&format!("<!-- {mark} -->\n```rust\n{}```\n{after}", code(&mark)));
        marks.push(mark);
    }
    (out, marks)
}

#[test]
#[allow(clippy::disallowed_methods, reason = "how a test is told to accept")]
fn the_tutorial_has_the_code_of_the_examples() {
    let text = read("README.md");
    let (right, marks) = filled(&text, meant);
    for example in fs::read_dir(here("examples")).unwrap() {
        let name = example.unwrap().file_name().into_string().unwrap();
        assert!(marks.contains(&format!("examples/{name}")), "{name} is in the tutorial");
    }
    if std::env::var("ACCEPT").is_ok() {
        fs::write(here("README.md"), right).unwrap();
        return;
    }
    let differ = text.lines().zip(right.lines()).find(|(found, right)| found != right);
    assert!(text == right, "run with ACCEPT=1; the first line that differs: {differ:?}");
}

/// The crates that a program names with a path.
fn crates(text: &str) -> impl Iterator<Item = &str> {
    let is_path = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | ':');
    let paths = text.split(move |sign| !is_path(sign)).filter_map(|path| path.split_once("::"));
    // `json::<u32>()` is a method.
    let first = paths.filter(|(_, rest)| !rest.is_empty()).map(|(first, _)| first);
    let begins = |name: &&str| name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    first.filter(begins).filter(|name| !["std", "super", "metaparticle"].contains(name))
}

#[test]
fn the_tutorial_names_the_crates_that_its_programs_use() {
    let text = read("README.md");
    let manifest = text.split("```toml\n").nth(1).and_then(|text| text.split("```").next());
    let manifest = manifest.expect("the tutorial begins with a manifest");
    for example in fs::read_dir(here("examples")).unwrap() {
        let path = example.unwrap().path();
        for name in crates(&fs::read_to_string(&path).unwrap()) {
            let named = manifest.contains(&format!("\n{name} = "));
            assert!(named, "{} uses `{name}`", path.display());
        }
    }
    assert!(crates("a::b(c::D, E::f).g::<H>()").eq(["a", "c"]), "crates are found");
}

#[test]
fn a_text_is_filled_where_it_is_marked() {
    let text = "a\n<!-- examples/x.rs -->\n```rust\nold\n```\nb\n";
    let (new, marks) = filled(text, |mark| format!("{mark}\n"));
    assert_eq!(new, "a\n<!-- examples/x.rs -->\n```rust\nexamples/x.rs\n```\nb\n");
    assert_eq!(marks, ["examples/x.rs"]);
    assert_eq!(filled(&new, |mark| format!("{mark}\n")).0, new);
}

#[test]
fn the_application_in_the_first_readme_is_that_of_the_example() {
    let readme = include_str!("../../README.md");
    let example = include_str!("../../deploy/examples/hello/metaparticle.yaml");
    let shown = readme.split("```yaml\n").find(|text| text.starts_with("application:"));
    let shown = shown.and_then(|text| text.split("```").next()).expect("the README shows one");
    let plan = |text: &str| {
        let written = metaparticle::read::application(text).expect("a right file");
        metaparticle::render::yaml(&written.application.plan())
    };
    assert_eq!(plan(shown), plan(example));
}
