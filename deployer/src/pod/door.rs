//! Is a replica ready? Its door for operators says so: `/readyz`, and `/healthz` while it lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures::FutureExt;

use crate::pattern::Answering;
use crate::wire::{Error, answer};

/// Whether it may be asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Ready(Arc<AtomicBool>);

impl Ready {
    pub(super) fn set(&self, ready: bool) {
        self.0.store(ready, Relaxed);
    }

    /// What answers at the door.
    pub(super) fn answering(&self) -> Answering {
        let ready = Arc::clone(&self.0);
        Arc::new(move |request| {
            let ready = ready.load(Relaxed);
            let said = match request.uri().path() {
                "/healthz" => Ok("alive"),
                "/readyz" if ready => Ok("ready"),
                "/readyz" => Err(Error::unavailable("not ready")),
                _ => Err(Error::not_found("there are /healthz and /readyz")),
            };
            async move { answer(said) }.boxed()
        })
    }
}
