//! What do clients see while an annotation is wrong, and when it is mended? A thousand requests a second.

use std::time::Duration;

use anyhow::ensure;
use k8s_openapi::api::core::v1::Event;
use metaparticle_e2e::{Asker, Gateway, Load, world};
use metaparticle_testbed::{figures, in_namespace};

use crate::QUIET;

const KEYS: u64 = 1000;

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_bad_annotation_and_its_repair_fail_nothing_and_move_no_key() {
    let _quiet = QUIET.write().await;
    in_namespace("repair", async |space| {
        let image = world::image(space).await?;
        let right = [("pattern", "shard"), ("shard-key", "path:^/users/([^/]+)")];
        let wrong = [("pattern", "shard"), ("shard-key", "pth:x"), ("shard-algorithm", "maglef")];
        world::set(space, "db", &image, 3).await?;
        world::service(space, "db", &right).await?;
        world::ingress(space, "db", &[("db", "/", "Prefix", "db")]).await?;
        world::ready(space, "db", 3).await?;
        let gateway = Gateway::start(space).await?;
        world::known(&gateway, &format!("{}/db:80", space.name()), 3).await?;
        let before = world::owners(&mut gateway.asker(), "db", KEYS).await?;
        let load = Load { host: "db".to_owned(), rate: 1000, keys: KEYS, connections: 64 };
        let loading = load.begin(gateway.address);
        let mut operator = Asker::new(gateway.admin);
        for round in 0..3 {
            world::service(space, "db", &wrong).await?;
            let two = |body: &str| mistakes(body) == Some(2);
            world::until(&mut operator, "localhost", "/snapshot", |a| two(&a.body)).await?;
            if round == 0 {
                let told = |all: &[Event]| {
                    let ours = |one: &&Event| one.reason.as_deref() == Some("Invalid");
                    all.iter().find(ours)?.message.clone()
                };
                let told = space.until("an Event", "", told).await?;
                ensure!(told.ends_with("stays in force."), "the Event says {told}");
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            world::service(space, "db", &right).await?;
            let none = |body: &str| mistakes(body) == Some(0);
            world::until(&mut operator, "localhost", "/snapshot", |a| none(&a.body)).await?;
        }
        let outcome = loading.end().await;
        let strangers = outcome.strangers(&before);
        figures::tell("repair", &format!("bad annotation and its repair, three times: {} asked, {} failed, {strangers} by another owner, slowest {:?}",
            outcome.asked, outcome.failures(), outcome.slowest));
        ensure!(outcome.failures() == 0, "failed: {:?}", outcome.failed);
        ensure!(strangers == 0, "{strangers} answers of another owner");
        Ok(())
    })
    .await;
}

fn mistakes(body: &str) -> Option<usize> {
    let seen: serde_json::Value = serde_json::from_str(body).ok()?;
    seen["mistakes"].as_array().map(Vec::len)
}
