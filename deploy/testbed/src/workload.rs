//! What runs in tests? Objects in the fewest words; whoever needs more writes the object itself.

use anyhow::Result;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, Service};
use serde_json::{Value, json};

/// Where a workload's pods serve, and say whether they are ready.
pub const PORT: u16 = 8080;

/// Pods of an image that are alike. They serve on [`PORT`].
///
/// # Errors
///
/// When the words make no object.
pub fn deployment(name: &str, image: &str, replicas: u32) -> Result<Deployment> {
    Ok(serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": template(name, image),
        },
    }))?)
}

/// Pods of an image with names that last, for the headless service of the same name.
///
/// # Errors
///
/// When the words make no object.
pub fn stateful_set(name: &str, image: &str, replicas: u32) -> Result<StatefulSet> {
    Ok(serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": {
            "serviceName": name,
            "replicas": replicas,
            "podManagementPolicy": "Parallel",
            "selector": { "matchLabels": { "app": name } },
            "template": template(name, image),
        },
    }))?)
}

/// A service before the pods of this name, at port 80.
///
/// # Errors
///
/// When the words make no object.
pub fn service(name: &str) -> Result<Service> {
    exposed(name, json!({}))
}

/// A service without an address: its name is that of its pods.
///
/// # Errors
///
/// When the words make no object.
pub fn headless(name: &str) -> Result<Service> {
    exposed(name, json!({ "clusterIP": "None" }))
}

/// A pod that runs once.
///
/// # Errors
///
/// When the words make no object.
pub fn task(name: &str, image: &str, args: &[&str]) -> Result<Pod> {
    Ok(serde_json::from_value(json!({
        "metadata": { "name": name, "labels": { "app": name } },
        "spec": {
            "restartPolicy": "Never",
            "containers": [{ "name": "main", "image": image, "args": args }],
        },
    }))?)
}

fn exposed(name: &str, mut spec: Value) -> Result<Service> {
    spec["selector"] = json!({ "app": name });
    spec["ports"] = json!([{ "name": "http", "port": 80, "targetPort": PORT }]);
    Ok(serde_json::from_value(json!({ "metadata": { "name": name }, "spec": spec }))?)
}

fn template(name: &str, image: &str) -> Value {
    json!({
        "metadata": { "labels": { "app": name } },
        "spec": {
            "terminationGracePeriodSeconds": 5,
            // The kernel gives a namespace's first process no signal that it did not ask for: so that even
            // a program that handles none ends when it is told to, the first process is the pod's.
            "shareProcessNamespace": true,
            "containers": [{
                "name": "main",
                "image": image,
                "ports": [{ "name": "http", "containerPort": PORT }],
                "readinessProbe": { "httpGet": { "path": "/", "port": PORT }, "periodSeconds": 1 },
            }],
        },
    })
}
