//! What is left of a test that failed? Its namespace, and beside it a folder with the pods, the events
//! and what every container said.

use std::fs;
use std::path::Path;

use anyhow::Result;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::ResourceExt as _;
use kube::api::{ListParams, LogParams};

use crate::space::Space;

/// Writes it down, and says where; what cannot be had is told, not thrown: the test's own failure counts.
pub(crate) async fn write(space: &Space) -> String {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or_else(|| Path::new("."));
    let folder = root.join("target/testbed").join(space.name());
    let trouble = match collect(space, &folder).await {
        Ok(()) => String::new(),
        Err(error) => format!(" (not all of it: {error:#})"),
    };
    format!(
        "the namespace {} is kept; its events and logs are in {}{trouble}",
        space.name(),
        folder.display()
    )
}

#[expect(clippy::print_stderr, reason = "a test's output is what its reader has")]
pub(crate) fn say(what: &str) {
    eprintln!("{what}");
}

async fn collect(space: &Space, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let events = space.api::<Event>().list(&ListParams::default()).await?;
    let told = events.items.iter().map(line).collect::<String>();
    fs::write(folder.join("events.txt"), told)?;
    let pods = space.api::<Pod>().list(&ListParams::default()).await?;
    fs::write(folder.join("pods.json"), serde_json::to_vec_pretty(&pods.items)?)?;
    for pod in &pods.items {
        for container in pod.spec.iter().flat_map(|spec| &spec.containers) {
            let name = format!("{}-{}.log", pod.name_any(), container.name);
            let from =
                LogParams { container: Some(container.name.clone()), ..LogParams::default() };
            let said = space.api::<Pod>().logs(&pod.name_any(), &from).await;
            let said = said.unwrap_or_else(|error| format!("no logs: {error}"));
            fs::write(folder.join(name), said)?;
        }
    }
    Ok(())
}

fn line(event: &Event) -> String {
    let about = &event.involved_object;
    let word = |word: &Option<String>| word.clone().unwrap_or_default();
    format!(
        "{} {}/{}: {}: {}\n",
        word(&event.type_),
        word(&about.kind),
        word(&about.name),
        word(&event.reason),
        word(&event.message),
    )
}
