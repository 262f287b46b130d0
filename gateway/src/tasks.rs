//! Who waits for a task? Every task of the gateway is spawned here, and waited for before it ends.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::TaskTracker;

/// The owner of tasks of one runtime. Those that are not waited for end with their runtime.
#[derive(Debug, Clone, Default)]
pub struct Tasks(TaskTracker);

impl Tasks {
    /// Runs `task` on the current runtime.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(task);
    }

    /// Waits until all tasks are done.
    pub async fn wait(&self) {
        self.0.close();
        self.0.wait().await;
    }
}

/// Lets hyper's HTTP/2 spawn its streams' tasks here.
impl<F: Future<Output: Send + 'static> + Send + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}

/// One of what is counted; counted out when dropped.
#[derive(Debug)]
pub struct Counted(Arc<AtomicU32>);

impl Counted {
    /// One more.
    #[must_use]
    pub fn new(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// When something went on last, in milliseconds of a clock that another looks after.
#[derive(Debug)]
pub struct Progress {
    last: Arc<AtomicU64>,
    now: Arc<AtomicU64>,
}

impl Progress {
    /// It goes on now.
    #[must_use]
    pub fn new(now: &Arc<AtomicU64>) -> Self {
        let last = Arc::new(AtomicU64::new(now.load(Relaxed)));
        Self { last, now: Arc::clone(now) }
    }

    /// It goes on.
    pub fn touch(&self) {
        self.last.store(self.now.load(Relaxed), Relaxed);
    }

    /// When it went on last, for whoever looks; gone when it has ended.
    #[must_use]
    pub fn last(&self) -> Weak<AtomicU64> {
        Arc::downgrade(&self.last)
    }
}

/// The time since the gateway started; tokio's, so that tests can pause it.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// When it started, in seconds since 1970: for people who read logs, never for decisions.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "a log line is read beside a clock on the wall")]
    pub fn epoch(&self) -> f64 {
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        wall.unwrap_or_default().as_secs_f64() - self.now().as_secs_f64()
    }

    /// How long it has been.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// When it is `at` on this clock.
    #[must_use]
    pub fn instant(&self, at: Duration) -> Instant {
        self.start + at
    }
}
