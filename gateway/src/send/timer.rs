//! When is it too late? A timer for each request under way, which stays armed for the next one.
//!
//! To arm a timer and to disarm it again costs more than most of what a request needs. Deadlines mostly
//! lie later than the ones before them: so a timer is left as it is, and armed again only when it goes
//! off before it should.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::time::{Instant, Sleep, sleep_until};

/// How many timers are kept for requests to come, in one worker.
const RESTING_MOST: usize = 1024;

type Timer = Pin<Box<Sleep>>;

/// One worker's timers.
#[derive(Debug, Clone, Default)]
pub struct Timers(Arc<Mutex<Vec<Timer>>>);

/// A timer that is lent; given back when dropped.
struct Lent<'t> {
    timers: &'t Timers,
    timer: Option<Timer>,
}

impl Timers {
    /// What `future` comes to; `None` where it does not come to it by `late`.
    pub(super) async fn within<F: Future>(
        &self,
        late: Instant,
        mut future: Pin<&mut F>,
    ) -> Option<F::Output> {
        let mut lent = Lent { timers: self, timer: None };
        std::future::poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            let timer = lent.timer.get_or_insert_with(|| self.take(late));
            if timer.deadline() > late {
                timer.as_mut().reset(late);
            }
            while timer.as_mut().poll(cx).is_ready() {
                if timer.deadline() >= late {
                    return Poll::Ready(None);
                }
                timer.as_mut().reset(late);
            }
            Poll::Pending
        })
        .await
    }

    fn take(&self, late: Instant) -> Timer {
        let rested = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        rested.unwrap_or_else(|| Box::pin(sleep_until(late)))
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            let mut resting = self.timers.0.lock().unwrap_or_else(PoisonError::into_inner);
            if resting.len() < RESTING_MOST {
                resting.push(timer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_rested_goes_off_when_it_should() {
        let timers = Timers::default();
        let start = Instant::now();
        // Armed for long, for short, and found after it went off: each bound is kept to the moment.
        let mut at = Duration::ZERO;
        for bound in [30_000, 50, 80, 10_000, 20, 30_000, 5] {
            let late = Instant::now() + Duration::from_millis(bound);
            assert_eq!(timers.within(late, pin!(pending::<()>())).await, None);
            at += Duration::from_millis(bound);
            assert_eq!(start.elapsed(), at);
            let soon = tokio::time::sleep(Duration::from_millis(3));
            let late = Instant::now() + Duration::from_secs(60);
            assert_eq!(timers.within(late, pin!(soon)).await, Some(()));
            at += Duration::from_millis(3);
            assert_eq!((start.elapsed(), timers.0.lock().unwrap().len()), (at, 1));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_there_at_once_needs_no_timer() {
        let timers = Timers::default();
        assert_eq!(timers.within(Instant::now(), pin!(ready(7))).await, Some(7));
        assert!(timers.0.lock().unwrap().is_empty());
    }
}
