//! How far is it? A line a step, with the time it took so far and about how much is left.

use std::io::Write;
use std::time::Duration;

use tokio::time::Instant;

/// How far it is.
#[derive(Debug)]
pub(crate) struct Progress {
    start: Instant,
    done: f64,
    planned: f64,
}

impl Progress {
    /// Of steps that take about `planned` seconds in all.
    pub(crate) fn new(planned: f64) -> Self {
        Self { start: Instant::now(), done: 0.0, planned }
    }

    /// A step that was planned with `seconds` is done: says `what` came of it.
    pub(crate) fn step(&mut self, seconds: f64, what: &str) {
        self.done += seconds;
        let elapsed = self.start.elapsed();
        let left = (self.planned - self.done).max(0.0)
            * (elapsed.as_secs_f64() / self.done).clamp(0.2, 5.0);
        let (elapsed, left) = (clock(elapsed), clock(Duration::from_secs_f64(left)));
        say(&format!("[{elapsed}, {left} left] {what}"));
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Says `what` to whoever watches.
pub(crate) fn say(what: &str) {
    // Nobody may be there to read it.
    writeln!(std::io::stderr(), "{what}").ok();
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
