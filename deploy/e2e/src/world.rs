//! What stands behind the gateway? The example's pods, and the objects that lead to them, in the fewest
//! words.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::networking::v1::Ingress;
use metaparticle_testbed::{Space, program};
use serde_json::{Value, json};

use crate::{Asker, Gateway};

/// The image of the example, in the cluster's registry.
///
/// # Errors
///
/// When it does not build, or the registry does not take it.
pub async fn image(space: &Space) -> Result<String> {
    space.push("example", &program::released("metaparticle-example", "example").await?).await
}

fn spec(name: &str, image: &str, replicas: u32) -> Value {
    json!({
        "replicas": replicas,
        "selector": { "matchLabels": { "app": name } },
        "template": {
            "metadata": { "labels": { "app": name } },
            "spec": {
                "terminationGracePeriodSeconds": 5,
                "shareProcessNamespace": true,
                "containers": [{
                    "name": "app",
                    "image": image,
                    "ports": [{ "name": "http", "containerPort": 8080 }],
                    "readinessProbe": { "httpGet": { "path": "/", "port": 8080 }, "periodSeconds": 1 },
                    "lifecycle": { "preStop": { "sleep": { "seconds": 1 } } },
                }],
            },
        },
    })
}

/// A StatefulSet of the example.
///
/// # Errors
///
/// When the cluster does not take it.
pub async fn set(space: &Space, name: &str, image: &str, replicas: u32) -> Result<()> {
    let mut spec = spec(name, image, replicas);
    spec["serviceName"] = json!(name);
    spec["podManagementPolicy"] = json!("Parallel");
    let set = json!({ "metadata": { "name": name }, "spec": spec });
    space.apply::<StatefulSet>(&serde_json::from_value(set)?).await.map(drop)
}

/// A Deployment of the example.
///
/// # Errors
///
/// When the cluster does not take it.
pub async fn deployment(space: &Space, name: &str, image: &str, replicas: u32) -> Result<()> {
    let spec = spec(name, image, replicas);
    let object = json!({ "metadata": { "name": name }, "spec": spec });
    space.apply::<Deployment>(&serde_json::from_value(object)?).await.map(drop)
}

/// A Service before the pods of this name, that says these words.
///
/// # Errors
///
/// When the cluster does not take it.
pub async fn service(space: &Space, name: &str, words: &[(&str, &str)]) -> Result<()> {
    let words: BTreeMap<_, _> =
        words.iter().map(|(word, value)| (format!("metaparticle.io/{word}"), value)).collect();
    let spec = json!({
        "selector": { "app": name },
        "ports": [{ "name": "http", "port": 80, "targetPort": 8080 }],
    });
    let object = json!({ "metadata": { "name": name, "annotations": words }, "spec": spec });
    space.apply::<Service>(&serde_json::from_value(object)?).await.map(drop)
}

/// An Ingress with these rules: host, path, its type, and the Service.
///
/// # Errors
///
/// When the cluster does not take it.
pub async fn ingress(space: &Space, name: &str, rules: &[(&str, &str, &str, &str)]) -> Result<()> {
    let rule = |(host, path, kind, service): &(&str, &str, &str, &str)| {
        let backend = json!({ "service": { "name": service, "port": { "name": "http" } } });
        let path = json!({ "path": path, "pathType": kind, "backend": backend });
        json!({ "host": host, "http": { "paths": [path] } })
    };
    let rules: Vec<_> = rules.iter().map(rule).collect();
    let spec = json!({ "ingressClassName": "metaparticle", "rules": rules });
    let object = json!({ "metadata": { "name": name }, "spec": spec });
    space.apply::<Ingress>(&serde_json::from_value(object)?).await.map(drop)
}

/// Waits for so many ready pods of an application, and no others.
///
/// # Errors
///
/// When there are not in a minute.
pub async fn ready(space: &Space, app: &str, count: usize) -> Result<()> {
    let what = format!("{count} ready pods of {app}");
    space
        .until(&what, &format!("app={app}"), |pods: &[Pod]| {
            let ready = pods.iter().filter(|pod| is_ready(pod)).count();
            (ready == count && pods.len() == count).then_some(())
        })
        .await
}

/// Whether a pod is ready, and stays.
#[must_use]
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut conditions = conditions.into_iter();
    pod.metadata.deletion_timestamp.is_none()
        && conditions.any(|one| one.type_ == "Ready" && one.status == "True")
}

/// Asks until the answer is as `right` wants it; the cluster needs its time, and nobody tells when.
///
/// # Errors
///
/// After half a minute, with the last answer.
pub async fn until(
    asker: &mut Asker,
    host: &str,
    path: &str,
    mut right: impl FnMut(&crate::Answer) -> bool,
) -> Result<crate::Answer> {
    let begun = tokio::time::Instant::now();
    loop {
        // A door that was opened a moment ago may not be known to the network yet.
        let answer = asker.get(host, path).await;
        match answer {
            Ok(answer) if right(&answer) => return Ok(answer),
            answer if begun.elapsed() > std::time::Duration::from_secs(30) => {
                anyhow::bail!("{host}{path} is answered by {answer:?}");
            }
            _ => {}
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Waits until the gateway knows so many ready replicas of the service, by its name in the snapshot.
///
/// # Errors
///
/// After half a minute, with what it knows.
pub async fn known(gateway: &Gateway, service: &str, count: usize) -> Result<()> {
    let mut operator = Asker::new(gateway.admin);
    let ready = |body: &str| {
        let seen: Value = serde_json::from_str(body).unwrap_or_default();
        let services = seen["services"].as_array().cloned().unwrap_or_default();
        let mut services = services.into_iter();
        let service = services.find(|one| one["name"].as_str() == Some(service))?;
        let replicas = service["replicas"].as_array()?;
        let ready = replicas.iter().filter(|one| one["ready"] == true).count();
        (ready == count && replicas.len() == count).then_some(())
    };
    until(&mut operator, "localhost", "/snapshot", |answer| ready(&answer.body).is_some()).await?;
    Ok(())
}

/// Who owns each key now.
///
/// # Errors
///
/// When one is not answered.
pub async fn owners(asker: &mut Asker, host: &str, keys: u64) -> Result<BTreeMap<u64, String>> {
    let mut owners = BTreeMap::new();
    for key in 0..keys {
        let answer = asker.get(host, &format!("/users/{key}")).await?;
        anyhow::ensure!(answer.status == 200, "{key}: {answer:?}");
        owners.insert(key, answer.replica().context("an answer of the example")?);
    }
    Ok(owners)
}
