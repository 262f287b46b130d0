//! Where is a program of this workspace, built as it is now? In cargo's own folder, where `make test` has built it
//! already: whoever asks cargo for it again waits for nothing.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

/// With all the workspace and an example, any one, cargo chooses the features that tests are built with; with a
/// package alone it would build most of what that leans on a second time.
const AS_TESTS: [&str; 3] = ["--workspace", "--example", "hello"];

/// Builds a program as tests are built, and says where it is.
///
/// # Errors
///
/// When it does not build; what cargo says against it is in the test's output.
pub async fn built(name: &str) -> Result<PathBuf> {
    build(&[&AS_TESTS[..], &["--bin", name]].concat(), "bin", name).await
}

/// The same, of an example.
///
/// # Errors
///
/// When it does not build; what cargo says against it is in the test's output.
pub async fn example(name: &str) -> Result<PathBuf> {
    build(&["--workspace", "--example", name], "example", name).await
}

/// The same, as it is released but for what only takes long: for load. `make instructions` builds it so, too.
///
/// # Errors
///
/// When it does not build; what cargo says against it is in the test's output.
pub async fn released(package: &str, name: &str) -> Result<PathBuf> {
    build(&["--package", package, "--bin", name, "--profile", "counted"], "bin", name).await
}

async fn build(words: &[&str], kind: &str, name: &str) -> Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--message-format=json-render-diagnostics"]).args(words);
    run(cargo, kind, name).await
}

/// Builds it as it is shipped: released, and linked with all it needs, so that it asks no image for a C library.
/// `example/NAME` is one of the package's examples.
///
/// # Errors
///
/// When it does not build; what cargo says against it is in the output.
pub async fn shipped(package: &str, name: &str) -> Result<PathBuf> {
    let (kind, name) = match name.strip_prefix("example/") {
        Some(example) => ("example", example),
        None => ("bin", name),
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["rustc", "--quiet", "--message-format=json-render-diagnostics"])
        .args(["--package", package, "--profile", "release", &format!("--{kind}"), name])
        // Its own folder: the same program, linked otherwise, is not to take turns with cargo's.
        .args(["--target-dir", concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/static")])
        .args(["--", "-C", "target-feature=+crt-static", "-C", "relocation-model=static"])
        // Nobody debugs in a pod, and what is small is soon there.
        .args(["-C", "strip=debuginfo"]);
    run(cargo, kind, name).await
}

async fn run(mut cargo: Command, kind: &str, name: &str) -> Result<PathBuf> {
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
    ensure!(output.status.success(), "cargo does not build {name}");
    let messages = String::from_utf8(output.stdout)?;
    let built = messages.lines().filter_map(|line| executable(line, kind, name)).next_back();
    built.with_context(|| format!("cargo does not say where {name} is"))
}

fn executable(message: &str, kind: &str, name: &str) -> Option<PathBuf> {
    let message = serde_json::from_str::<Value>(message).ok()?;
    let target = &message["target"];
    let ours = target["name"] == name && target["kind"][0] == kind;
    ours.then(|| message["executable"].as_str().map(PathBuf::from))?
}
