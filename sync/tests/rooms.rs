//! Is the house as its plan says? Read as text: which room leans on which, and what a pure room knows.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms in reading order: each leans only on those before it.
const ROAD: [&str; 15] = [
    "term", "moment", "name", "lease", "clock", "store", "tasks", "holder", "sync", "lock",
    "elect", "observe", "shards", "fence", "elector",
];

/// `Sync` hands out what the later rooms make: it alone may know them.
const DOOR: &str = "sync";

/// Rooms without a runtime, a socket, a clock, chance or a log.
const PURE: [&str; 4] = ["term", "moment", "name", "lease"];

/// What a pure room does not know.
const WORLD: [&str; 8] =
    ["tokio::", "hyper::", "kube::", "tracing::", "::now()", "std::env", "std::fs", "fastrand::"];

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

/// What stands in a room: in its file and in those behind it, but for its tests.
fn text_of(room: &str) -> String {
    let source = folder("src");
    let door = source.join(format!("{room}.rs"));
    let behind = files(&source.join(room));
    let rooms = std::iter::once(door).chain(behind).filter(|path| !path.ends_with("tests.rs"));
    rooms.map(|path| without_tests(&read(&path)).to_owned()).collect()
}

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default()
}

/// Whether `text` names the room.
fn names(text: &str, room: &str) -> bool {
    ["::", ";"].iter().any(|end| text.contains(&format!("crate::{room}{end}")))
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
    for (here, room) in ROAD.iter().enumerate().filter(|(_, room)| **room != DOOR) {
        let text = text_of(room);
        let ahead = ROAD[here + 1..].iter().find(|ahead| names(&text, ahead));
        assert_eq!(ahead, None, "`{room}` looks ahead");
    }
}

#[test]
fn a_pure_room_knows_nothing_of_the_world() {
    for room in PURE {
        assert_eq!(knows(&text_of(room)), [""; 0], "`{room}` is not pure");
    }
}

#[test]
fn every_room_is_in_the_plan() {
    let map = read(&folder("src").join("lib.rs"));
    let declared =
        map.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
    let mut rooms: Vec<_> = declared.map(|name| name.trim_end_matches(';')).collect();
    let mut plan = ROAD;
    rooms.sort_unstable();
    plan.sort_unstable();
    assert_eq!(rooms, plan, "lib.rs and the plan have the same rooms");
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
    assert!(names("use crate::store::Store;", "store") && !names("use crate::stores::X;", "store"));
    assert_eq!(knows("let now = Instant::now();"), ["::now()"]);
    assert!(misshapen("use std::fs;\n").is_some());
    assert!(misshapen(&format!("//! What?\n{}", "\n".repeat(LINES_MOST))).is_some());
    assert_eq!(misshapen("//! What?\n"), None);
    assert!(text_of("holder").contains("tokio::"), "the text of a room is really read");
}
