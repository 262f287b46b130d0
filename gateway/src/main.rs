//! The program: settings, log, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use metaparticle_gateway::run;
use metaparticle_gateway::settings::Settings;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let settings = Settings::parse();
    run::init_log();
    run::run(settings).await
}
