//! What if the runtime itself hangs? A thread of its own looks at the deadlines of all that is held, and ends
//! the process when work goes on past one: a task could not, where the work never yields.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::clock::{Boot, Clock as _};
use crate::holder::standing::{Standing, Work};

/// It is looked at so often while something is held: a deadline may come nearer, when a Lease is taken away,
/// and a timer stands still while the machine sleeps.
const EVERY: Duration = Duration::from_millis(250);
/// Work that stops at its very deadline is not overrun yet: the margin has room for a moment.
pub(super) const MOMENT: Duration = Duration::from_millis(50);

type Watched = (Weak<Standing>, Weak<Work>);

static WATCHED: Mutex<Vec<Watched>> = Mutex::new(Vec::new());
static SENTINEL: Mutex<Option<Thread>> = Mutex::new(None);

/// Looks after work of this standing, from now on.
pub(super) fn watch(standing: &Arc<Standing>, work: &Arc<Work>) {
    lock().push((Arc::downgrade(standing), Arc::downgrade(work)));
    let mut sentinel = SENTINEL.lock().unwrap_or_else(PoisonError::into_inner);
    if sentinel.is_none() {
        match thread::Builder::new().name("sync-sentinel".to_owned()).spawn(run) {
            Ok(started) => *sentinel = Some(started.thread().clone()),
            Err(error) => tracing::error!(
                %error,
                "no thread for the sentinel: until there is one, work that blocks its runtime past a deadline is not aborted"
            ),
        }
    }
    if let Some(sentinel) = &*sentinel {
        sentinel.unpark();
    }
}

fn run() {
    loop {
        match next() {
            Some(wait) => thread::park_timeout(wait),
            None => thread::park(),
        }
    }
}

/// Ends the process if it must; how long until it is looked at again.
fn next() -> Option<Duration> {
    let now = Boot.now();
    let mut wait = None;
    lock().retain(|(standing, work)| {
        let Some((standing, _)) = standing.upgrade().zip(work.upgrade()) else { return false };
        let Some(deadline) = standing.deadline() else { return false };
        if now > deadline + MOMENT {
            let why = standing.why().unwrap_or(crate::lease::Why::Expired);
            abort(&standing.lost(why).to_string());
        }
        wait = Some(EVERY.min((deadline + MOMENT + Duration::from_millis(1)).since(now)));
        true
    });
    wait
}

/// Ends the process at once.
pub(super) fn abort(lost: &str) {
    // Nobody may be left to be told, and nothing may hold this up.
    let said =
        format!("metaparticle-sync: {lost}, and its work has not stopped: aborting the process\n");
    std::io::stderr().write_all(said.as_bytes()).ok();
    std::process::abort();
}

fn lock() -> std::sync::MutexGuard<'static, Vec<Watched>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}
