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
use crate::lease::{Timing, Why};
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
    /// What is told when nobody sees to it any more.
    abandoned: Lost,
}

/// A shard that this process owns. When this is dropped, another may have it.
///
/// It can be lost before: with the session, or by itself when somebody deletes its Lease, or writes over it.
/// Work that has not stopped when the *session* is at its deadline is overrun, see
/// [`on_overrun`](Shards::on_overrun); a shard that is lost by itself is told, and drops what is done
/// [`within`](Self::within) it.
#[must_use = "the shard is given back when this is dropped"]
pub struct Shard {
    number: u32,
    name: Name,
    term: Term,
    held: Held,
    told: watch::Receiver<Claim>,
    returned: mpsc::UnboundedSender<u32>,
}

/// How a shard stands that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    Kept,
    WantedBack,
    Lost(Why),
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
        let abandoned = held.as_lost(Why::Abandoned);
        let world = self.sync.world().clone();
        let tasks = world.tasks.clone();
        let keeper = Keeper::new(world, (self.name.clone(), self.count), ttl, held, gain);
        tasks.spawn(keeper.run(tell));
        Ok(Share { gained, session, abandoned })
    }
}

impl Share {
    /// The next shard that this process owns.
    ///
    /// # Errors
    /// When the session is lost, and with it all that was gained: join again. After a
    /// [`shutdown`](Sync::shutdown), when all was given back.
    pub async fn next(&mut self) -> Result<Shard, Lost> {
        let ended = tokio::select! {
            biased;
            ended = self.session.wait_for(Option::is_some) => ended.map(|lost| lost.clone()),
            // The keeper has the other end of both: when it goes, the session tells why.
            Some(shard) = self.gained.recv() => return Ok(shard),
        };
        Err(ended.ok().flatten().unwrap_or_else(|| self.abandoned.clone()))
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
    /// When it was lost, ever after.
    pub fn check(&self) -> Result<(), Lost> {
        self.held.check()?;
        match *self.told.borrow() {
            Claim::Lost(why) => Err(self.as_lost(why)),
            // Without who keeps it, nobody would tell that it is lost.
            _ if self.told.has_changed().is_err() => Err(self.as_lost(Why::Abandoned)),
            Claim::Kept | Claim::WantedBack => Ok(()),
        }
    }

    /// How long [`check`](Self::check) will succeed, if nothing renews the session.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        if self.check().is_ok() { self.held.remaining() } else { Duration::ZERO }
    }

    /// Does `work`, and drops it when the shard is lost by itself, or just before the deadline when the session is.
    ///
    /// # Errors
    /// When it did not end in time.
    pub async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, Lost> {
        let mut told = self.told.clone();
        tokio::select! {
            biased;
            claim = told.wait_for(|claim| matches!(claim, Claim::Lost(_))) => match claim.as_deref() {
                Ok(Claim::Lost(why)) => Err(self.as_lost(*why)),
                _ => Err(self.as_lost(Why::Abandoned)),
            },
            done = self.held.within(work) => done,
        }
    }

    /// Waits until it is lost.
    pub async fn lost(&self) -> Lost {
        let mut told = self.told.clone();
        tokio::select! {
            biased;
            lost = self.held.lost() => lost,
            claim = told.wait_for(|claim| matches!(claim, Claim::Lost(_))) => match claim.as_deref() {
                Ok(Claim::Lost(why)) => self.as_lost(*why),
                _ => self.as_lost(Why::Abandoned),
            },
        }
    }

    /// Waits until it is wanted elsewhere, or lost. Finish what cannot be interrupted, and drop it.
    pub async fn wanted_back(&self) {
        let mut told = self.told.clone();
        tokio::select! {
            _ = told.wait_for(|claim| *claim != Claim::Kept) => {}
            _ = self.held.lost() => {}
        }
    }

    fn as_lost(&self, why: Why) -> Lost {
        Lost { name: self.name.clone(), term: self.term.clone(), why }
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
