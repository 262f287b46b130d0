//! What can be asked of a lock's clerk, and what is answered?

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::elector::page::Lock;
use crate::lease::Record;

/// What is asked.
#[derive(Debug)]
pub(super) enum Ask {
    /// Acquire it, or keep it.
    Put { client: Option<String>, creates: bool, answer: oneshot::Sender<Answer> },
    /// Give it back.
    Delete { client: Option<String>, answer: oneshot::Sender<Answer> },
    /// Show it as it is.
    Look { answer: oneshot::Sender<Answer> },
    /// A record was heard of; nothing, when it seems to be gone.
    Heard(Option<Arc<Record>>),
    /// It is held since before this elector was started.
    Reclaim,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is theirs until their next heartbeat.
    Held(Lock),
    /// It is not.
    Busy(Lock),
    /// So it is.
    Shown(Lock),
    /// It never was, as far as anybody knows.
    Unknown,
    /// It was given back.
    GivenBack,
}
