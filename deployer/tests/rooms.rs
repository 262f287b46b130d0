//! Is the house as its plan says? Read as text: which room leans on which, and what a pure room knows.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms in reading order: each leans only on those before it.
const ROAD: [&str; 28] = [
    "settings",
    "wire",
    "scope",
    // What is to run.
    "application",
    "spec",
    "read",
    "plan",
    "render",
    // Its programs as images, and all of it into a cluster.
    "image",
    "registry",
    "report",
    "cluster",
    "package",
    "compiler",
    "server",
    "cli",
    // Patterns as code.
    "log",
    "context",
    "pattern",
    "road",
    "reply",
    "leaf",
    "lead",
    "local",
    "sim",
    "pod",
    "start",
    "containerize",
];

/// Rooms without a runtime, a socket, a clock, chance or a file.
const PURE: [&str; 5] = ["application", "spec", "read", "plan", "render"];

/// What a pure room does not know.
const WORLD: [&str; 10] = [
    "tokio::",
    "hyper::",
    "kube::",
    "tracing::",
    "TcpStream",
    "::now()",
    "std::env",
    "std::fs",
    "fastrand::",
    "std::process",
];

/// What only some rooms know: packing needs no network, and one room speaks to the cluster.
const ONLY: [(&str, &[&str]); 3] = [
    ("kube::", &["cluster"]),
    (
        "hyper::",
        &["registry", "cluster", "compiler", "server", "wire", "reply", "leaf", "local", "pattern"],
    ),
    ("env::var", &["settings"]),
];

const LINES_MOST: usize = 400;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
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

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
}

/// What stands in a room, but for its tests; nothing if it is not built yet.
fn text_of(room: &str) -> String {
    let door = folder("src").join(format!("{room}.rs"));
    let behind = files(&folder("src").join(room));
    let test = |path: &PathBuf| {
        path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
    };
    let rooms = std::iter::once(door).chain(behind).filter(|path| path.exists() && !test(path));
    rooms.map(|path| without_tests(&read(&path)).to_owned()).collect()
}

/// Whether `text` names the room.
fn names(text: &str, room: &str) -> bool {
    ["::", ";"].iter().any(|end| text.contains(&format!("crate::{room}{end}")))
}

/// The rooms after `room` that it uses.
fn ahead(room: &str, text: &str) -> Vec<&'static str> {
    let after = ROAD.iter().skip_while(|one| **one != room).skip(1);
    after.copied().filter(|other| names(text, other)).collect()
}

fn knows(text: &str) -> Vec<&'static str> {
    WORLD.iter().filter(|sign| text.contains(**sign)).copied().collect()
}

fn misshapen(text: &str) -> Option<String> {
    let lines = text.lines().count();
    if !text.starts_with("//! ") {
        return Some("does not open with what it is for".to_owned());
    }
    (lines > LINES_MOST).then(|| format!("has {lines} lines; at most {LINES_MOST} are allowed"))
}

#[test]
fn a_room_uses_only_the_rooms_before_it() {
    for room in ROAD {
        assert_eq!(ahead(room, &text_of(room)), [""; 0], "`{room}` looks ahead");
    }
}

#[test]
fn a_pure_room_knows_nothing_of_the_world() {
    for room in PURE {
        assert_eq!(knows(&text_of(room)), [""; 0], "`{room}` is not pure");
    }
}

#[test]
fn what_few_rooms_may_know_no_other_does() {
    for (sign, rooms) in ONLY {
        for room in ROAD.iter().filter(|room| !rooms.contains(room)) {
            assert!(!text_of(room).contains(sign), "`{room}` knows `{sign}`");
        }
    }
}

#[test]
fn every_room_is_in_the_plan() {
    let map = read(&folder("src").join("lib.rs"));
    let declared =
        map.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
    for room in declared.filter_map(|name| name.strip_suffix(';')) {
        assert!(ROAD.contains(&room), "`{room}` is not in the plan");
    }
}

#[test]
fn every_file_says_what_it_is_for_and_is_short() {
    let faults: Vec<_> = ["src", "tests", "examples"]
        .iter()
        .flat_map(|name| files(&folder(name)))
        .filter_map(|path| Some(format!("{} {}", path.display(), misshapen(&read(&path))?)))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_guards_catch_a_planted_sinner() {
    assert!(names("use crate::plan::Plan;", "plan") && !names("use crate::planner::X;", "plan"));
    assert_eq!(ahead("image", "crate::registry::push()"), ["registry"]);
    assert_eq!(ahead("image", "crate::image::of(); crate::settings::x()"), [""; 0]);
    assert_eq!(knows("let now = Instant::now();"), ["::now()"]);
    assert!(misshapen("use std::fs;\n").is_some());
    assert!(misshapen(&format!("//! What?\n{}", "\n".repeat(LINES_MOST))).is_some());
    assert_eq!(misshapen("//! What?\n"), None);
    assert!(text_of("registry").contains("hyper::"), "the text of a room is really read");
    assert!(names(&text_of("registry"), "image"), "the text of a room is really read");
}
