//! How does a test take the API server away? Only from the development cluster, never from somebody's, and
//! never for longer than the test. Such a test has `outage` in its name: `CLUSTER=existing` leaves it out.

use std::panic::{AssertUnwindSafe, resume_unwind};

use anyhow::{Context as _, Result, ensure};
use futures::FutureExt as _;
use tokio::process::Command;

use crate::settings;

/// Ends the API server, at once; and starts it again when `test` ends, however that is.
///
/// # Errors
///
/// Those of `test`; when the cluster is not ours; when the API server did not run, or does not become ready again.
///
/// # Panics
///
/// As `test` does.
pub async fn during(test: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    ensure!(!settings::existing(), "an outage is only for a cluster of `make cluster`");
    devcluster("stop-api").await?;
    let outcome = AssertUnwindSafe(test()).catch_unwind().await;
    let back = devcluster("start-api").await;
    outcome.unwrap_or_else(|panic| resume_unwind(panic)).and(back)
}

async fn devcluster(verb: &str) -> Result<()> {
    let program = settings::devcluster();
    let output = Command::new(&program).arg(verb).output().await;
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    ensure!(output.status.success(), "{verb}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
