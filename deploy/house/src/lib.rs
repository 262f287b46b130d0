//! Is a house as its plan says? Read as text: which room leans on which, what a pure room knows, and how every file
//! of the workspace begins. A crate is a house, and a module of its `lib.rs` a room.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a pure room does not know: a runtime, a socket, a clock, chance, a log, a file, another process.
const WORLD: [&str; 10] = [
    "tokio::",
    "hyper::",
    "kube::",
    "tracing::",
    "TcpStream",
    "::now()",
    "std::env",
    "std::fs",
    "std::process",
    "rand::",
];

/// A crate, and the plan of it.
#[derive(Clone, Copy, Debug)]
pub struct House {
    /// Where its `Cargo.toml` is.
    pub folder: &'static str,
    /// Its rooms in reading order: each leans only on those before it.
    pub road: &'static [&'static str],
}

impl House {
    /// Each room that names one after it, and that one.
    #[must_use]
    pub fn leaning_forward(&self) -> Vec<(&'static str, &'static str)> {
        let mut leaning = Vec::new();
        for (here, room) in self.road.iter().enumerate() {
            let text = self.text_of(room);
            let named = named(&text);
            let ahead = self.road[here + 1..].iter().filter(|ahead| named.contains(**ahead));
            leaning.extend(ahead.map(|ahead| (*room, *ahead)));
        }
        leaning
    }

    /// Each of these rooms that knows something of the world, and what.
    #[must_use]
    pub fn worldly(&self, pure: &[&'static str]) -> Vec<(&'static str, &'static str)> {
        let signs = |room: &&'static str| {
            let room = *room;
            worldly(&self.text_of(room)).into_iter().map(move |sign| (room, sign))
        };
        pure.iter().flat_map(signs).collect()
    }

    /// The rooms that know this, but for those that may.
    #[must_use]
    pub fn knowing(&self, sign: &str, may: &[&str]) -> Vec<&'static str> {
        let others = self.road.iter().copied().filter(|room| !may.contains(room));
        others.filter(|room| self.text_of(room).contains(sign)).collect()
    }

    /// The rooms that are only in `lib.rs`, or only in the plan.
    #[must_use]
    pub fn unplanned(&self) -> Vec<String> {
        let map = read(&self.source().join("lib.rs"));
        let rooms: BTreeSet<_> = map.lines().filter_map(declared).collect();
        let plan = self.road.iter().copied().collect();
        rooms.symmetric_difference(&plan).map(|room| (*room).to_owned()).collect()
    }

    /// What stands in a room: in its file and in those behind it, but for its tests.
    ///
    /// # Panics
    ///
    /// When there is no such room.
    #[must_use]
    pub fn text_of(&self, room: &str) -> String {
        let (door, behind) = (self.source().join(format!("{room}.rs")), self.source().join(room));
        let door = read(&door);
        let mut tests: BTreeSet<_> = test_modules(&door).collect();
        tests.insert("tests");
        let mut text = without_tests(&door).to_owned();
        for path in files(&behind) {
            let inner = path.strip_prefix(&behind).expect("a path below");
            let parts = inner.iter().map(|part| part.to_string_lossy());
            if !parts.into_iter().any(|part| tests.contains(part.trim_end_matches(".rs"))) {
                text.push_str(without_tests(&read(&path)));
            }
        }
        text
    }

    /// What stands in one of its files, but for the tests at its end.
    ///
    /// # Panics
    ///
    /// When there is no such file.
    #[must_use]
    pub fn file(&self, path: &str) -> String {
        without_tests(&read(&self.source().join(path))).to_owned()
    }

    fn source(&self) -> PathBuf {
        Path::new(self.folder).join("src")
    }
}

/// What `text` knows of the world.
#[must_use]
pub fn worldly(text: &str) -> Vec<&'static str> {
    WORLD.into_iter().filter(|sign| text.contains(sign)).collect()
}

/// All files of Rust in `folder` and below, in order, but for what cargo and others keep there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name != "target" && !name.starts_with('.')
    });
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

/// The module that a line of `lib.rs` declares, in a file of its own.
fn declared(line: &str) -> Option<&str> {
    line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';')
}

/// The modules of its own crate that `text` names.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split("crate::").skip(1).flat_map(first_words);
    words.filter(|word| !word.is_empty()).collect()
}

/// What a path goes on with: a word, or all those of `{one, two::Three}`.
fn first_words(path: &str) -> Vec<&str> {
    let Some(list) = path.strip_prefix('{') else { return vec![first_word(path)] };
    let mut depth = 0;
    let ends = |sign: char| {
        depth += i32::from(sign == '{') - i32::from(sign == '}');
        depth < 0
    };
    let list = &list[..list.find(ends).unwrap_or(list.len())];
    // What follows a comma in inner braces is no module's name, and does no harm.
    list.split(',').map(|part| first_word(part.trim_start())).collect()
}

fn first_word(text: &str) -> &str {
    let end = text.find(|sign: char| !sign.is_alphanumeric() && sign != '_');
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES_MOST: usize = 400;

    /// What is wrong with a file's form.
    fn misshapen(text: &str) -> Option<String> {
        let lines = text.lines().count();
        if !text.starts_with("//! ") {
            return Some("does not open with what it is for".to_owned());
        }
        (lines > LINES_MOST).then(|| format!("has {lines} lines; at most {LINES_MOST} are allowed"))
    }

    #[test]
    fn every_file_of_the_workspace_says_what_it_is_for_and_is_short() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let all = files(&root);
        for known in ["benches/compare/main.rs", "deploy/e2e/src/lib.rs", "sync/tests/model.rs"] {
            assert!(all.contains(&root.join(known)), "{known} is really read");
        }
        let fault =
            |path: &PathBuf| Some(format!("{} {}", path.display(), misshapen(&read(path))?));
        let faults: Vec<_> = all.iter().filter_map(fault).collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn a_file_without_its_question_or_too_long_is_found() {
        assert!(misshapen("use std::fs;\n").is_some());
        assert!(misshapen(&format!("//! What?\n{}", "\n".repeat(LINES_MOST))).is_some());
        assert_eq!(misshapen("//! What?\n"), None);
    }

    #[test]
    fn a_room_is_named_by_its_whole_name_alone_or_in_a_list() {
        let check = |text: &str, rooms: &[&str]| {
            assert_eq!(named(text), rooms.iter().copied().collect(), "{text}");
        };
        check("use crate::store::Store;\nuse crate::stores;", &["store", "stores"]);
        check("let x = crate::merge::parts(crate::key);", &["key", "merge"]);
        check(
            "use crate::{\n    cluster,\n    plan::{Object, Plan},\n    server,\n};\nuse std::{fs, io};",
            &["Plan", "cluster", "plan", "server"],
        );
    }

    #[test]
    fn the_world_is_known_by_its_signs() {
        assert_eq!(worldly("let now = Instant::now();"), ["::now()"]);
        assert_eq!(worldly("use tokio::time;\nfastrand::u64(..)"), ["tokio::", "rand::"]);
    }

    #[test]
    fn tests_are_no_part_of_a_room() {
        assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests {\nb\n}"), "a\n");
        let modules = "#[cfg(test)]\nmod against_hyper;\n#[cfg(test)]\nmod tests;\n";
        assert_eq!(test_modules(modules).collect::<Vec<_>>(), ["against_hyper", "tests"]);
        assert_eq!(declared("pub mod watch;"), Some("watch"));
        assert_eq!(declared("pub mod prelude {"), None);
    }
}
