//! What does a process do with a lock? It holds it for a while, acts when it may, and now and then is
//! stubborn: it goes on after it was told to stop, and only the fence holds it back.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use metaparticle_sync::clock::{Clock as _, Paused};
use metaparticle_sync::holder::{Held, Overrun};
use metaparticle_sync::lease::Timing;
use metaparticle_sync::lock::Lock;
use metaparticle_sync::sync::Sync;
use metaparticle_sync::term::Term;
use tokio::time::{sleep, timeout};

use crate::register::Asked;
use crate::server::Link;
use crate::world::{Kind, NAME, Rules};

/// A process, and what it needs.
#[derive(Debug)]
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

    /// Lives, for ever.
    pub(crate) async fn run(self, kind: Kind) {
        match kind {
            Kind::Lock | Kind::Semaphore(_) => self.contend(kind).await,
            Kind::Shards(count) => self.share(count).await,
        }
    }

    pub(crate) fn sync(&mut self) -> Sync {
        let name = format!("process-{}", self.link.place.process);
        Sync::named(&name, self.rng.u64(..), self.link.clone(), self.clock)
    }

    pub(crate) fn overrun(&self) -> Overrun {
        let (journal, process) = (self.link.server.journal.clone(), self.link.place.process);
        Overrun::Call(Arc::new(move |_| journal.overran(process)))
    }

    /// Takes it again and again.
    async fn contend(mut self, kind: Kind) {
        let sync = self.sync();
        let lock = match kind {
            Kind::Semaphore(permits) => sync.semaphore(NAME, permits),
            Kind::Lock | Kind::Shards(_) => sync.lock(NAME),
        };
        let lock = lock.timing(self.timing).on_overrun(self.overrun());
        loop {
            self.pause(10_000).await;
            self.link.server.journal.asks(self.link.place.process);
            if let Some(held) = self.acquire(&lock).await {
                self.hold(held).await;
            }
        }
    }

    async fn acquire(&mut self, lock: &Lock) -> Option<Held> {
        match self.rng.u8(..4) {
            0 => lock.try_acquire().await.unwrap_or_default(),
            1 => lock.acquire_within(Duration::from_secs(self.rng.u64(1..20))).await.ok(),
            _ => lock.acquire().await.ok(),
        }
    }

    async fn hold(&mut self, held: Held) {
        let (journal, process) = (self.link.server.journal.clone(), self.link.place.process);
        let hold = journal.began(process, held.name(), held.token());
        for _ in 0..self.rng.usize(..8) {
            if self.rng.u8(..4) == 0 {
                // As late as it may.
                let last = (self.clock.now() + held.remaining()).less(Duration::from_millis(3));
                self.clock.sleep_until(last).await;
            } else {
                self.pause(4000).await;
            }
            let from = journal.tick();
            if held.check().is_err() {
                break;
            }
            let deadline = self.clock.now() + held.remaining() + self.timing.grace();
            journal.acts(hold, from, self.clock.instant(deadline));
            self.ask(held.token());
        }
        if held.check().is_err() && self.rng.u8(..4) == 0 {
            self.pause(5000).await;
            self.ask(held.token());
        }
        if self.link.server.rules.hasty {
            // What nobody may do: give it back, and work on.
            timeout(Duration::from_secs(1), held.release()).await.ok();
            return journal.ended(hold, false);
        }
        journal.ended(hold, held.check().is_err());
        if self.rng.bool() {
            // Whoever does not wait for it to be given back finds out when it asks again.
            let given = timeout(Duration::from_secs(30), held.release()).await;
            if matches!(given, Ok(Ok(()))) {
                journal.given(hold);
            }
        }
    }

    /// Writes to what the lock guards, or reads it.
    pub(crate) fn ask(&mut self, term: &Term) {
        let value = self.rng.u64(1..);
        let asked = if self.rng.bool() { Asked::Write(value) } else { Asked::Read };
        self.link.ask(term, asked);
    }

    pub(crate) async fn pause(&mut self, millis: u64) {
        sleep(Duration::from_millis(self.rng.u64(..millis))).await;
    }
}
