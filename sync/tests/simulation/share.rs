//! What does a process do with its share? It works on each shard that it gains, in a task of its own, gives it
//! back when it is wanted elsewhere, and now and then leaves and comes again.

use std::time::Duration;

use fastrand::Rng;
use metaparticle_sync::clock::{Clock as _, Paused};
use metaparticle_sync::lease::Timing;
use metaparticle_sync::name::Name;
use metaparticle_sync::shards::Shard;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::node::Node;
use crate::server::Link;
use crate::world::{NAME, shard};

/// Who works on a shard.
struct Worker {
    link: Link,
    clock: Paused,
    rng: Rng,
    timing: Timing,
}

impl Node {
    /// Takes part again and again.
    pub(crate) async fn share(mut self, count: u32) {
        let sync = self.sync();
        let shards = sync.shards(NAME, count).timing(self.timing).on_overrun(self.overrun());
        loop {
            self.pause(5000).await;
            self.link.server.journal.asks(self.link.place.process);
            let Ok(mut share) = shards.join().await else { continue };
            let mut workers = JoinSet::new();
            let stays = Duration::from_secs(self.rng.u64(5..120));
            let leaves = sleep(stays);
            tokio::pin!(leaves);
            loop {
                let gained = tokio::select! {
                    gained = share.next() => gained,
                    () = &mut leaves => break,
                };
                let Ok(gained) = gained else { break };
                let worker = Worker {
                    link: self.link.clone(),
                    clock: self.clock,
                    rng: self.rng.fork(),
                    timing: self.timing,
                };
                workers.spawn(worker.work(gained));
            }
            // What it has goes on for as long as it may, before it comes again.
            drop(share);
            while workers.join_next().await.is_some() {}
        }
    }
}

impl Worker {
    async fn work(mut self, owned: Shard) {
        let (journal, process) = (self.link.server.journal.clone(), self.link.place.process);
        let name: Name = shard(owned.number());
        let hold = journal.began(process, &name, owned.token());
        loop {
            let pause = Duration::from_millis(self.rng.u64(..6000));
            let wanted = timeout(pause, owned.wanted_back()).await.is_ok();
            let from = journal.tick();
            if owned.check().is_err() {
                break;
            }
            let deadline = self.clock.now() + owned.remaining() + self.timing.grace();
            journal.acts(hold, from, self.clock.instant(deadline));
            if wanted || self.rng.u8(..16) == 0 {
                break;
            }
        }
        if self.rng.u8(..4) == 0 {
            sleep(Duration::from_millis(self.rng.u64(..5000))).await;
        }
        journal.ended(hold, owned.check().is_err());
    }
}
