//! Does the gateway want requests? One cell: the owner of the tasks writes it, probes read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// How far the gateway is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// It does not know its services yet.
    #[default]
    Starting,
    /// It answers.
    Ready,
    /// It answers what it has, and wants no more.
    Draining,
}

impl State {
    /// As probes read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
        }
    }
}

/// The state, shared: all clones are one cell, which begins as [`State::Starting`].
#[derive(Debug, Clone, Default)]
pub struct Ready(Arc<AtomicU8>);

impl Ready {
    /// From now on it is `state`. A gateway that drains does not become ready again.
    pub fn set(&self, state: State) {
        self.0.fetch_max(state as u8, Relaxed);
    }

    /// What it is now.
    #[must_use]
    pub fn get(&self) -> State {
        match self.0.load(Relaxed) {
            0 => State::Starting,
            1 => State::Ready,
            _ => State::Draining,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_one_way() {
        let ready = Ready::default();
        assert_eq!(ready.get(), State::Starting);
        ready.clone().set(State::Ready);
        assert_eq!(ready.get(), State::Ready);
        ready.set(State::Draining);
        ready.set(State::Ready);
        assert_eq!(ready.get(), State::Draining);
    }
}
