//! Where does a program of patterns tell what happens? On standard error: for people at a terminal, else as JSON.

use std::io::IsTerminal;

/// Begins to tell; where the program has a log of its own already, that one stays.
pub(crate) fn init() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .with_env_var("METAPARTICLE_LOG")
        .from_env_lossy();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let begun =
        if std::io::stderr().is_terminal() { log.try_init() } else { log.json().try_init() };
    begun.ok();
}
