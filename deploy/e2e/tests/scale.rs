//! How soon is a change seen, and what does a great cluster cost? Measured, and held to the bars.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::PostParams;
use metaparticle_e2e::{Gateway, alone, world};
use metaparticle_testbed::{Space, in_namespace};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

const CHANGES: usize = 200;
const SERVICES: usize = 5000;
/// From the write to the first request that follows it.
const SLOWEST: Duration = Duration::from_millis(30);
const MOST: u64 = 40 << 20;
/// This machine, as the cluster's nodes are: endpoints may not be loopback.
const HERE: &str = "10.244.0.1";

#[expect(clippy::print_stderr, reason = "what was measured is for who runs the test")]
fn tell(what: &str) {
    eprintln!("{what}");
}

/// A Service without pods, and its slice as somebody writes it.
fn written(name: &str, addresses: &[String], port: u16) -> (Value, Value) {
    let service = json!({
        "metadata": { "name": name },
        "spec": { "clusterIP": "None", "ports": [{ "name": "http", "port": 80 }] },
    });
    let endpoint = |(number, address): (usize, &String)| {
        let target = json!({ "kind": "Pod", "name": format!("{name}-7d4b9c5f6b-x{number}"),
            "uid": format!("8d2f0c1e-6f0a-4c1b-9a57-{:012}", number) });
        json!({ "addresses": [address], "conditions": { "ready": true }, "targetRef": target })
    };
    let slice = json!({
        "metadata": { "name": name, "labels": {
            "kubernetes.io/service-name": name,
            "endpointslice.kubernetes.io/managed-by": "a-test",
        } },
        "addressType": "IPv4",
        "ports": [{ "name": "http", "port": port }],
        "endpoints": addresses.iter().enumerate().map(endpoint).collect::<Vec<_>>(),
    });
    (service, slice)
}

/// A server that answers everything with its port.
async fn server(tasks: &mut JoinSet<()>) -> Result<u16> {
    let listener = TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], 0))).await?;
    let port = listener.local_addr()?.port();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.spawn(async move {
                let said = port.to_string();
                let answer =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{said}", said.len());
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|size| size > 0) {
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    Ok(port)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_change_of_a_slice_is_followed_within_thirty_milliseconds() {
    let _alone = alone().await;
    in_namespace("latency", async |space| {
        let mut tasks = JoinSet::new();
        let ports = [server(&mut tasks).await?, server(&mut tasks).await?];
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
            let slice: EndpointSlice = serde_json::from_value(slice)?;
            // The answer of the write comes after the change is there for all who watch.
            let begun = Instant::now();
            let (written, followed) = futures::join!(
                async { space.apply(&slice).await.map(|_| begun.elapsed()) },
                async {
                    loop {
                        let answer = asker.get("web", "/").await?;
                        if answer.body == port.to_string() {
                            return anyhow::Ok(begun.elapsed());
                        }
                        let late = begun.elapsed() > Duration::from_secs(10);
                        ensure!(!late, "change {change} is not followed: {answer:?}");
                    }
                }
            );
            if change > 0 {
                times.push((followed?, written?));
            }
        }
        let share = |of: fn(&(Duration, Duration)) -> Duration, share: usize| {
            let mut all: Vec<_> = times.iter().map(of).collect();
            all.sort();
            all[(all.len() * share).div_ceil(100) - 1]
        };
        // A write is there when it is answered: how long etcd's disc takes is not the gateway's affair.
        let after = |time: &(Duration, Duration)| time.0.saturating_sub(time.1);
        let (p50, p99) = (share(after, 50), share(after, 99));
        let (all50, all99) = (share(|time| time.0, 50), share(|time| time.0, 99));
        let (w50, w99) = (share(|time| time.1, 50), share(|time| time.1, 99));
        tell(&format!(
            "from the write's answer to the first request that follows it: p50 {p50:?}, p99 {p99:?}, of \
             {CHANGES}; from the sending of the write: p50 {all50:?}, p99 {all99:?}; the write alone: \
             p50 {w50:?}, p99 {w99:?}"
        ));
        ensure!(p99 <= SLOWEST, "p99 is {p99:?}");
        Ok(())
    })
    .await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster: `make test` starts one"]
async fn five_thousand_services_cost_at_most_forty_megabytes() {
    let _alone = alone().await;
    in_namespace("five-thousand", async |space| {
        let empty = Gateway::start(space).await?;
        let before = empty.memory()?;
        drop(empty);
        fill(space).await?;
        let seen = Gateway::start(space).await?.memory()?;
        for part in 0..SERVICES / 100 {
            let names: Vec<_> = (0..100).map(|one| format!("service-{:04}", part * 100 + one)).collect();
            let host = format!("host-{part}");
            let paths: Vec<_> = names.iter().map(|name| format!("/{name}")).collect();
            let rules = paths.iter().zip(&names);
            let rules: Vec<_> = rules
                .map(|(path, name)| (host.as_str(), path.as_str(), "Prefix", name.as_str()))
                .collect();
            world::ingress(space, &format!("part-{part}"), &rules).await?;
        }
        let gateway = Gateway::start(space).await?;
        let snapshot = gateway.snapshot().await?;
        let services = snapshot["services"].as_array().context("services")?;
        ensure!(services.len() == SERVICES, "it sees {} services", services.len());
        ensure!(services.iter().all(|one| one["replicas"].as_array().is_some_and(|all| all.len() == 3)));
        drop(snapshot);
        let again = Gateway::start(space).await?;
        let routed = again.memory()?;
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        tell(&format!(
            "memory: {:.1} MiB with nothing; {:.1} more with {SERVICES} services of 3 endpoints that \
             nobody routes to; {:.1} more with a route to each",
            mib(before),
            mib(seen.saturating_sub(before)),
            mib(routed.saturating_sub(before)),
        ));
        ensure!(routed.saturating_sub(before) <= MOST, "too much");
        Ok(())
    })
    .await;
}
