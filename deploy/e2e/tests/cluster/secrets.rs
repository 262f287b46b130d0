//! Is the right certificate shown, and the right one asked for, while Secrets change?

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{Patch, PatchParams};
use metaparticle_e2e::hand::{self, Server};
use metaparticle_e2e::{Certificate, Gateway, world};
use metaparticle_testbed::{Space, in_namespace};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::QUIET;

/// Gives each host the certificate of a Secret.
async fn name(space: &Space, ingress: &str, hosts: &[(&str, &str)]) -> Result<()> {
    let tls: Vec<Value> = hosts
        .iter()
        .map(|(host, secret)| json!({ "hosts": [host], "secretName": secret }))
        .collect();
    let patch = Patch::Merge(json!({ "spec": { "tls": tls } }));
    space.api::<Ingress>().patch(ingress, &PatchParams::default(), &patch).await?;
    Ok(())
}

/// Waits until this certificate is shown for the host.
async fn until(gateway: &Gateway, host: &str, certificate: &Certificate) -> Result<()> {
    let begun = Instant::now();
    loop {
        // Before there is any, the handshake fails.
        if certificate.is_shown(gateway.tls, host).await.unwrap_or(false) {
            return Ok(());
        }
        ensure!(begun.elapsed() < Duration::from_secs(30), "{host} is shown another certificate");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn each_host_is_shown_its_certificate_and_a_new_one_when_its_secret_changes() {
    let _quiet = QUIET.read().await;
    in_namespace("sni", async |space| {
        let server = Server::start(hand::Manner::default()).await?;
        hand::service(space, "web", server.port, "http", &[]).await?;
        let rules = ["one.example", "two.example"].map(|host| (host, "/", "Prefix", "web"));
        world::ingress(space, "web", &rules).await?;
        let one = Certificate::new(&["one.example"])?;
        let two = Certificate::new(&["two.example"])?;
        one.put(space, "one").await?;
        two.put(space, "two").await?;
        name(space, "web", &[("one.example", "one")]).await?;
        let gateway = Gateway::start(space).await?;
        ensure!(one.is_shown(gateway.tls, "one.example").await?, "the first picture has it");
        ensure!(
            one.is_shown(gateway.tls, "two.example").await.is_err(),
            "who has none is shown none"
        );
        // A Secret that nobody named is asked for when somebody does.
        name(space, "web", &[("one.example", "one"), ("two.example", "two")]).await?;
        until(&gateway, "two.example", &two).await?;
        let new = Certificate::new(&["one.example"])?;
        new.put(space, "one").await?;
        until(&gateway, "one.example", &new).await?;
        ensure!(two.is_shown(gateway.tls, "two.example").await?, "the other one is as it was");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_replica_that_speaks_tls_is_asked_when_its_authority_is_known() {
    let _quiet = QUIET.read().await;
    in_namespace("upstream-tls", async |space| {
        let certificate = Certificate::new(&["replica.example"])?;
        let server = Server::secure(&certificate).await?;
        let web = async |words: &[(&str, &str)]| {
            hand::service(space, "web", server.port, "https", words).await
        };
        web(&[]).await?;
        world::ingress(space, "web", &[("web", "/", "Prefix", "web")]).await?;
        let gateway = Gateway::start(space).await?;
        let mut asker = gateway.asker();
        let answer = asker.get("web", "/").await?;
        ensure!(answer.status == 502 && answer.body.contains("tls-verify"), "{answer:?}");

        certificate.put(space, "authority").await?;
        let words = [("tls-verify", "secret:authority"), ("tls-server-name", "replica.example")];
        web(&words).await?;
        world::until(&mut asker, "web", "/", |answer| answer.status == 200).await?;
        web(&words[..1]).await?;
        world::until(&mut asker, "web", "/", |answer| answer.status == 502).await?;
        web(&[("tls-verify", "off")]).await?;
        world::until(&mut asker, "web", "/", |answer| answer.status == 200).await?;
        Ok(())
    })
    .await;
}
