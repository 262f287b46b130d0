//! How is a lock asked for? By name; and how long it is waited for is in the verb.

mod callbacks;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex as Place, OwnedMutexGuard};
use tokio::time::timeout;

use crate::holder::{self, Answer, Contest, Held, Lost, NotAcquired, Overrun, Patience, Seat};
use crate::lease::{BadTiming, Lease, Marks, Timing};
use crate::name::Name;
use crate::store::Which;
use crate::sync::{Sync, TTL};

pub use self::callbacks::{Callbacks, Contending};

/// By this label the permits of a semaphore are found.
pub const SEMAPHORE: &str = "metaparticle.io/semaphore";
/// Here stands what people call a lock whose Lease has to be called otherwise.
pub const CALLED: &str = "metaparticle.io/name";

/// A lock, or a semaphore, that may be acquired.
#[derive(Debug, Clone)]
#[must_use = "a lock is not held before it is acquired"]
pub struct Lock {
    sync: Sync,
    name: Name,
    marks: Marks,
    permits: Option<u32>,
    timing: Result<Timing, BadTiming>,
    overrun: Overrun,
}

/// Why work that needed a lock has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unfinished {
    /// It was not begun.
    #[error(transparent)]
    NotAcquired(#[from] NotAcquired),
    /// It was broken off.
    #[error(transparent)]
    Lost(#[from] Lost),
}

impl Lock {
    pub(crate) fn new(sync: Sync, called: &str, permits: Option<u32>) -> Self {
        let name = Name::of(called);
        let mut marks = Marks::default();
        if name.as_str() != called {
            marks.annotations.insert(CALLED.to_owned(), called.to_owned());
        }
        if permits.is_some() {
            marks.labels.insert(SEMAPHORE.to_owned(), name.label());
        }
        Self { sync, name, marks, permits, timing: Timing::of(TTL), overrun: Overrun::default() }
    }

    /// For how long others wait when its holder falls silent: 15 s by default. A shorter one is taken over
    /// sooner after a crash, and lost sooner when the API server is slow.
    pub fn ttl(self, ttl: Duration) -> Self {
        Self { timing: Timing::of(ttl), ..self }
    }

    /// The same, with margins of your own.
    pub fn timing(self, timing: Timing) -> Self {
        Self { timing: Ok(timing), ..self }
    }

    /// What is done with work that has not stopped at the deadline: by default the process is aborted.
    pub fn on_overrun(self, overrun: Overrun) -> Self {
        Self { overrun, ..self }
    }

    /// Waits until it is held.
    ///
    /// # Errors
    /// When the store will not have it: who is missing a permission is told which one. While the store
    /// cannot be reached, it is tried again.
    pub async fn acquire(&self) -> Result<Held, NotAcquired> {
        let place = self.queue();
        let place = match place {
            Some(place) => {
                let tasks = &self.sync.world().tasks;
                tokio::select! {
                    place = place.lock_owned() => Some(place),
                    () = tasks.stopped() => return Err(self.shut_down()),
                }
            }
            None => None,
        };
        match self.contend(place, Patience::Forever).await? {
            Some(held) => Ok(held),
            None => Err(self.shut_down()),
        }
    }

    /// Takes it if it is free now.
    ///
    /// # Errors
    /// When the store does not say whether it is.
    pub async fn try_acquire(&self) -> Answer {
        let place = match self.queue() {
            Some(place) => match place.try_lock_owned() {
                Ok(place) => Some(place),
                // Somebody in this very process holds it, or waits for it.
                Err(_) => return Ok(None),
            },
            None => None,
        };
        self.contend(place, Patience::Once).await
    }

    /// Waits until it is held, for so long.
    ///
    /// # Errors
    /// When it was not free in time, or when the store will not have it.
    pub async fn acquire_within(&self, within: Duration) -> Result<Held, NotAcquired> {
        let late = |_| Err(NotAcquired::Late { name: self.name.clone(), within });
        timeout(within, self.acquire()).await.unwrap_or_else(late)
    }

    /// Waits until it is held, does `work`, and gives it back when that has ended: never before. When it is
    /// lost, `work` hears of it by [`Held::lost`], and is dropped just before the deadline.
    ///
    /// # Errors
    /// When it could not be acquired, or was lost before `work` ended.
    pub async fn run<T>(&self, work: impl AsyncFnOnce(Held) -> T) -> Result<T, Unfinished> {
        let held = self.acquire().await?;
        let done = held.within(work(held.clone())).await;
        // That it was lost while the last word was spoken is no matter: work that ended in time has ended.
        held.release().await.ok();
        Ok(done?)
    }

    /// Does it as the first Metaparticle did: calls `acquired`, and something else when it is lost.
    pub fn on_acquired(self, acquired: impl FnMut(Held) + Send + 'static) -> Callbacks {
        Callbacks::new(self, acquired)
    }

    /// So that it is found by this label, too.
    pub(crate) fn labelled(mut self, key: &str, value: &str) -> Self {
        self.marks.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn timing_or(&self) -> Result<Timing, BadTiming> {
        self.timing
    }

    pub(crate) fn sync(&self) -> &Sync {
        &self.sync
    }

    fn queue(&self) -> Option<Arc<Place<()>>> {
        self.permits.is_none().then(|| self.sync.place(&self.name))
    }

    fn shut_down(&self) -> NotAcquired {
        NotAcquired::ShutDown { name: self.name.clone() }
    }

    async fn contend(&self, place: Option<OwnedMutexGuard<()>>, patience: Patience) -> Answer {
        let contest = self.contest(place)?;
        let answer = holder::contend(self.sync.world(), contest, patience).await;
        answer.unwrap_or_else(|_| Err(self.shut_down()))
    }

    fn contest(&self, place: Option<OwnedMutexGuard<()>>) -> Result<Contest, NotAcquired> {
        let timing = self.timing?;
        let (me, chance) = self.sync.contender();
        let seat = |name: Name, me| Seat { name, lease: Lease::new(me, timing) };
        // Each permit is contended for under a name of its own: what becomes of one must say nothing of another.
        let permit = |permit| seat(self.name.part(permit), self.sync.contender().0);
        let (seats, which) = match self.permits {
            None => (vec![seat(self.name.clone(), me)], Which::Name(self.name.clone())),
            Some(permits) => {
                let which = Which::Label(SEMAPHORE.to_owned(), self.name.label());
                ((0..permits).map(permit).collect(), which)
            }
        };
        let (marks, overrun) = (self.marks.clone(), self.overrun.clone());
        Ok(Contest { seats, which, marks, overrun, chance, place })
    }
}
