//! How does a program that knows nothing of patterns run in a cluster? As the original's Rust library had it:
//! `containerize` runs a function in a container, and outside of one puts the program there.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::settings;
use crate::spec::{self, Setting};
use crate::start;

/// What says that this is a container.
const IN_CONTAINER: &str = "METAPARTICLE_IN_CONTAINER";

/// How a program runs; what is not said is as if nobody had thought of it.
#[derive(Debug, Clone, Default)]
pub struct Runtime {
    /// How many there are, all alike.
    pub replicas: Option<u64>,
    /// How many shards there are, instead.
    pub shards: Option<u64>,
    /// Where in a path the key of a shard is: the first group of this expression.
    pub url_shard_pattern: Option<String>,
    /// Where it runs: `metaparticle`, which is Kubernetes.
    pub executor: Option<String>,
    /// The port that the program listens at.
    pub ports: Option<u64>,
    /// Whether who is outside may ask it.
    pub public_address: Option<bool>,
}

/// What a program is packed as.
#[derive(Debug, Clone, Default)]
pub struct Package {
    /// What it is called; else as the program's file.
    pub name: Option<String>,
    /// Where its image is pushed: `registry.example/shop`.
    pub repository: Option<String>,
    /// Whether its image is pushed: it always is.
    pub publish: Option<bool>,
}

/// In a container (`METAPARTICLE_IN_CONTAINER` is `true`, or the first argument is `run`) calls `f`; else does
/// what the arguments say with this program as a service: without any, deploys it.
pub fn containerize(f: impl FnOnce(), runtime: Runtime, package: Package) -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let inside = settings::variable(IN_CONTAINER).is_some_and(|said| said == "true" || said == "1");
    if inside || words.first().is_some_and(|word| word == "run") {
        f();
        return ExitCode::SUCCESS;
    }
    if words.is_empty() {
        words.push("deploy".into());
    }
    let reading = spec::read_value(&document(&runtime, &package), &Setting::default());
    match reading {
        Ok(reading) => {
            let notes = reading.notes.iter().map(ToString::to_string);
            for note in unheeded(&runtime, &package).into_iter().chain(notes) {
                tell(&format!("note: {note}"));
            }
            start::deployer(reading.application, words)
        }
        Err(fault) => {
            tell(&format!("error: {fault}"));
            ExitCode::from(3)
        }
    }
}

/// What is asked for, as the published libraries write it: they and this one mean the same.
fn document(runtime: &Runtime, package: &Package) -> Value {
    let Runtime { replicas, shards, url_shard_pattern, executor: _, ports, public_address } =
        runtime;
    let name = package.name.clone().unwrap_or_else(program);
    let image = match &package.repository {
        Some(repository) => format!("{repository}/{name}"),
        None => name.clone(),
    };
    let mut service = Map::new();
    service.insert("name".to_owned(), name.clone().into());
    match shards {
        Some(shards) => {
            let pattern = url_shard_pattern.as_deref().unwrap_or("(.*)");
            let spec = json!({ "shards": shards, "urlPattern": pattern });
            service.insert("shardSpec".to_owned(), spec);
        }
        None => drop(service.insert("replicas".to_owned(), replicas.unwrap_or(1).into())),
    }
    service.insert("containers".to_owned(), json!([{ "image": image }]));
    let ports: Vec<_> = ports.iter().map(|port| json!({ "number": port })).collect();
    service.insert("ports".to_owned(), ports.into());
    let public = public_address.unwrap_or_default();
    json!({ "name": name, "services": [service], "serve": { "name": name, "public": public } })
}

/// What is said, and has no effect.
fn unheeded(runtime: &Runtime, package: &Package) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(executor) = &runtime.executor
        && !["metaparticle", "kubernetes"].contains(&executor.as_str())
    {
        notes.push(format!("executor `{executor}` has no effect: it runs on Kubernetes"));
    }
    if runtime.shards.is_some() && runtime.replicas.is_some() {
        notes.push("replicas have no effect: there are shards instead".to_owned());
    }
    if runtime.shards.is_none() && runtime.url_shard_pattern.is_some() {
        notes.push("url_shard_pattern has no effect without shards".to_owned());
    }
    if package.publish == Some(false) {
        notes.push(
            "publish `false` has no effect: nodes pull the image from its registry".to_owned(),
        );
    }
    notes
}

/// The name of this program's file.
fn program() -> String {
    let path = std::env::current_exe().ok();
    let name = path.as_deref().and_then(|path| path.file_stem()).and_then(|name| name.to_str());
    name.unwrap_or("program").to_owned()
}

fn tell(text: &str) {
    // Nobody may be left to be told.
    writeln!(std::io::stderr(), "{text}").ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(runtime: Runtime) -> crate::plan::Plan {
        let package = Package {
            name: Some("web".to_owned()),
            repository: Some("registry.example/shop".to_owned()),
            ..Package::default()
        };
        let reading = spec::read_value(&document(&runtime, &package), &Setting::default());
        reading.unwrap().application.plan()
    }

    #[test]
    fn replicas_are_replicas_of_the_programs_image() {
        let runtime = Runtime { replicas: Some(3), ports: Some(8080), ..Runtime::default() };
        let plan = plan(runtime);
        assert_eq!(plan.replicas("web"), Some(3));
        assert!(!plan.is_public("web"));
        let web = plan.object("Deployment", "web").unwrap().body();
        let image = web.pointer("/spec/template/spec/containers/0/image").unwrap();
        assert_eq!(image, "registry.example/shop/web");
    }

    #[test]
    fn who_is_public_is_asked_from_outside() {
        for public in [true, false] {
            let public_address = Some(public);
            let runtime = Runtime { ports: Some(8080), public_address, ..Runtime::default() };
            assert_eq!(plan(runtime).is_public("web"), public);
        }
    }

    #[test]
    fn what_has_no_effect_is_told() {
        let runtime = Runtime {
            executor: Some("docker".to_owned()),
            replicas: Some(1),
            shards: Some(2),
            ..Runtime::default()
        };
        let package = Package { publish: Some(false), ..Package::default() };
        let told = unheeded(&runtime, &package).join("\n");
        for word in ["docker", "replicas", "publish"] {
            assert!(told.contains(word), "{word} in {told}");
        }
        let runtime = Runtime { executor: Some("metaparticle".to_owned()), ..Runtime::default() };
        assert!(unheeded(&runtime, &Package::default()).is_empty());
    }

    #[test]
    fn shards_go_by_the_pattern() {
        let runtime = Runtime {
            shards: Some(4),
            url_shard_pattern: Some("^/users/([^/]+)".to_owned()),
            ports: Some(8080),
            public_address: Some(true),
            ..Runtime::default()
        };
        let plan = plan(runtime);
        assert!(plan.object("StatefulSet", "web").is_some());
        assert!(plan.is_public("web"));
        let service = plan.object("Service", "web").unwrap().body().to_string();
        assert!(service.contains("path:^/users/([^/]+)"), "{service}");
    }
}
