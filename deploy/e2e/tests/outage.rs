//! What do clients see while the API server is away? In a file of its own: no other test runs beside it.

use std::time::Duration;

use anyhow::ensure;
use metaparticle_e2e::{Asker, Gateway, Load, world};
use metaparticle_testbed::{in_namespace, outage};

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn outage_of_the_api_server_stops_no_traffic() {
    in_namespace("api-outage", async |space| {
        let image = world::image(space).await?;
        world::service(space, "web", &[]).await?;
        world::deployment(space, "web", &image, 1).await?;
        world::ready(space, "web", 1).await?;
        world::ingress(space, "web", &[("web", "/", "Prefix", "web")]).await?;
        let mut gateway = Gateway::start(space).await?;
        world::known(&gateway, &format!("{}/web:80", space.name()), 1).await?;
        let load = Load { host: "web".into(), rate: 1000, keys: 100, connections: 16 };
        let loading = load.begin(gateway.address);
        outage::during(async || {
            gateway.says("what was seen last stays in force").await?;
            tokio::time::sleep(Duration::from_secs(5)).await;
            let mut operator = Asker::new(gateway.admin);
            ensure!(operator.get("localhost", "/readyz").await?.status == 200, "it is not ready");
            let metrics = operator.get("localhost", "/metrics").await?.body;
            let lost = "metaparticle_watch_connected{kind=\"services\"} 0";
            ensure!(metrics.contains(lost), "the metrics do not say so: {metrics}");
            Ok(())
        })
        .await?;
        let found = gateway.says("are seen again").await;
        let outcome = loading.end().await;
        found?;
        ensure!(outcome.failures() == 0, "failed: {:?} of {}", outcome.failed, outcome.asked);
        Ok(())
    })
    .await;
}
