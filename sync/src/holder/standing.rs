//! How does the work know whether it may go on? It looks at the clock and at what the holder told last; the
//! clock has the last word.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::lease::Why;
use crate::moment::Moment;
use crate::name::{Identity, Name};
use crate::tasks::Tasks;
use crate::term::Term;

/// Work is dropped when so small a share of its grace is left.
const DROPPED_BEFORE: u32 = 4;

/// A Lease that was lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` of term {term} is lost: {why}")]
pub struct Lost {
    /// The Lease.
    pub name: Name,
    /// The term that has ended.
    pub term: Term,
    /// Why it ended.
    pub why: Why,
}

/// How a holder stands, told by the holder, read by the work.
#[derive(Debug)]
pub(crate) struct Standing {
    name: Name,
    me: Identity,
    term: Term,
    clock: Arc<dyn Clock>,
    state: watch::Sender<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It may go on, but for that it must be told again before `lost_at`.
    Holding { lost_at: Moment, deadline: Moment },
    /// It must stop before the deadline; what is dropped is dropped at `stop`.
    Lost { why: Why, stop: Moment, deadline: Moment },
    /// The holder has done all it had to do.
    Over(Option<Why>),
}

impl Standing {
    pub(crate) fn new(
        (name, me): (Name, Identity),
        term: Term,
        clock: Arc<dyn Clock>,
        (lost_at, deadline): (Moment, Moment),
    ) -> Arc<Self> {
        let state = watch::Sender::new(State::Holding { lost_at, deadline });
        Arc::new(Self { name, me, term, clock, state })
    }

    /// It may go on for longer; not when it was told otherwise already.
    pub(crate) fn extend(&self, lost_at: Moment, deadline: Moment) -> bool {
        self.state.send_if_modified(|state| match state {
            State::Holding { .. } => {
                *state = State::Holding { lost_at, deadline };
                true
            }
            State::Lost { .. } | State::Over(_) => false,
        })
    }

    /// It is lost, and never found again. The work has until the deadline, and `grace` at the most when
    /// somebody else may hold it already.
    pub(crate) fn lose(&self, why: Why, grace: Duration) {
        let now = self.clock.now();
        self.state.send_if_modified(|state| {
            let State::Holding { lost_at, deadline } = *state else { return false };
            // Whoever drops it needs a moment: what is left is for that.
            let left = deadline.since(lost_at) / DROPPED_BEFORE;
            let deadline = match why {
                Why::Taken | Why::Deleted => deadline.min(now + grace),
                Why::Expired | Why::Preferred | Why::Abandoned | Why::NotGivenBack => deadline,
            };
            *state = State::Lost { why, stop: deadline.less(left), deadline };
            true
        });
    }

    /// There is nothing more to do; whether it was `given` back.
    pub(crate) fn over(&self, given: bool) {
        self.state.send_modify(|state| {
            *state = State::Over(match *state {
                State::Lost { why, .. } => Some(why),
                State::Over(why) => why,
                State::Holding { .. } => (!given).then_some(Why::NotGivenBack),
            });
        });
    }

    /// The holder is gone, whether it was done or not.
    pub(crate) fn abandon(&self) {
        self.lose(Why::Abandoned, Duration::ZERO);
    }

    /// When the work must have stopped.
    pub(crate) fn deadline(&self) -> Option<Moment> {
        match *self.state.borrow() {
            State::Holding { deadline, .. } | State::Lost { deadline, .. } => Some(deadline),
            State::Over(_) => None,
        }
    }

    fn check(&self) -> Result<(), Lost> {
        let state = *self.state.borrow();
        match state {
            State::Holding { lost_at, .. } if self.clock.now() < lost_at => Ok(()),
            State::Holding { .. } => {
                // Whoever was told once that it is lost is told so ever after.
                self.lose(Why::Expired, Duration::ZERO);
                Err(self.lost(Why::Expired))
            }
            State::Lost { why, .. } => Err(self.lost(why)),
            State::Over(why) => Err(self.lost(why.unwrap_or(Why::Abandoned))),
        }
    }

    pub(crate) fn lost(&self, why: Why) -> Lost {
        Lost { name: self.name.clone(), term: self.term.clone(), why }
    }

    /// Why it was lost, if it was.
    pub(crate) fn why(&self) -> Option<Why> {
        match *self.state.borrow() {
            State::Holding { .. } => None,
            State::Lost { why, .. } => Some(why),
            State::Over(why) => why,
        }
    }

    /// Until it is lost.
    async fn until_lost(&self) -> Lost {
        let mut told = self.state.subscribe();
        loop {
            let state = *told.borrow_and_update();
            match (self.check(), state) {
                (Err(lost), _) => return lost,
                (Ok(()), State::Holding { lost_at, .. }) => {
                    tokio::select! {
                        _ = told.changed() => {}
                        () = self.clock.sleep_until(lost_at) => {}
                    }
                }
                (Ok(()), _) => {}
            }
        }
    }

    /// Until the work is to be dropped.
    async fn until_stop(&self) -> Lost {
        let lost = self.until_lost().await;
        let state = *self.state.borrow();
        if let State::Lost { stop, .. } = state {
            self.clock.sleep_until(stop).await;
        }
        lost
    }

    /// Whether work that is done now was done in time.
    fn ended_in_time(&self) -> Result<(), Lost> {
        match (self.why(), self.deadline()) {
            (Some(why @ (Why::Taken | Why::Deleted)), _) => Err(self.lost(why)),
            // It may have kept its thread to itself, past all timers.
            (why, Some(deadline)) if self.clock.now() >= deadline => {
                Err(self.lost(why.unwrap_or(Why::Expired)))
            }
            _ => Ok(()),
        }
    }

    /// Until the holder has done all, or is gone.
    pub(crate) async fn until_over(&self) -> Result<(), Lost> {
        let mut told = self.state.subscribe();
        let over = |state: &State| {
            matches!(state, State::Over(_) | State::Lost { why: Why::Abandoned, .. })
        };
        let state = told.wait_for(over).await.map(|state| *state);
        match state {
            Ok(State::Over(None)) => Ok(()),
            Ok(State::Over(Some(why)) | State::Lost { why, .. }) => Err(self.lost(why)),
            Ok(State::Holding { .. }) | Err(_) => Err(self.lost(Why::Abandoned)),
        }
    }
}

/// That work goes on. When the last clone is dropped, it has ended.
#[derive(Debug)]
pub(crate) struct Work(Arc<Notify>);

impl Work {
    pub(crate) fn begin() -> (Self, Arc<Notify>) {
        let ended = Arc::new(Notify::new());
        (Self(Arc::clone(&ended)), ended)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// A Lease that is held.
///
/// It is given back when this and all its clones are dropped: a clone says that work goes on. It may be
/// *lost* before; then [`check`](Self::check) fails and [`lost`](Self::lost) is ready, a second before the
/// deadline at which the work must have stopped. See [`Overrun`](crate::holder::Overrun).
#[must_use = "the lease is given back when this is dropped"]
#[derive(Clone)]
pub struct Held {
    pub(super) standing: Arc<Standing>,
    #[expect(dead_code, reason = "that it is dropped says that the work has ended")]
    pub(super) work: Arc<Work>,
    pub(super) tasks: Tasks,
}

impl Held {
    /// The fencing token: send it with everything that must not come from a former holder.
    #[must_use]
    pub fn token(&self) -> &Term {
        &self.standing.term
    }

    /// The Lease.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.standing.name
    }

    /// What the holder calls itself in the Lease.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.standing.me
    }

    /// Whether it is still held: ask before everything that others can see. It costs one look at the clock.
    ///
    /// # Errors
    /// When it is not, ever after.
    pub fn check(&self) -> Result<(), Lost> {
        self.standing.check()
    }

    /// How long [`check`](Self::check) will succeed, if nothing renews it; work that may not be
    /// interrupted and takes longer should not be begun.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        match *self.standing.state.borrow() {
            State::Holding { lost_at, .. } => lost_at.since(self.standing.clock.now()),
            State::Lost { .. } | State::Over(_) => Duration::ZERO,
        }
    }

    /// Waits until it is lost.
    pub async fn lost(&self) -> Lost {
        self.standing.until_lost().await
    }

    /// What is told when it is lost for this reason.
    pub(crate) fn as_lost(&self, why: Why) -> Lost {
        self.standing.lost(why)
    }

    /// Does `work`, and drops it just before the deadline when the Lease is lost before it ends.
    ///
    /// # Errors
    /// When it did not end in time.
    pub async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, Lost> {
        tokio::select! {
            biased;
            lost = self.standing.until_stop() => Err(lost),
            done = work => self.standing.ended_in_time().map(|()| done),
        }
    }

    /// Does `work` in a task of its own, which is work of this Lease like any other: it is dropped at the
    /// deadline, and the Lease is not given back before it ended.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let held = self.clone();
        self.tasks.spawn(async move {
            // Whoever loses the Lease is told by the standing; the task only ends.
            if AssertUnwindSafe(held.within(work)).catch_unwind().await.is_err() {
                tracing::error!(?held, "a task of the work panicked");
            }
        });
    }

    /// Gives it back, and waits until that is done: until all clones are dropped, too.
    ///
    /// # Errors
    /// When it was lost before, or when the store does not take it back: then others wait for its end.
    pub async fn release(self) -> Result<(), Lost> {
        let standing = Arc::clone(&self.standing);
        drop(self);
        standing.until_over().await
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("name", &self.standing.name)
            .field("term", &self.standing.term)
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}
