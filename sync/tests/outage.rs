//! What becomes of a lock while the API server is away? In a file of its own: no other test runs beside it.

use std::time::Duration;

use anyhow::{Result, ensure};
use metaparticle_sync::clock::Boot;
use metaparticle_sync::lease::Why;
use metaparticle_sync::store::Leases;
use metaparticle_sync::sync::Sync;
use metaparticle_testbed::{figures, in_namespace, outage};
use tokio::time::{Instant, sleep};

const LOCK: &str = "contended";
const TTL: Duration = Duration::from_secs(3);

/// One more process, as far as the Leases of a namespace can tell.
async fn process(namespace: &str) -> Result<Sync> {
    let client = Leases::client(kube::Config::infer().await?)?;
    Ok(Sync::new(Leases::new(client, namespace), Boot))
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn an_outage_longer_than_a_lease_ends_the_work_in_time_and_then_somebody_leads_again() {
    in_namespace("lock-outage", async |space| {
        let (one, other) = (process(space.name()).await?, process(space.name()).await?);
        let held = one.lock(LOCK).ttl(TTL).acquire().await?;
        let first = held.token().clone();
        let lock = other.lock(LOCK).ttl(TTL);
        let waiting = lock.acquire();
        let away = outage::during(async move || {
            let begun = Instant::now();
            let lost = held.lost().await;
            let noticed = begun.elapsed();
            drop(held);
            figures::tell(
                "outage",
                &format!(
                    "API server away: the holder knew after {noticed:.2?}, of a lease of {TTL:?}"
                ),
            );
            ensure!(lost.why == Why::Expired && noticed < TTL, "{lost} after {noticed:?}");
            sleep((TTL * 2).saturating_sub(begun.elapsed())).await;
            Ok(())
        });
        let (second, away) = tokio::join!(waiting, away);
        away?;
        let second = second?;
        ensure!(*second.token() > first, "tokens grow");
        drop(second);
        one.shutdown().await;
        other.shutdown().await;
        Ok(())
    })
    .await;
}
