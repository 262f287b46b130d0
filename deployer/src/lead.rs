//! How does somebody lead? Stands, leads, and stands again: the work ends with the lock that makes the leader.

use std::sync::Arc;
use std::time::Duration;

use metaparticle_sync::lock::Lock;

use crate::context::Seat;
use crate::pattern::Leading;

/// After work that failed, before it is tried again by whoever leads then.
const BREATH: Duration = Duration::from_secs(1);

/// Stands for ever: who holds `lock` does `lead`; when that ends, rightly or not, somebody leads again.
// Not by `Election::run_while_leader`: the compiler cannot prove its future `Send`, and tasks spawn this one.
pub(crate) async fn stand(lock: Lock, lead: Leading, seat: Arc<Seat>) {
    loop {
        match once(&lock, &lead, &seat).await {
            Ok(()) => tracing::info!(replica = %seat.replica, "has led, and stands again"),
            Err(why) => tracing::warn!(replica = %seat.replica, "{why}"),
        }
        tokio::time::sleep(BREATH).await;
    }
}

/// Leads once; or says why that did not end well.
async fn once(lock: &Lock, lead: &Leading, seat: &Arc<Seat>) -> Result<(), String> {
    let held = lock.acquire().await.map_err(|refused| format!("cannot stand: {refused}"))?;
    let led = held.within(lead(held.clone(), Arc::clone(seat))).await;
    held.release().await.ok();
    match led {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => Err(format!("led in vain, and stands again: {}", why.in_full())),
        Err(lost) => Err(format!("leads no more, and stands again: {lost}")),
    }
}
