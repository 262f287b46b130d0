//! What still works while the API server is away, and what comes back after it?

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::ResourceExt as _;
use metaparticle_testbed::workload::{PORT, deployment};
use metaparticle_testbed::{Space, in_namespace, outage, program};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout};

/// Longer than a blink, shorter than any grace period: nothing may be restarted for it.
const LENGTH: Duration = Duration::from_secs(10);

/// Whoever answers at all has answered by then.
const ANSWER: Duration = Duration::from_secs(2);

#[tokio::test]
#[ignore = "needs a cluster of its own: `make test` starts one"]
async fn an_api_outage_leaves_pods_running_and_watches_recover() {
    in_namespace("outage", async |space| {
        let image = space
            .push("replica", &program::released("metaparticle-replica", "replica").await?)
            .await?;
        space.apply(&deployment("web", &image, 1)?).await?;
        let before = running(space).await?;
        let address = before.status.as_ref().and_then(|status| status.pod_ip.clone());
        let address = format!("{}:{PORT}", address.context("no address")?);

        // The watch begins before the outage, and sees what is written after it.
        let (written, outcome) = tokio::join!(mark(space), away_and_back(space, &address));
        outcome?;
        written?;
        let after = running(space).await?;
        ensure!(after.uid() == before.uid(), "another pod runs: {after:?}");
        let restarts = |pod: &Pod| {
            let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
            Some(statuses.first()?.restart_count)
        };
        ensure!(restarts(&after) == Some(0), "the pod was restarted");
        Ok(())
    })
    .await;
}

async fn running(space: &Space) -> Result<Pod> {
    space
        .until("a ready pod", "app=web", |pods: &[Pod]| {
            let conditions = pods.first()?.status.as_ref()?.conditions.as_ref()?;
            let ready = conditions.iter().any(|one| one.type_ == "Ready" && one.status == "True");
            ready.then(|| pods[0].clone())
        })
        .await
}

async fn mark(space: &Space) -> Result<()> {
    space.until("the mark", "mark=yes", |marks: &[ConfigMap]| marks.first().map(drop)).await
}

async fn away_and_back(space: &Space, address: &str) -> Result<()> {
    outage::during(async || {
        let refused = timeout(ANSWER, space.api::<Pod>().get("web")).await;
        ensure!(matches!(refused, Ok(Err(kube::Error::Service(_)))), "who answers? {refused:?}");
        let until = Instant::now() + LENGTH;
        let mut beat = interval(Duration::from_millis(250));
        while Instant::now() < until {
            beat.tick().await;
            let answer = timeout(ANSWER, asked(address)).await.context("the pod is silent")??;
            ensure!(answer.starts_with("HTTP/1.1 200"), "the pod answers {answer}");
        }
        Ok(())
    })
    .await?;
    let labels = json!({ "metadata": { "name": "mark", "labels": { "mark": "yes" } } });
    space.apply::<ConfigMap>(&serde_json::from_value(labels)?).await?;
    Ok(())
}

async fn asked(address: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: web\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
