//! What is made of what the published libraries write? Each spec of `golden/specs` is read and planned, and the
//! outcome compared with `golden/plans`. `make golden-plans` writes those again.

use std::fs;
use std::path::{Path, PathBuf};

use metaparticle::plan::object::Object;
use metaparticle::spec::{self, Setting};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// All specs, by their names.
fn specs() -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(golden().join("specs")).expect("the specs");
    let mut specs: Vec<_> = entries
        .map(|entry| {
            let path = entry.expect("a spec").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, fs::read(&path).expect("a spec"))
        })
        .collect();
    specs.sort();
    specs
}

fn setting() -> Setting {
    Setting { namespace: Some("shop".to_owned()), ..Setting::default() }
}

/// What is made of a spec, as it is kept.
fn outcome(spec: &[u8]) -> Value {
    match spec::read(spec, &setting()) {
        Ok(reading) => {
            let notes: Vec<_> = reading.notes.iter().map(ToString::to_string).collect();
            let plan = reading.application.plan();
            let objects: Vec<_> = plan.objects.iter().map(Object::body).collect();
            json!({ "application": plan.application.as_str(), "notes": notes, "objects": objects })
        }
        Err(fault) => json!({ "fault": fault.to_string().lines().collect::<Vec<_>>() }),
    }
}

#[test]
fn every_spec_of_a_published_library_becomes_the_objects_that_are_kept() {
    let specs = specs();
    assert!(specs.len() >= 15, "specs are missing");
    let write = std::env::var_os("GOLDEN_WRITE").is_some();
    let mut different = Vec::new();
    for (name, spec) in specs {
        let path = golden().join("plans").join(format!("{name}.json"));
        let made = serde_json::to_string_pretty(&outcome(&spec)).expect("JSON") + "\n";
        if write {
            fs::write(&path, &made).expect("a plan is written");
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        if made != kept {
            let at = made.lines().zip(kept.lines().chain([""])).find(|(made, kept)| made != kept);
            let (made, kept) = at.unwrap_or_default();
            different.push(format!("{name}: made `{}`, kept `{}`", made.trim(), kept.trim()));
        }
    }
    assert!(different.is_empty(), "`make golden-plans`?\n{}", different.join("\n"));
}

#[test]
fn no_plan_is_kept_of_a_spec_that_is_gone() {
    let specs: Vec<_> = specs().into_iter().map(|(name, _)| format!("{name}.json")).collect();
    for entry in fs::read_dir(golden().join("plans")).expect("the plans") {
        let name = entry.expect("a plan").file_name().to_string_lossy().into_owned();
        assert!(specs.contains(&name), "{name}");
    }
}

#[test]
fn the_types_of_kubernetes_read_every_object_and_lose_nothing() {
    let mut kinds = std::collections::BTreeSet::new();
    for (name, spec) in specs() {
        let Ok(reading) = spec::read(&spec, &setting()) else { continue };
        for object in reading.application.plan().objects {
            assert_eq!(&read_again(&object), object.body(), "{name}: {object}");
            kinds.insert(object.kind().kind.clone());
        }
    }
    let expected = [
        "CronJob",
        "Deployment",
        "Ingress",
        "Job",
        "PodDisruptionBudget",
        "Service",
        "StatefulSet",
    ];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_made_of_a_spec_is_the_same_every_time() {
    for (name, spec) in specs() {
        assert_eq!(outcome(&spec), outcome(&spec), "{name}");
    }
}

fn read_again(object: &Object) -> Value {
    use k8s_openapi::api::{apps::v1 as apps, batch::v1 as batch, core::v1 as core};
    use k8s_openapi::api::{networking::v1 as networking, policy::v1 as policy};
    fn through<T: DeserializeOwned + Serialize>(body: &Value) -> Value {
        let read: T = serde_json::from_value(body.clone()).expect("the kind's type reads it");
        serde_json::to_value(read).expect("JSON")
    }
    match object.kind().kind.as_str() {
        "Deployment" => through::<apps::Deployment>(object.body()),
        "StatefulSet" => through::<apps::StatefulSet>(object.body()),
        "Service" => through::<core::Service>(object.body()),
        "Job" => through::<batch::Job>(object.body()),
        "CronJob" => through::<batch::CronJob>(object.body()),
        "PodDisruptionBudget" => through::<policy::PodDisruptionBudget>(object.body()),
        "Ingress" => through::<networking::Ingress>(object.body()),
        other => panic!("no test reads a {other}"),
    }
}
