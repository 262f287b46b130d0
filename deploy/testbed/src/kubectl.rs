//! How does a test do what people do with kubectl? With the one beside `devcluster`, or the one of this machine.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::settings;

/// Runs it before the tests' cluster, and gives what it says.
///
/// # Errors
///
/// When it is not there, or fails; with its own words.
pub async fn kubectl(args: &[&str]) -> Result<String> {
    told(args, "").await
}

/// The same, with `input` on its standard input.
pub(crate) async fn told(args: &[&str], input: &str) -> Result<String> {
    let program = settings::kubectl();
    let mut child = Command::new(&program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let mut stdin = child.stdin.take().context("it is piped")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "kubectl {}: {said}", args.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}
