//! How does it end without losing anything? In three phases, one after the other.
//!
//! *Lame*: new connections are still accepted, but every answer ends its connection, so that clients
//! go elsewhere by themselves. *Closed*: nobody is accepted any more; who is in is served. *Over*:
//! what is left is cut off.

use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Open,
    Lame,
    Closed,
    Over,
}

/// Tells the workers; only one can.
#[derive(Debug)]
pub struct Drainer(watch::Sender<Phase>);

/// Hears it.
#[derive(Debug, Clone)]
pub struct Drain(watch::Receiver<Phase>);

impl Drainer {
    /// One who tells, and one of those who hear.
    #[must_use]
    pub fn new() -> (Self, Drain) {
        let (sender, receiver) = watch::channel(Phase::Open);
        (Self(sender), Drain(receiver))
    }

    /// Every answer ends its connection from now on.
    pub fn lame(&self) {
        self.0.send_replace(Phase::Lame);
    }

    /// Nobody is accepted from now on.
    pub fn close(&self) {
        self.0.send_replace(Phase::Closed);
    }

    /// What is left is cut off.
    pub fn over(&self) {
        self.0.send_replace(Phase::Over);
    }
}

impl Drain {
    /// Whether an answer given now ends its connection.
    pub(super) fn is_lame(&self) -> bool {
        *self.0.borrow() >= Phase::Lame
    }

    /// Until answers end their connections.
    pub(super) async fn lame(&self) {
        self.reached(Phase::Lame).await;
    }

    /// Until nobody is accepted.
    pub(super) async fn closed(&self) {
        self.reached(Phase::Closed).await;
    }

    /// Until the rest is cut off.
    pub(super) async fn over(&self) {
        self.reached(Phase::Over).await;
    }

    async fn reached(&self, phase: Phase) {
        // A drainer that was dropped cannot wait for anybody: all phases have come.
        self.0.clone().wait_for(|now| *now >= phase).await.ok();
    }
}
