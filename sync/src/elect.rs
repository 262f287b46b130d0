//! How does somebody always lead? Whoever wins leads until it is done or until it loses, and then contends
//! again.

use std::time::Duration;

use crate::holder::{Held, NotAcquired, Overrun};
use crate::lease::Timing;
use crate::lock::{Lock, Unfinished};

/// An election that may be stood for.
#[derive(Debug, Clone)]
#[must_use = "nobody stands before `run_while_leader`"]
pub struct Election(Lock);

impl Election {
    pub(crate) fn new(lock: Lock) -> Self {
        Self(lock)
    }

    /// For how long others wait when a leader falls silent: 15 s by default.
    pub fn ttl(self, ttl: Duration) -> Self {
        Self(self.0.ttl(ttl))
    }

    /// The same, with margins of your own.
    pub fn timing(self, timing: Timing) -> Self {
        Self(self.0.timing(timing))
    }

    /// What is done with a leader that has not stopped at the deadline: by default the process is aborted.
    pub fn on_overrun(self, overrun: Overrun) -> Self {
        Self(self.0.on_overrun(overrun))
    }

    /// Waits until it leads, and does `lead`. When that ends while it still leads, that was it; when it has
    /// lost, `lead` is dropped at the deadline, and it stands again.
    ///
    /// # Errors
    /// When the store will not have it.
    pub async fn run_while_leader<T>(
        &self,
        mut lead: impl AsyncFnMut(Held) -> T,
    ) -> Result<T, NotAcquired> {
        loop {
            let led = self.0.run(async |held: Held| {
                let done = lead(held.clone()).await;
                held.check().map(|()| done)
            });
            match led.await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(lost)) | Err(Unfinished::Lost(lost)) => {
                    tracing::info!(%lost, "leads no more, and stands again");
                }
                Err(Unfinished::NotAcquired(error)) => return Err(error),
            }
        }
    }
}
