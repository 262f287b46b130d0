//! What does a node do with the lock? It holds it for a while, acts when it may, and now and then is
//! stubborn: it goes on after it was told to stop, without acting.

use std::time::Duration;

use fastrand::Rng;
use metaparticle_sync::clock::{Clock as _, Paused};
use metaparticle_sync::holder::{Held, Overrun};
use metaparticle_sync::lease::Timing;
use metaparticle_sync::sync::Sync;
use tokio::time::{sleep, timeout};

use crate::server::Link;
use crate::world::{NAME, Rules};

/// A process, and what it needs.
pub(crate) struct Node {
    pub(crate) link: Link,
    pub(crate) clock: Paused,
    pub(crate) rng: Rng,
    pub(crate) timing: Timing,
}

impl Node {
    pub(crate) fn new(link: Link, mut rng: Rng, rules: &Rules) -> Self {
        let offset = Duration::from_secs(rng.u64(..100_000));
        let clock = Paused::new(offset, 1.0 + rules.drift * (rng.f64() * 2.0 - 1.0));
        let timing = Timing::of(Duration::from_secs(15)).expect("a timing");
        let timing = if rules.margin {
            timing
        } else {
            timing.with_margin(Duration::ZERO).expect("it leaves more time")
        };
        Self { link, clock, rng, timing }
    }

    /// Takes the lock again and again, for ever.
    pub(crate) async fn run(mut self) {
        let name = format!("node-{}", self.link.node);
        let sync = Sync::named(&name, self.rng.u64(..), self.link.clone(), self.clock);
        loop {
            self.pause(10_000).await;
            let overran = self.link.server.journal.clone();
            let node = self.link.node;
            let lock = sync
                .lock(NAME)
                .timing(self.timing)
                .on_overrun(Overrun::Call(std::sync::Arc::new(move |_| overran.overran(node))));
            self.link.server.journal.asks(node);
            let held = match self.rng.u8(..4) {
                0 => lock.try_acquire().await.unwrap_or_default(),
                1 => lock.acquire_within(Duration::from_secs(self.rng.u64(1..20))).await.ok(),
                _ => lock.acquire().await.ok(),
            };
            if let Some(held) = held {
                self.hold(held).await;
            }
        }
    }

    async fn hold(&mut self, held: Held) {
        let journal = self.link.server.journal.clone();
        journal.began(self.link.node, held.token());
        let acts = self.rng.usize(..8);
        for _ in 0..acts {
            if self.rng.u8(..4) == 0 {
                // As late as it may.
                let last = (self.clock.now() + held.remaining()).less(Duration::from_millis(3));
                self.clock.sleep_until(last).await;
            } else {
                self.pause(4000).await;
            }
            if held.check().is_err() {
                break;
            }
            let deadline = self.clock.now() + held.remaining() + self.timing.grace();
            journal.acts(self.link.node, held.token(), self.clock.instant(deadline));
        }
        if held.check().is_err() && self.rng.u8(..4) == 0 {
            self.pause(5000).await;
        }
        journal.ended(self.link.node);
        if self.rng.bool() {
            // Whoever does not wait for it to be given back finds out when it asks again.
            timeout(Duration::from_secs(30), held.release()).await.ok();
        }
    }

    async fn pause(&mut self, millis: u64) {
        sleep(Duration::from_millis(self.rng.u64(..millis))).await;
    }
}
