//! How does a test do what people do with kubectl? With the one beside `devcluster`, or the one of this machine.

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::settings;

/// Runs it before the tests' cluster, and gives what it says.
///
/// # Errors
///
/// When it is not there, or fails; with its own words.
pub async fn kubectl(args: &[&str]) -> Result<String> {
    let beside = settings::devcluster().with_file_name("kubectl");
    let program = if beside.exists() { beside } else { "kubectl".into() };
    let output = Command::new(&program).args(args).output().await;
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "kubectl {}: {said}", args.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}
