//! How does a program of this workspace run on nothing? Linked with all it needs, it asks no image for a
//! C library.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

/// Builds a program of a package statically, and says where it is.
///
/// # Errors
///
/// When it does not build; what cargo says against it is in the test's output.
pub async fn built(package: &str, name: &str) -> Result<PathBuf> {
    build(package, ["--bin", name], "dev").await
}

/// The same, of one of its examples.
///
/// # Errors
///
/// When it does not build; what cargo says against it is in the test's output.
pub async fn example(package: &str, name: &str) -> Result<PathBuf> {
    build(package, ["--example", name], "dev").await
}

/// The same, as it is released but for what only takes long: for load.
///
/// # Errors
///
/// When it does not build; what cargo says against it is in the test's output.
pub async fn released(package: &str, name: &str) -> Result<PathBuf> {
    build(package, ["--bin", name], "counted").await
}

/// The same for this machine, as tests are built: for what is started here, and is not under load.
///
/// # Errors
///
/// When it does not build; what cargo says against it is in the test's output.
pub async fn here(package: &str, name: &str) -> Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--message-format=json-render-diagnostics"]);
    cargo.args(["--package", package, "--bin", name]);
    run(cargo, package, name).await
}

/// The same for this machine, which needs no static link: `make instructions` builds it so, too.
///
/// # Errors
///
/// When it does not build; what cargo says against it is in the test's output.
pub async fn local(package: &str, name: &str) -> Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--message-format=json-render-diagnostics"]);
    cargo.args(["--package", package, "--bin", name, "--profile", "counted"]);
    run(cargo, package, name).await
}

/// The same, as it is released; `example/NAME` is one of the package's examples.
///
/// # Errors
///
/// When it does not build; what cargo says against it is in the output.
pub async fn shipped(package: &str, name: &str) -> Result<PathBuf> {
    let target = match name.strip_prefix("example/") {
        Some(example) => ["--example", example],
        None => ["--bin", name],
    };
    build(package, target, "release").await
}

async fn build(package: &str, target: [&str; 2], profile: &str) -> Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["rustc", "--quiet", "--message-format=json-render-diagnostics"])
        .args(["--package", package, "--profile", profile])
        .args(target)
        // Its own folder: the same program, linked otherwise, is not to take turns with cargo's.
        .args(["--target-dir", concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/static")])
        .args(["--", "-C", "target-feature=+crt-static", "-C", "relocation-model=static"])
        // Nobody debugs in a pod, and what is small is soon there.
        .args(["-C", "strip=debuginfo"]);
    run(cargo, package, target[1]).await
}

async fn run(mut cargo: Command, package: &str, name: &str) -> Result<PathBuf> {
    cargo.stderr(Stdio::inherit());
    // What an outer cargo says of the package that it runs is not about this one: build scripts that look
    // at it would be run again, and all that leans on them be built again, each time another package asks.
    let outer = std::env::vars().map(|(name, _)| name);
    for name in
        outer.filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
    {
        cargo.env_remove(name);
    }
    let output = cargo.output().await.context("cannot run cargo")?;
    ensure!(output.status.success(), "cargo does not build {name} of {package}");
    let messages = String::from_utf8(output.stdout)?;
    let built = messages.lines().filter_map(|line| executable(line, name)).next_back();
    built.with_context(|| format!("cargo does not say where {name} is"))
}

fn executable(message: &str, name: &str) -> Option<PathBuf> {
    let message = serde_json::from_str::<Value>(message).ok()?;
    let ours = message["target"]["name"] == name;
    ours.then(|| message["executable"].as_str().map(PathBuf::from))?
}
