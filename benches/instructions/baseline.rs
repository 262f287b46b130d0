//! What did a request cost when it was last accepted?

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

/// So much more, in per cent, is no slow-down: the order of events differs a little from run to run.
const MARGIN: u64 = 3;
/// Another compiler makes another program: only what no compiler explains is a slow-down.
const MARGIN_ELSEWHERE: u64 = 25;

/// The instructions of a request, by work.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Baseline {
    compiler: String,
    works: Vec<(String, u64)>,
}

/// What came of a comparison.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) lines: Vec<String>,
    pub(crate) is_dearer: bool,
}

impl Baseline {
    /// What these works cost with the compiler that is here.
    pub(crate) fn of(works: Vec<(String, u64)>) -> anyhow::Result<Self> {
        let output =
            Command::new("rustc").arg("--version").output().context("rustc is not there")?;
        let compiler = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Self { compiler, works })
    }

    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let compiler = lines.next().context("the first line names the compiler")?.to_owned();
        let work = |line: &str| {
            let (name, count) = line.split_once(' ')?;
            Some((name.to_owned(), count.trim().parse().ok()?))
        };
        let read = |line| work(line).with_context(|| format!("`{line}` is not `WORK NUMBER`"));
        Ok(Self { compiler, works: lines.map(read).collect::<Result<_, _>>()? })
    }

    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut text = String::from(
            "# Instructions a request, of the gateway built with `--profile counted`.\n\
             # Written by `make instructions-accept`; `make test` compares.\n",
        );
        writeln!(text, "{}", self.compiler)?;
        for (name, count) in &self.works {
            writeln!(text, "{name} {count}")?;
        }
        std::io::stderr().write_all(text.as_bytes())?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Compares with what was accepted.
    pub(crate) fn against(&self, accepted: &Self) -> Told {
        let same = self.compiler == accepted.compiler;
        let margin = if same { MARGIN } else { MARGIN_ELSEWHERE };
        let mut lines = Vec::new();
        if !same {
            let (here, there) = (&self.compiler, &accepted.compiler);
            lines.push(format!("accepted with {there}, counted with {here}: +{margin} % allowed"));
        }
        let mut is_dearer = false;
        for (name, count) in &self.works {
            let Some((_, before)) = accepted.works.iter().find(|(known, _)| known == name) else {
                lines.push(format!("{name}: {count} instructions a request, none accepted yet"));
                is_dearer = true;
                continue;
            };
            let dearer = count * 100 > before * (100 + margin);
            is_dearer |= dearer;
            let verdict = match () {
                () if dearer => format!("more than {margin} % above"),
                () if count * 100 < before * (100 - margin) => "less; accept it to keep it".into(),
                () => "as before".into(),
            };
            lines.push(format!(
                "{name}: {count} instructions a request, {before} accepted: {verdict}"
            ));
        }
        Told { lines, is_dearer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(compiler: &str, spread: u64) -> Baseline {
        Baseline { compiler: compiler.to_owned(), works: vec![("spread".to_owned(), spread)] }
    }

    #[test]
    fn a_little_more_is_as_before_and_more_than_that_is_not() {
        let accepted = baseline("rustc 1", 10_000);
        assert!(!baseline("rustc 1", 10_300).against(&accepted).is_dearer);
        assert!(baseline("rustc 1", 10_301).against(&accepted).is_dearer);
        assert!(!baseline("rustc 1", 5_000).against(&accepted).is_dearer);
    }

    #[test]
    fn another_compiler_may_differ_by_more() {
        let accepted = baseline("rustc 1", 10_000);
        assert!(!baseline("rustc 2", 12_000).against(&accepted).is_dearer);
        assert!(baseline("rustc 2", 13_000).against(&accepted).is_dearer);
    }

    #[test]
    fn a_work_that_was_never_accepted_is_not_let_through() {
        let nothing = Baseline { compiler: "rustc 1".to_owned(), works: Vec::new() };
        assert!(baseline("rustc 1", 1).against(&nothing).is_dearer);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = "# a remark\nrustc 1\nspread 17\n";
        assert_eq!(Baseline::parse(text).expect("it is right"), baseline("rustc 1", 17));
        assert!(Baseline::parse("rustc 1\nspread\n").is_err());
    }
}
