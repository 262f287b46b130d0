//! Who owns which part of the work? M shards, N processes, and every shard one owner.
//!
//! A Lease for each shard that is renewed would cost M writes every few seconds. So each process renews one
//! Lease, its *session*, and a shard's Lease only says whose session owns it: it is written when that changes.
//! When a session is lost, all its shards are lost with it, in the same moment.

mod keeper;
mod place;
mod view;

use std::fmt;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::holder::{Held, Lost, NotAcquired, Overrun};
use crate::lease::Timing;
use crate::lock::Lock;
use crate::name::Name;
use crate::sync::Sync;
use crate::term::Term;

use self::keeper::Keeper;

/// By this label the Leases of a set of shards are found: shards, and the sessions of those who own them.
pub const SHARDS: &str = "metaparticle.io/shards";

/// Shards that may be shared.
#[derive(Debug, Clone)]
#[must_use = "nothing is owned before `join`"]
pub struct Shards {
    sync: Sync,
    name: Name,
    count: u32,
    session: Lock,
}

/// A process's share: it gives out what this process comes to own.
///
/// When this is dropped, nothing more is gained; what was gained goes on until it is dropped, too.
#[derive(Debug)]
#[must_use = "nothing is gained any more when this is dropped"]
pub struct Share {
    gained: mpsc::UnboundedReceiver<Shard>,
    session: watch::Receiver<Option<Lost>>,
}

/// A shard that this process owns. When this is dropped, another may have it.
#[must_use = "the shard is given back when this is dropped"]
pub struct Shard {
    number: u32,
    term: Term,
    held: Held,
    wanted_back: watch::Receiver<bool>,
    returned: mpsc::UnboundedSender<u32>,
}

impl Shards {
    pub(crate) fn new(sync: Sync, called: &str, count: u32) -> Self {
        let (name, count) = (Name::of(called), count.max(1));
        // More processes than shards would have nothing to do: they wait for a session.
        let session = sync.semaphore(name.part("session").as_str(), count);
        let session = session.labelled(SHARDS, &name.label());
        Self { sync, name, count, session }
    }

    /// For how long others wait when a process falls silent: 15 s by default.
    pub fn ttl(self, ttl: Duration) -> Self {
        Self { session: self.session.ttl(ttl), ..self }
    }

    /// The same, with margins of your own.
    pub fn timing(self, timing: Timing) -> Self {
        Self { session: self.session.timing(timing), ..self }
    }

    /// What is done with work on a shard that has not stopped at the deadline: by default the process is
    /// aborted.
    pub fn on_overrun(self, overrun: Overrun) -> Self {
        Self { session: self.session.on_overrun(overrun), ..self }
    }

    /// Takes part, from now on.
    ///
    /// # Errors
    /// When the store will not have it.
    pub async fn join(&self) -> Result<Share, NotAcquired> {
        let held = self.session.acquire().await?;
        let ttl = self.session.timing_or()?.ttl();
        let (gain, gained) = mpsc::unbounded_channel();
        let (tell, session) = watch::channel(None);
        let world = self.sync.world().clone();
        let tasks = world.tasks.clone();
        let keeper = Keeper::new(world, (self.name.clone(), self.count), ttl, held, gain);
        tasks.spawn(keeper.run(tell));
        Ok(Share { gained, session })
    }
}

impl Share {
    /// The next shard that this process owns.
    ///
    /// # Errors
    /// When the session is lost, and with it all that was gained: join again.
    pub async fn next(&mut self) -> Result<Shard, Lost> {
        loop {
            tokio::select! {
                biased;
                _ = self.session.wait_for(Option::is_some) => {}
                shard = self.gained.recv() => if let Some(shard) = shard {
                    return Ok(shard);
                },
            }
            if let Some(lost) = self.session.borrow().clone() {
                return Err(lost);
            }
            // The keeper ended without a word only if its runtime did; then this never runs again.
            tokio::task::yield_now().await;
        }
    }
}

impl Shard {
    /// Which one: from 0.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The fencing token of this shard: greater than those of all who owned it before.
    #[must_use]
    pub fn token(&self) -> &Term {
        &self.term
    }

    /// Whether it is still owned: ask before everything that others can see.
    ///
    /// # Errors
    /// When the session was lost.
    pub fn check(&self) -> Result<(), Lost> {
        self.held.check()
    }

    /// Waits until it is wanted elsewhere, or lost. Finish what cannot be interrupted, and drop it.
    pub async fn wanted_back(&self) {
        let mut wanted_back = self.wanted_back.clone();
        tokio::select! {
            _ = wanted_back.wait_for(|wanted| *wanted) => {}
            _ = self.held.lost() => {}
        }
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        // Without a keeper there is no session either, and the shard is free already.
        self.returned.send(self.number).ok();
    }
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard")
            .field("number", &self.number)
            .field("term", &self.term)
            .finish_non_exhaustive()
    }
}
