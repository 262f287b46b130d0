//! How soon is a change seen, and what does a great cluster cost? Measured before the cluster of
//! `KUBECONFIG`, and printed; `make scale` runs it.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::PostParams;
use metaparticle_e2e::hand::{HERE, Manner, Server, written};
use metaparticle_e2e::{Asker, Gateway, world};
use metaparticle_testbed::{Space, in_namespace};
use serde_json::{Value, json};
use tokio::time::Instant;

const CHANGES: usize = 200;
const SERVICES: usize = 5000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    in_namespace("latency", latency).await;
    in_namespace("five-thousand", memory).await;
}

fn tell(what: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{what}")?)
}

/// From a write of a slice to the first request that follows it.
async fn latency(space: &Space) -> Result<()> {
    let servers =
        [Server::start(Manner::default()).await?, Server::start(Manner::default()).await?];
    let ports = servers.each_ref().map(|server| server.port);
    let (service, slice) = written("web", &[HERE.to_owned()], ports[0]);
    space.apply::<Service>(&serde_json::from_value(service)?).await?;
    space.apply::<EndpointSlice>(&serde_json::from_value(slice.clone())?).await?;
    world::ingress(space, "web", &[("web", "/", "Prefix", "web")]).await?;
    let gateway = Gateway::start(space).await?;
    let mut asker = gateway.asker();
    let mut times = Vec::new();
    for change in 0..=CHANGES {
        let port = ports[change % 2];
        let mut slice = slice.clone();
        slice["ports"][0]["port"] = json!(port);
        let time = follow(space, &serde_json::from_value(slice)?, &mut asker, port).await?;
        // The first one may find a connection that is not there yet.
        if change > 0 {
            times.push(time);
        }
    }
    let told = |what: &str, of: fn(&Followed) -> Duration| {
        let mut all: Vec<_> = times.iter().map(of).collect();
        all.sort();
        let share = |share: usize| all[(all.len() * share).div_ceil(100) - 1];
        tell(&format!("{what}: p50 {:?}, p99 {:?}, of {CHANGES}", share(50), share(99)))
    };
    // A write is there when it is answered: how long etcd's disc takes is not the gateway's affair.
    told("from the answer of the write to the first request that follows it", |time| {
        time.seen.saturating_sub(time.answered)
    })?;
    told("from the sending of the write", |time| time.seen)?;
    told("the write alone", |time| time.answered)
}

/// One change, from the sending of the write.
struct Followed {
    answered: Duration,
    seen: Duration,
}

/// Writes the slice, and asks until somebody at `port` answers.
async fn follow(
    space: &Space,
    slice: &EndpointSlice,
    asker: &mut Asker,
    port: u16,
) -> Result<Followed> {
    let begun = Instant::now();
    let write = async { space.apply(slice).await.map(|_| begun.elapsed()) };
    let see = async {
        loop {
            let answer = asker.get("web", "/").await?;
            if answer.body == port.to_string() {
                return anyhow::Ok(begun.elapsed());
            }
            let late = begun.elapsed() > Duration::from_secs(10);
            ensure!(!late, "a change to port {port} is not followed: {answer:?}");
        }
    };
    let (answered, seen) = futures::try_join!(write, see)?;
    Ok(Followed { answered, seen })
}

async fn fill(space: &Space) -> Result<()> {
    let (services, slices) = (space.api::<Service>(), space.api::<EndpointSlice>());
    let create = |number: usize| {
        let (services, slices) = (services.clone(), slices.clone());
        async move {
            let address =
                |pod: usize| format!("10.250.{}.{}", number / 80, number % 80 * 3 + pod + 1);
            let addresses: Vec<_> = (0..3).map(address).collect();
            let (service, slice) = written(&format!("service-{number:04}"), &addresses, 8080);
            let params = PostParams::default();
            services.create(&params, &serde_json::from_value(service)?).await?;
            slices.create(&params, &serde_json::from_value(slice)?).await?;
            anyhow::Ok(())
        }
    };
    futures::stream::iter((0..SERVICES).map(create)).buffer_unordered(32).try_collect().await
}

/// What many Services cost, beside none.
async fn memory(space: &Space) -> Result<()> {
    let empty = Gateway::start(space).await?;
    let before = empty.memory()?;
    drop(empty);
    fill(space).await?;
    let seen = Gateway::start(space).await?.memory()?;
    for part in 0..SERVICES / 100 {
        let name = |one: usize| format!("service-{:04}", part * 100 + one);
        let names: Vec<_> = (0..100).map(name).collect();
        let host = format!("host-{part}");
        let paths: Vec<_> = names.iter().map(|name| format!("/{name}")).collect();
        let rules = paths.iter().zip(&names);
        let rules: Vec<_> = rules
            .map(|(path, name)| (host.as_str(), path.as_str(), "Prefix", name.as_str()))
            .collect();
        world::ingress(space, &format!("part-{part}"), &rules).await?;
    }
    let snapshot = Gateway::start(space).await?.snapshot().await?;
    let services = snapshot["services"].as_array().context("services")?;
    ensure!(services.len() == SERVICES, "it sees {} services", services.len());
    let whole = |one: &Value| one["replicas"].as_array().is_some_and(|all| all.len() == 3);
    ensure!(services.iter().all(whole), "a service lacks replicas");
    // Another one: what it takes to tell its snapshot is not what it takes to serve.
    let routed = Gateway::start(space).await?.memory()?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    tell(&format!("memory with nothing: {:.1} MiB", mib(before)))?;
    tell(&format!(
        "with {SERVICES} services of 3 endpoints that nobody routes to: {:.1} MiB more",
        mib(seen.saturating_sub(before))
    ))?;
    tell(&format!("with a route to each: {:.1} MiB more", mib(routed.saturating_sub(before))))
}
