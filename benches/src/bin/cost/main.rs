//! How much CPU time does a request take, here and in what people use instead?
//!
//! ```text
//! cargo build --release --workspace --bins
//! target/release/cost --rounds 5 --seconds 5 --works spread,shard,scatter --out table.md
//! ```
//!
//! Starts origins, then every contestant with one worker: the gateway, the bare relay, and nginx and
//! HAProxy where they are installed. Each is asked and its answers checked; then each is loaded in
//! turn, round after round, by `wrk -t1 -c64`. What is compared is the CPU time that its processes
//! took, in the kernel and out of it, for each request: on a machine that others use too, requests a
//! second say little.

mod contestant;
mod load;
mod process;
mod table;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Parser, ValueEnum};

use crate::contestant::{Contestant, Origins};
use crate::process::Folder;
use crate::table::{Row, Run};

/// Measures the CPU time of a request, side by side.
#[derive(Debug, Parser)]
struct Settings {
    /// How often each contestant is loaded
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// For how long each time
    #[arg(long, value_name = "N", default_value_t = 5)]
    seconds: u64,
    /// Connections at a time
    #[arg(long, value_name = "N", default_value_t = 64)]
    connections: usize,
    /// Bytes of an origin's answer, about
    #[arg(long, value_name = "N", default_value_t = 128)]
    bytes: usize,
    /// What is measured
    #[arg(long, value_enum, value_delimiter = ',', default_value = "spread")]
    works: Vec<Work>,
    /// Also write the table here
    #[arg(long, value_name = "FILE.md")]
    out: Option<PathBuf>,
}

/// What a contestant is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Work {
    /// Any of four origins
    Spread,
    /// The origin of the user in a header
    Shard,
    /// All four origins, and one JSON array of theirs
    Scatter,
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::Spread => "spread",
            Self::Shard => "shard",
            Self::Scatter => "scatter",
        }
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let settings = Settings::parse();
    if !load::is_installed() {
        writeln!(std::io::stderr(), "wrk makes the load; install it: apt-get install wrk")?;
        return Ok(ExitCode::from(2));
    }
    if settings.rounds == 0 || settings.seconds == 0 {
        bail!("--rounds and --seconds are at least 1");
    }
    let mut text = table::heading(&settings);
    say(&text)?;
    for work in &settings.works {
        let part = table::render(*work, &measure(*work, &settings)?);
        say(&part)?;
        text.push_str(&part);
    }
    if let Some(file) = settings.out {
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Loads all contestants of one work in turn; ends them afterwards.
fn measure(work: Work, settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let folder = Folder::new(work.name())?;
    let load = load::Load::new(&folder, work, settings)?;
    let origins = Origins::start(work, settings.bytes, &folder)?;
    let contestants = Contestant::start_all(work, &origins, &folder)?;
    for contestant in &contestants {
        load::check(contestant, work).with_context(|| format!("{} is wrong", contestant.name))?;
        load.run(contestant.address, 1)?;
    }
    let row = |one: &Contestant| Row { name: one.name, version: one.version.clone(), runs: vec![] };
    let mut rows: Vec<Row> = contestants.iter().map(row).collect();
    for round in 1..=settings.rounds {
        for (contestant, row) in contestants.iter().zip(&mut rows) {
            let before = contestant.process.cpu()?;
            let loaded = load.run(contestant.address, settings.seconds);
            let loaded = loaded.with_context(|| format!("{} under load", contestant.name))?;
            let cpu = contestant.process.cpu()? - before;
            let micros = cpu.as_secs_f64() * 1e6 / loaded.requests;
            let run = Run { micros, per_second: loaded.per_second };
            writeln!(
                std::io::stderr(),
                "{} round {round}: {} {:.2} µs, {:.0}/s",
                work.name(),
                row.name,
                run.micros,
                run.per_second
            )?;
            row.runs.push(run);
        }
    }
    Ok(rows)
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
