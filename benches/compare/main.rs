//! How much does a request cost, here and in what people use instead?
//!
//! ```text
//! make compare                                             # all of it, under twenty minutes
//! target/release/compare --works spread --gateways gateway,nginx --rounds 3    # a cell, in seconds
//! ```
//!
//! Replicas, load and proxies run side by side on two cores: each proxy has core 0 for itself, one
//! worker or thread of it; the load and the replicas share core 1. All gateways that do a work are
//! asked whether they do it right, and are then measured in turn, round after round. What is compared
//! is the CPU time that a proxy's processes take for a request: on a machine that others use too,
//! requests a second say little.
//!
//! ```text
//! works ─► contest ─► contestants, origin, load ─► verify ─► measure, idle, latency ─► results ─► report, plot
//! ```

mod certificate;
mod client;
mod contest;
mod contestants;
mod idle;
mod latency;
mod load;
mod machine;
mod measure;
mod origin;
mod plot;
mod ports;
mod process;
mod progress;
mod report;
mod results;
mod settings;
mod verify;
mod works;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use crate::certificate::Certificate;
use crate::contest::Hall;
use crate::contestants::Gateway;
use crate::machine::Machine;
use crate::progress::{Progress, say};
use crate::results::Results;
use crate::settings::Settings;

fn main() -> ExitCode {
    // People get the reasons, and no backtrace.
    start().unwrap_or_else(|error| {
        say(&format!("compare: {error:#}"));
        ExitCode::FAILURE
    })
}

fn start() -> anyhow::Result<ExitCode> {
    let settings = Settings::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            // Whoever ends this program ends all that it started: they go with what is dropped here.
            _ = terminate.recv() => Ok(ExitCode::from(143)),
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(130)),
            done = run(&settings) => done.map(|()| ExitCode::SUCCESS),
        }
    })
}

async fn run(settings: &Settings) -> anyhow::Result<()> {
    process::stay_on_the_core_of_the_load()?;
    idle::allow_many()?;
    let certificate = Certificate::make()?;
    let peers = peers(settings)?;
    let mut versions = Vec::new();
    let mut gateways = Vec::new();
    for gateway in Gateway::value_variants().iter().filter(|gateway| settings.has(**gateway)) {
        let version = gateway.version(&peers);
        if version.is_ok() {
            gateways.push(*gateway);
        }
        let said = version.unwrap_or_else(|error| format!("left out: {error:#}"));
        say(&format!("{}: {said}", gateway.name()));
        versions.push((gateway.name(), said));
    }
    ensure!(!gateways.is_empty(), "none of the gateways is installed: make compare installs them");
    let hall = Hall { settings, gateways: &gateways, peers: &peers, certificate: &certificate };
    let mut progress = Progress::new(settings.works().map(|work| hall.plan(work)).sum());
    let mut tables = Vec::new();
    for work in settings.works() {
        let table = hall.measure(work, &mut progress).await;
        tables.push(table.with_context(|| format!("{} cannot be measured", work.name))?);
    }
    let results = Results {
        machine: Machine::this(),
        rounds: settings.rounds,
        seconds: settings.seconds.as_secs_f64(),
        versions,
        tables,
        took_seconds: progress.elapsed().as_secs(),
    };
    report::write(&results, settings)
}

/// Where the peers are that were built.
fn peers(settings: &Settings) -> anyhow::Result<PathBuf> {
    if let Some(peers) = &settings.peers {
        return Ok(peers.clone());
    }
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).context("this program lies in no target folder")?;
    Ok(target.join("peers"))
}
