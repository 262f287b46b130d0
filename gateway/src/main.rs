//! The program: settings, log, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use metaparticle_gateway::run;
use metaparticle_gateway::settings::Settings;

/// Each worker allocates and frees on its own thread, a dozen times a request: mimalloc does that
/// without a lock, and takes a fifth off the time that is not the kernel's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run::use_small_pages();
    let settings = Settings::parse();
    run::init_log();
    run::run(settings).await.unwrap_or_else(|error| run::failed(&error))
}
