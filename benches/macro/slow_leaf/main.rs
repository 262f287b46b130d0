//! What do slow leaves cost an answer that needs all of them, and what does hedging give back?
//!
//! The shape is that of Dean and Barroso, *The Tail at Scale* (CACM 56(2), 2013): an answer needs 100
//! leaves, and a leaf that usually takes 10 ms takes a second for one request in a hundred.
//!
//! ```text
//! cargo bench -p metaparticle-benches --bench slow_leaf -- --sockets --out benches/results
//! ```
//!
//! Chance is seeded and the clock is paused: the same command prints the same numbers. `--sockets`
//! shows them over connections in real time. Fails where the bar is missed.

mod leaves;
mod paused;
mod plot;
mod sockets;
mod table;
mod trial;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Parser;

use crate::leaves::Times;
use crate::table::Rows;
use crate::trial::{Run, Trial};

/// Measures slow answers and extra requests, without and with hedging.
#[derive(Debug, Parser)]
struct Settings {
    /// How many different chances
    #[arg(long, value_name = "N", default_value_t = 5)]
    seeds: u64,
    /// Answers of each run
    #[arg(long, value_name = "N", default_value_t = 2000)]
    answers: usize,
    /// Also over sockets, for about three minutes
    #[arg(long)]
    sockets: bool,
    /// Also write tail.md and tail.svg into this folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Said by `cargo bench`; without it one short run is held to the bar, as a test
    #[arg(long, hide = true)]
    bench: bool,
}

/// Answers a second: 2000 requests a second to leaves.
const RATE: f64 = 20.0;
/// All leaves are slow at once from here to there, of the minute that `STORM_ANSWERS` take.
const STORM: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(30));
const STORM_ANSWERS: usize = 1200;
/// Answers of a run over sockets, and of the one that is a test: twenty seconds.
const REAL_ANSWERS: usize = 400;
const REAL_SEEDS: u64 = 3;

const HEDGES: [&str; 7] = ["off", "p90", "p95", "p99", "20ms", "50ms", "100ms"];
const FEW: [&str; 3] = ["off", "p95", "20ms"];

/// The bar: at most so many answers are slow, and so many more requests go to leaves.
const BAR: f64 = 0.05;

fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    if !settings.bench {
        let run = |hedge| paused::run(&trial(Times::Table, hedge, REAL_ANSWERS, 1));
        return keeps_the_bar(&[run("off")?], &[run("p95")?]);
    }
    let mut told = table::heading(RATE, settings.seeds, settings.answers);
    say(&told)?;
    let mut tell = |part: String| {
        told.push_str(&part);
        say(&part)
    };
    let mut calm = Vec::new();
    for times in [Times::Example, Times::Table] {
        calm.push(rows(&HEDGES, settings.seeds, |hedge, seed| {
            paused::run(&trial(times, hedge, settings.answers, seed))
        })?);
        tell(table::answers(times.title(), &calm[calm.len() - 1]))?;
    }
    let storm = rows(&FEW, settings.seeds, |hedge, seed| {
        let calm = trial(Times::Table, hedge, STORM_ANSWERS, seed);
        paused::run(&Trial { storm: Some(STORM), ..calm })
    })?;
    tell(table::storm(STORM, &storm))?;
    let plot = plot::draw(&calm[1], STORM, &storm);
    if settings.sockets {
        let real = rows(&FEW, REAL_SEEDS, |hedge, seed| {
            sockets::run(&trial(Times::Table, hedge, REAL_ANSWERS, seed))
        })?;
        tell(table::answers(&table::over_sockets(REAL_ANSWERS, REAL_SEEDS), &real))?;
        calm.push(real);
    }
    tell(table::READING.to_owned())?;
    if let Some(folder) = settings.out {
        std::fs::create_dir_all(&folder)?;
        let write = |name, text: &str| {
            std::fs::write(folder.join(name), text).with_context(|| format!("cannot write {name}"))
        };
        write("tail.md", &told)?;
        write("tail.svg", &plot)?;
    }
    calm.iter().try_for_each(|rows| keeps_the_bar(of(rows, "off"), of(rows, "p95")))
}

fn of<'r>(rows: &'r Rows, hedge: &str) -> &'r [Run] {
    let row = rows.iter().find(|(name, _)| *name == hedge);
    row.map(|(_, runs)| runs.as_slice()).unwrap_or_default()
}

fn trial(times: Times, hedge: &'static str, answers: usize, seed: u64) -> Trial {
    Trial { times, hedge, answers, rate: RATE, seed, storm: None }
}

/// Every hedge with every seed; says how far it is.
fn rows(
    hedges: &[&'static str],
    seeds: u64,
    run: impl Fn(&'static str, u64) -> anyhow::Result<Run>,
) -> anyhow::Result<Rows> {
    let mut rows = Rows::new();
    for hedge in hedges {
        let mut runs = Vec::new();
        for seed in 1..=seeds {
            write!(std::io::stderr(), "\r{hedge}, seed {seed} of {seeds} \x1b[K")?;
            runs.push(run(hedge, seed)?);
        }
        rows.push((hedge, runs));
    }
    write!(std::io::stderr(), "\r\x1b[K")?;
    Ok(rows)
}

/// From 63 % slow answers to less than 5 %, for less than 5 % more requests, in every run.
fn keeps_the_bar(without: &[Run], with: &[Run]) -> anyhow::Result<()> {
    for run in without {
        let slow = run.slow();
        ensure!((0.5..0.75).contains(&slow), "without hedging {slow:.3} of the answers are slow");
    }
    for run in with {
        let (slow, extra) = (run.slow(), run.extra());
        ensure!(slow < BAR, "with hedging {slow:.4} of the answers are slow, and {BAR} may be");
        ensure!(extra < BAR, "{extra:.4} more requests went to leaves, and {BAR} may");
    }
    Ok(())
}

fn say(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")
}
