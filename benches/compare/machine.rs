//! Where and when was this? So that numbers are not read apart from it.

use std::process::Command;

use serde::Serialize;

use crate::process::first_line;

/// The machine and the day.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) system: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let said = |program: &str, arguments: &[&str]| {
            let line = first_line(Command::new(program).args(arguments));
            line.unwrap_or_else(|_| "unknown".to_owned())
        };
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model =
            |line: &str| Some(line.strip_prefix("model name")?.split_once(": ")?.1.to_owned());
        Self {
            date: said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            commit: said("git", &["describe", "--always", "--dirty"]),
            system: said("uname", &["-sr"]),
            processor: info.lines().find_map(model).unwrap_or_else(|| "unknown".to_owned()),
            cores: info.lines().filter(|line| line.starts_with("processor")).count(),
        }
    }
}
