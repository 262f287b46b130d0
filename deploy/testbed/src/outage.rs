//! How does a test take the API server away? Only from the development cluster, never from somebody's.

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::settings;

/// Ends the API server, at once.
///
/// # Errors
///
/// When the cluster is not ours, or the API server does not run.
pub async fn begin() -> Result<()> {
    devcluster("stop-api").await
}

/// Starts it again, and waits until it is ready.
///
/// # Errors
///
/// When it does not become ready.
pub async fn end() -> Result<()> {
    devcluster("start-api").await
}

async fn devcluster(verb: &str) -> Result<()> {
    ensure!(!settings::existing(), "an outage is only for a cluster of `make cluster`");
    let program = settings::devcluster();
    let output = Command::new(&program).arg(verb).output().await;
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    ensure!(output.status.success(), "{verb}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
