//! The elector: settings, log, run, exit code.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use metaparticle_sync::elector::run;
use metaparticle_sync::elector::settings::Settings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let settings = Settings::parse();
    run::init_log();
    match run::run(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be left to be told.
            writeln!(std::io::stderr(), "error: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}
