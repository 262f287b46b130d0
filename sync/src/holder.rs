//! Who sees to it that a Lease is won, kept and given back? One task for each: it asks the pure `lease` what
//! to do, does it, and tells the work how it stands.
//!
//! The order of its end is always the same: the work is told, the work ends (or is overrun, at the
//! deadline), and only then is the Lease given back.

mod campaign;
mod keep;
mod sentinel;
mod standing;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tokio::sync::{OwnedMutexGuard, oneshot};
use tokio::time::timeout;

use crate::clock::Clock;
use crate::lease::{BadTiming, Lease, Marks};
use crate::name::Name;
use crate::store::{Change, Store, Trouble, Which, Written};
use crate::tasks::Tasks;

use self::campaign::Campaign;
pub use self::standing::{Held, Lost};

/// What a contender needs of the world.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tasks: Tasks,
}

/// What one contender contends for.
#[derive(Debug)]
pub(crate) struct Contest {
    /// The Leases of which it wants any one.
    pub(crate) seats: Vec<Seat>,
    /// Where news of all of them comes from.
    pub(crate) which: Which,
    /// What the Lease is marked with.
    pub(crate) marks: Marks,
    pub(crate) overrun: Overrun,
    pub(crate) chance: fastrand::Rng,
    /// The place in the queue of this process, given back at the very end.
    pub(crate) place: Option<OwnedMutexGuard<()>>,
}

/// One Lease, and what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(crate) name: Name,
    pub(crate) lease: Lease,
}

/// What is done with work that still runs at the hard deadline, when somebody else may begin.
#[derive(Clone, Default)]
pub enum Overrun {
    /// Abort the process: nothing else stops work for certain.
    #[default]
    Abort,
    /// Let it run: for work that is fenced, whose writes will be refused.
    Fenced,
    /// Call this, and go on waiting for the work.
    Call(Arc<dyn Fn(&Lost) + Send + Sync>),
}

/// Why there is no lock.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotAcquired {
    /// The times asked for do not fit.
    #[error("the lease's times do not fit")]
    Timing(#[from] BadTiming),
    /// The store says no, and will not say otherwise by itself.
    #[error("`{name}` cannot be acquired")]
    Refused {
        /// The Lease.
        name: Name,
        /// What the store says.
        #[source]
        trouble: Trouble,
    },
    /// The store could not be asked.
    #[error("nobody knows whether `{name}` is free")]
    Unknown {
        /// The Lease.
        name: Name,
        /// What the store says.
        #[source]
        trouble: Trouble,
    },
    /// It was not free in time.
    #[error("`{name}` was not free within {within:?}")]
    Late {
        /// The Lease.
        name: Name,
        /// The time that was given.
        within: Duration,
    },
    /// This `Sync` was shut down.
    #[error("`{name}` is no longer wanted: this process is shutting down")]
    ShutDown {
        /// The Lease.
        name: Name,
    },
}

/// How long a contender waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Not at all.
    Once,
    /// Until it holds it, or nobody listens.
    Forever,
}

/// What comes of a contest: a guard, nobody's fault, or an error.
pub(crate) type Answer = Result<Option<Held>, NotAcquired>;

/// Contends in a task of its own, so that a caller that goes away leaves nothing half done.
pub(crate) fn contend(
    world: &World,
    contest: Contest,
    patience: Patience,
) -> oneshot::Receiver<Answer> {
    let (answer, answered) = oneshot::channel();
    let holder = Campaign::new(world.clone(), contest);
    world.tasks.spawn(holder.run(patience, answer));
    answered
}

impl World {
    /// What happens, for ever.
    pub(crate) fn watch(&self, which: &Which) -> BoxStream<'static, Change> {
        self.store.watch(which).chain(stream::pending()).boxed()
    }

    /// Writes, within the time that a request may take, what `draft` says over what `seat` knows.
    async fn write(&self, seat: &Seat, draft: &crate::lease::Draft, within: Duration) -> Written {
        let write = async {
            match seat.lease.record() {
                Some(over) => self.store.replace(over, draft).await,
                None => self.store.create(&seat.name, draft).await,
            }
        };
        let late =
            |_| Written::Unknown(Trouble::passing("the store does not answer a write in time"));
        timeout(within, write).await.unwrap_or_else(late)
    }

    /// Reads, within the time that a request may take, and takes in what it reads.
    async fn look(&self, seat: &mut Seat, within: Duration) -> Result<(), Trouble> {
        let read = timeout(within, self.store.get(&seat.name)).await;
        let late = |_| Err(Trouble::passing("the store does not answer a read in time"));
        let record = read.unwrap_or_else(late)?;
        seat.lease.observe(record, self.clock.now());
        Ok(())
    }
}

impl fmt::Debug for Overrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Abort => "Abort",
            Self::Fenced => "Fenced",
            Self::Call(_) => "Call(…)",
        })
    }
}
