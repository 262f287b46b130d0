//! How did the first Metaparticle do it? It called a function when a lock was acquired and another when it
//! was lost; without the other, the process ended.

use std::fmt;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::thread;

use futures::FutureExt as _;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::holder::{Held, Lost, NotAcquired};
use crate::lock::Lock;

/// What a process ends with that lost a lock and did not say what to do then.
const LOST: i32 = 1;

type OnAcquired = Box<dyn FnMut(Held) + Send>;
type OnLost = Box<dyn FnMut(Lost) + Send>;

/// A lock that calls back. It is contended for again after it was lost.
#[must_use = "nothing is called before `start`"]
pub struct Callbacks {
    lock: Lock,
    acquired: OnAcquired,
    lost: Option<OnLost>,
}

/// That a lock is contended for, or held. When this is dropped, it is given back.
#[derive(Debug)]
#[must_use = "the lock is given back when this is dropped"]
pub struct Contending {
    stop: DropGuard,
    ended: tokio::sync::oneshot::Receiver<thread::Result<Result<(), NotAcquired>>>,
}

impl Callbacks {
    pub(crate) fn new(lock: Lock, acquired: impl FnMut(Held) + Send + 'static) -> Self {
        Self { lock, acquired: Box::new(acquired), lost: None }
    }

    /// Calls `lost` when it is lost; without that, the process ends with code 1.
    pub fn on_lost(self, lost: impl FnMut(Lost) + Send + 'static) -> Self {
        Self { lost: Some(Box::new(lost)), ..self }
    }

    /// Begins to contend.
    pub fn start(self) -> Contending {
        let (stop, (ended, waits)) = (CancellationToken::new(), tokio::sync::oneshot::channel());
        let tasks = self.lock.sync().world().tasks.clone();
        let stopped = stop.clone();
        tasks.clone().spawn(async move {
            let stop = async {
                tokio::select! {
                    () = stopped.cancelled() => {}
                    () = tasks.stopped() => {}
                }
            };
            let outcome = AssertUnwindSafe(self.run(stop)).catch_unwind().await;
            match &outcome {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "a lock is not contended for any more"),
                Err(_) => {
                    tracing::error!("a callback panicked: its lock is not contended for any more");
                }
            }
            ended.send(outcome).ok();
        });
        Contending { stop: stop.drop_guard(), ended: waits }
    }

    async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), NotAcquired> {
        let mut stop = std::pin::pin!(stop);
        loop {
            let held = tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                held = self.lock.acquire() => held?,
            };
            (self.acquired)(held.clone());
            tokio::select! {
                biased;
                lost = held.lost() => self.lost(lost),
                () = &mut stop => {
                    held.release().await.ok();
                    return Ok(());
                }
            }
        }
    }

    fn lost(&mut self, lost: Lost) {
        match &mut self.lost {
            Some(call) => call(lost),
            None => {
                tracing::error!(%lost, "nobody handles that: ending the process");
                std::process::exit(LOST);
            }
        }
    }
}

impl Contending {
    /// Gives it back, and waits until that is done.
    ///
    /// # Errors
    /// When it stopped contending long before, because the store would not have it.
    ///
    /// # Panics
    /// When a callback did.
    pub async fn stop(self) -> Result<(), NotAcquired> {
        drop(self.stop);
        match self.ended.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => resume_unwind(panic),
            // Its runtime has ended, and everything with it.
            Err(_) => Ok(()),
        }
    }
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callbacks").field("lock", &self.lock).finish_non_exhaustive()
    }
}
