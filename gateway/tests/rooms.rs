//! Is the house as its plan says? Read as text: which room leans on which, and what a pure room knows.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms in reading order: each leans only on those before it.
const ROAD: [&str; 30] = [
    "words", "fields", "model", "ring", "snapshot", "yaml", "file", "watch", "stamp", "memory",
    "tasks", "http1", "request", "route", "key", "pick", "send", "gather", "merge", "log",
    "respond", "handle", "serve", "metrics", "admin", "demo", "settings", "follow", "app", "run",
];

/// Rooms without a runtime, a socket, a clock, chance or a log.
const PURE: [&str; 9] =
    ["words", "fields", "model", "ring", "snapshot", "route", "key", "pick", "merge"];

/// What a pure room does not know.
const WORLD: [&str; 9] = [
    "tokio::",
    "hyper::",
    "kube::",
    "tracing::",
    "TcpStream",
    "::now()",
    "std::env",
    "std::fs",
    "rand::",
];

/// The files of `watch` that only decide: they know the objects of Kubernetes, and nothing else of it.
const DECIDING: [&str; 13] = [
    "annotations",
    "assemble",
    "certificates",
    "cluster",
    "digest",
    "digest/endpoints",
    "digest/ingress",
    "identity",
    "ingress",
    "report",
    "services",
    "slices",
    "terms",
];

/// What only `watch` knows.
const CLUSTER: [&str; 2] = ["kube::", "k8s_openapi::"];

const LINES_MOST: usize = 400;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All files of Rust in `folder` and below, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let all =
        paths.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    all.filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file without the tests at its end.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
}

/// Modules that `text` declares for tests only.
fn test_modules(text: &str) -> impl Iterator<Item = &str> {
    let declared = text.split("#[cfg(test)]\nmod ").skip(1);
    declared.filter_map(|rest| rest.split(';').next()).filter(|name| !name.contains(['{', ' ']))
}

/// What stands in a room: in its file and in those behind it, but for its tests.
fn text_of(room: &str) -> String {
    let (door, behind) = (source().join(format!("{room}.rs")), source().join(room));
    let door = read(&door);
    let mut skipped: Vec<String> = test_modules(&door).map(str::to_owned).collect();
    skipped.push("tests".to_owned());
    let mut text = without_tests(&door).to_owned();
    for path in files(&behind) {
        let inner = path.strip_prefix(&behind).expect("a path below");
        let is_test = inner.iter().any(|part| {
            let part = part.to_string_lossy();
            skipped.iter().any(|name| part.trim_end_matches(".rs") == name)
        });
        if !is_test {
            text.push_str(without_tests(&read(&path)));
        }
    }
    text
}

/// The rooms ahead of `here` that `text` names.
fn looks_ahead(here: usize, text: &str) -> Vec<&'static str> {
    let names = |ahead: &&&str| text.contains(&format!("crate::{ahead}"));
    ROAD[here + 1..].iter().filter(names).copied().collect()
}

/// What `text` knows of the world.
fn knows(text: &str) -> Vec<&'static str> {
    WORLD.iter().filter(|sign| text.contains(**sign)).copied().collect()
}

/// What is wrong with a file's form.
fn misshapen(text: &str) -> Option<String> {
    let lines = text.lines().count();
    if !text.starts_with("//! ") {
        return Some("does not open with what it is for".to_owned());
    }
    (lines > LINES_MOST).then(|| format!("has {lines} lines; at most {LINES_MOST} are allowed"))
}

#[test]
fn a_room_uses_only_the_rooms_before_it() {
    for (here, room) in ROAD.iter().enumerate() {
        assert_eq!(looks_ahead(here, &text_of(room)), [""; 0], "`{room}` looks ahead");
    }
}

#[test]
fn a_pure_room_knows_nothing_of_the_world() {
    for room in PURE {
        assert_eq!(knows(&text_of(room)), [""; 0], "`{room}` is not pure");
    }
}

#[test]
fn only_one_room_knows_the_cluster_and_what_decides_there_is_pure() {
    for room in ROAD.iter().filter(|room| **room != "watch") {
        let text = text_of(room);
        let known: Vec<_> = CLUSTER.iter().filter(|sign| text.contains(**sign)).collect();
        assert_eq!(known, [&""; 0], "`{room}` knows the cluster");
    }
    for file in DECIDING {
        let text = read(&source().join(format!("watch/{file}.rs")));
        assert_eq!(knows(without_tests(&text)), [""; 0], "`watch/{file}.rs` is not pure");
    }
}

#[test]
fn every_room_is_in_the_plan() {
    let map = read(&source().join("lib.rs"));
    let declared = map.lines().filter_map(|line| line.strip_prefix("pub mod "));
    let mut rooms: Vec<_> = declared.map(|name| name.trim_end_matches(';')).collect();
    let mut plan = ROAD;
    rooms.sort_unstable();
    plan.sort_unstable();
    assert_eq!(rooms, plan, "lib.rs and the plan have the same rooms");
}

#[test]
fn no_room_is_named_as_the_beginning_of_another() {
    for room in ROAD {
        let begins = |other: &&&str| **other != room && other.starts_with(room);
        assert_eq!(ROAD.iter().find(begins), None, "`{room}`");
    }
}

#[test]
fn every_file_says_what_it_is_for_and_is_short() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let faults: Vec<_> = files(&source())
        .into_iter()
        .chain(files(&tests))
        .filter_map(|path| Some(format!("{} {}", path.display(), misshapen(&read(&path))?)))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_guards_catch_a_planted_sinner() {
    let here = ROAD.iter().position(|room| *room == "pick").expect("a room");
    assert_eq!(looks_ahead(here, "use crate::key::Key;\nuse crate::send::Sender;"), ["send"]);
    assert_eq!(looks_ahead(here, "let x = crate::merge::parts;"), ["merge"]);
    assert_eq!(knows("let now = Instant::now();"), ["::now()"]);
    assert_eq!(knows("use tokio::time;\nfastrand::u64(..)"), ["tokio::", "rand::"]);
    assert!(misshapen("use std::fs;\n").is_some());
    assert!(misshapen(&format!("//! What?\n{}", "\n".repeat(LINES_MOST))).is_some());
    assert_eq!(misshapen("//! What?\n"), None);
    assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests {\nb\n}"), "a\n");
    let declared = "#[cfg(test)]\nmod against_hyper;\n#[cfg(test)]\nmod tests;\n";
    assert_eq!(test_modules(declared).collect::<Vec<_>>(), ["against_hyper", "tests"]);
    for (room, known) in [("handle", "route::find"), ("pick", "balance"), ("gather", "tokio::")] {
        assert!(text_of(room).contains(known), "the text of `{room}` is really read");
    }
}
