//! What came of it? A table for people, in Markdown.

use std::fmt::Write;
use std::process::Command;

use crate::contestant::version;
use crate::{Settings, Work};

/// All runs of one contestant.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    pub(crate) runs: Vec<Run>,
}

/// One run.
pub(crate) struct Run {
    /// CPU time of a request, in microseconds.
    pub(crate) micros: f64,
    pub(crate) per_second: f64,
}

/// When and where this was, and how.
pub(crate) fn heading(settings: &Settings) -> String {
    let Settings { rounds, seconds, connections, bytes, works: _, out: _ } = settings;
    let date = version(Command::new("date").arg("-I"));
    let commit = version(Command::new("git").args(["describe", "--always", "--dirty"]));
    let system = version(Command::new("uname").args(["-sr"]));
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cpu = named.map_or("an unknown processor", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "CPU time of a request, one worker each: {rounds} rounds of {seconds} s, {connections} \
         connections, answers of {bytes} bytes. A ratio above 1 costs more than ours.\n\n\
         {date}, commit {commit}, {system}, {cores} cores of {cpu}.\n"
    )
}

/// The table of one work; the first row is ours.
pub(crate) fn render(work: Work, rows: &[Row]) -> String {
    let mut text = format!("\n### {}\n\n", work.name());
    text.push_str("| | µs median | min | max | ratio to ours | requests/s | version |\n");
    text.push_str("|---|---:|---:|---:|---:|---:|---|\n");
    let ours = rows.first().map_or(f64::NAN, |row| median(&row.runs, |run| run.micros));
    for Row { name, version, runs } in rows {
        let micros = median(runs, |run| run.micros);
        let least = runs.iter().map(|run| run.micros).fold(f64::INFINITY, f64::min);
        let most = runs.iter().map(|run| run.micros).fold(0.0, f64::max);
        let (ratio, rate) = (micros / ours, median(runs, |run| run.per_second));
        let line = writeln!(
            text,
            "| {name} | {micros:.2} | {least:.2} | {most:.2} | {ratio:.2} | {rate:.0} | {version} |"
        );
        line.expect("a string takes all");
    }
    text
}

fn median(runs: &[Run], of: impl Fn(&Run) -> f64) -> f64 {
    let mut all: Vec<f64> = runs.iter().map(of).collect();
    all.sort_by(f64::total_cmp);
    let middle = |place: usize| all.get(place).copied().unwrap_or(f64::NAN);
    f64::midpoint(middle(all.len() / 2), middle(all.len().saturating_sub(1) / 2))
}
