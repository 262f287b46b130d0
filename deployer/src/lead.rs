//! How does somebody lead? Stands, leads, and stands again: the work ends with the lock that makes the leader.

use std::sync::Arc;
use std::time::Duration;

use metaparticle_sync::lock::Lock;

use crate::context::Seat;
use crate::pattern::Leading;

/// After work that failed, before it is tried again by whoever leads then.
const BREATH: Duration = Duration::from_secs(1);

/// Stands for ever: who holds `lock` does `lead`; when that ends, rightly or not, somebody leads again.
pub(crate) async fn stand(lock: Lock, lead: Leading, seat: Arc<Seat>) {
    let replica = &seat.replica;
    loop {
        match lock.acquire().await {
            Ok(held) => {
                let led = held.within(lead(held.clone(), Arc::clone(&seat))).await;
                held.release().await.ok();
                match led {
                    Ok(Ok(())) => tracing::info!(%replica, "has led, and stands again"),
                    Ok(Err(why)) => tracing::warn!(%replica, error = %why.in_full(), "led in vain"),
                    Err(lost) => tracing::info!(%replica, %lost, "leads no more, and stands again"),
                }
            }
            Err(refused) => tracing::warn!(%replica, error = %refused, "cannot stand"),
        }
        tokio::time::sleep(BREATH).await;
    }
}
