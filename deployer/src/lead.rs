//! How does somebody lead? Stands, leads, and stands again: the work ends with the election's lease.

use std::sync::Arc;
use std::time::Duration;

use metaparticle_sync::elect::Election;

use crate::context::Seat;
use crate::pattern::Leading;

/// After work that failed, before it is tried again by whoever leads then.
const BREATH: Duration = Duration::from_secs(1);

/// Stands for ever: who leads does `lead`; when that ends, rightly or not, somebody leads again.
pub(crate) async fn stand(election: Election, lead: Leading, seat: Arc<Seat>) {
    loop {
        let work = |held| lead(held, Arc::clone(&seat));
        match election.run_while_leader(work).await {
            Ok(Ok(())) => tracing::info!(replica = %seat.replica, "has led, and stands again"),
            Ok(Err(failed)) => {
                tracing::warn!(replica = %seat.replica, error = %failed.in_full(), "failed as leader");
            }
            Err(refused) => tracing::warn!(replica = %seat.replica, error = %refused, "cannot stand"),
        }
        tokio::time::sleep(BREATH).await;
    }
}
