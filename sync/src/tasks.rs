//! Who waits for a task? Every task of this crate is spawned here, and waited for by `shutdown`.

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The owner of tasks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Runs `task` on the current runtime.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(task);
    }

    /// Until tasks are asked to end.
    pub(crate) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Asks all tasks to end, and waits until they have.
    pub(crate) async fn end(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
