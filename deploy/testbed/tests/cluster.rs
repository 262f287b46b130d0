//! Is it a real Kubernetes? Pods run from an image that the test made, are found, reached and replaced.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use kube::ResourceExt as _;
use metaparticle_testbed::workload::{PORT, deployment, headless, service, stateful_set};
use metaparticle_testbed::{Space, in_namespace, program};

/// Of three pods that are chosen by chance, one is left out by so many requests once in a thousand million times.
const ENOUGH: usize = 54;

async fn replica(space: &Space) -> Result<String> {
    let built = program::released("metaparticle-replica", "replica").await?;
    space.push("replica", &built).await
}

/// The ready pods of an application, when there are so many.
async fn ready(space: &Space, app: &str, count: usize) -> Result<Vec<Pod>> {
    space
        .until(&format!("{count} ready pods of {app}"), &format!("app={app}"), |pods: &[Pod]| {
            let ready = pods.iter().filter(|pod| is_ready(pod)).cloned().collect::<Vec<_>>();
            (ready.len() == count && pods.len() == count).then_some(ready)
        })
        .await
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|one| one.type_ == "Ready" && one.status == "True")
}

fn address(pod: &Pod) -> Result<&str> {
    pod.status.as_ref().and_then(|status| status.pod_ip.as_deref()).context("no address")
}

fn names(pods: &[Pod]) -> BTreeSet<String> {
    pods.iter().map(kube::ResourceExt::name_any).collect()
}

/// What the slices of a service say, when all that is in them is ready and there are so many.
async fn endpoints(space: &Space, service: &str, count: usize) -> Result<Vec<Endpoint>> {
    let labels = format!("kubernetes.io/service-name={service}");
    space
        .until(&format!("{count} ready endpoints"), &labels, |slices: &[EndpointSlice]| {
            let all = slices.iter().flat_map(|slice| slice.endpoints.clone());
            let all = all.collect::<Vec<_>>();
            let ready = |one: &Endpoint| {
                one.conditions.as_ref().and_then(|conditions| conditions.ready) == Some(true)
            };
            (all.len() == count && all.iter().all(ready)).then_some(all)
        })
        .await
}

/// The pods that endpoints refer to.
fn targets(endpoints: &[Endpoint]) -> BTreeSet<String> {
    let targets = endpoints.iter().filter_map(|one| one.target_ref.as_ref());
    targets
        .filter(|target| target.kind.as_deref() == Some("Pod"))
        .filter_map(|target| target.name.clone())
        .collect()
}

fn lines(said: &str) -> BTreeSet<String> {
    said.lines().map(str::to_owned).collect()
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_deployment_is_found_in_slices_and_reached_by_address_cluster_ip_and_name() {
    in_namespace("deployment", async |space| {
        let image = replica(space).await?;
        let service = space.apply::<Service>(&service("web")?).await?;
        space.apply::<Deployment>(&deployment("web", &image, 3)?).await?;
        let pods = ready(space, "web", 3).await?;
        let found = endpoints(space, "web", 3).await?;
        ensure!(targets(&found) == names(&pods), "{found:?} refer to other pods than {pods:?}");

        let by_address = pods.iter().map(|pod| Ok(format!("http://{}:{PORT}/", address(pod)?)));
        let by_address = by_address.collect::<Result<Vec<_>>>()?;
        let mut ask = vec!["ask"];
        ask.extend(by_address.iter().map(String::as_str));
        let said = space.run("by-address", &image, &ask).await?;
        ensure!(lines(&said) == names(&pods), "asked by address, {said:?} answer");

        let cluster_ip = service.spec.and_then(|spec| spec.cluster_ip).context("no ClusterIP")?;
        let url = format!("http://{cluster_ip}:80/");
        let mut ask = vec!["ask"];
        ask.extend([url.as_str(); ENOUGH]);
        let said = space.run("by-cluster-ip", &image, &ask).await?;
        ensure!(said.lines().count() == ENOUGH, "asked {ENOUGH} times by ClusterIP: {said:?}");
        ensure!(lines(&said) == names(&pods), "asked by ClusterIP, {said:?} answer");

        let url = format!("http://web.{}.svc.cluster.local:80/by-name", space.name());
        let said = space.run("by-name", &image, &["ask", "http://web:80/by-name", &url]).await?;
        ensure!(said.lines().count() == 2, "asked twice by name, {said:?} answer");
        ensure!(lines(&said).is_subset(&names(&pods)), "asked by name, {said:?} answers");
        let mut heard = String::new();
        for pod in &pods {
            heard += &space.logs(&pod.name_any()).await?;
        }
        let count = heard.matches("GET /by-name").count();
        ensure!(count == 2, "the pods' logs tell of {count} requests by name, not 2: {heard}");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_stateful_set_has_hostnames_in_its_slices_and_a_name_for_each_pod() {
    in_namespace("stateful-set", async |space| {
        let image = replica(space).await?;
        space.apply::<Service>(&headless("db")?).await?;
        space.apply::<StatefulSet>(&stateful_set("db", &image, 3)?).await?;
        let pods = ready(space, "db", 3).await?;
        let expected = BTreeSet::from(["db-0", "db-1", "db-2"].map(str::to_owned));
        ensure!(names(&pods) == expected, "the pods are {:?}", names(&pods));

        let found = endpoints(space, "db", 3).await?;
        let hostnames = found.iter().filter_map(|one| one.hostname.clone()).collect();
        ensure!(expected == hostnames, "the slices say {hostnames:?}");
        ensure!(targets(&found) == expected, "the slices refer to {:?}", targets(&found));

        let urls = expected.iter().map(|name| format!("http://{name}.db:{PORT}/"));
        let urls = urls.collect::<Vec<_>>();
        let mut ask = vec!["ask"];
        ask.extend(urls.iter().map(String::as_str));
        let said = space.run("by-name", &image, &ask).await?;
        ensure!(lines(&said) == expected, "each asked by name, {said:?} answer");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_deleted_pod_leaves_the_slice_and_another_takes_its_place() {
    in_namespace("replaced", async |space| {
        let image = replica(space).await?;
        space.apply::<Service>(&service("web")?).await?;
        space.apply::<Deployment>(&deployment("web", &image, 3)?).await?;
        let before = names(&ready(space, "web", 3).await?);
        ensure!(targets(&endpoints(space, "web", 3).await?) == before, "not the pods' slice");

        let victim = before.first().context("no pod")?;
        space.remove::<Pod>(victim).await?;
        let labels = "kubernetes.io/service-name=web";
        space
            .until("the slice without it", labels, |slices: &[EndpointSlice]| {
                let all = slices.iter().flat_map(|slice| slice.endpoints.clone());
                (!targets(&all.collect::<Vec<_>>()).contains(victim)).then_some(())
            })
            .await?;
        let after = names(&ready(space, "web", 3).await?);
        ensure!(targets(&endpoints(space, "web", 3).await?) == after, "not the new pods' slice");
        let kept = before.intersection(&after).count();
        ensure!(kept == 2, "{kept} of the other pods were kept: {before:?}, then {after:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_pod_that_fails_says_why() {
    in_namespace("fails", async |space| {
        let image = replica(space).await?;
        let outcome = space.run("confused", &image, &["aks"]).await;
        let said = outcome.err().context("it did not fail")?.to_string();
        ensure!(said.contains("usage: replica"), "it only says {said}");
        Ok(())
    })
    .await;
}
