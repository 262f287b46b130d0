//! What is wrong with which object?

use std::fmt;
use std::sync::Arc;

use super::digest::Id;
use crate::words::Mistake;

/// The kinds that people write for the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Service,
    Ingress,
}

impl Kind {
    /// Its API version, and its name.
    pub(super) fn named(self) -> (&'static str, &'static str) {
        match self {
            Self::Service => ("v1", "Service"),
            Self::Ingress => ("networking.k8s.io/v1", "Ingress"),
        }
    }
}

/// All that is wrong with one object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Report {
    pub(super) kind: Kind,
    pub(super) id: Id,
    pub(super) uid: Arc<str>,
    pub(super) mistakes: Vec<Mistake>,
}

impl Report {
    /// A line a mistake, each naming the object.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let (_, kind) = self.kind.named();
        self.mistakes.iter().map(move |mistake| format!("{kind} {}: {mistake}", self.id))
    }
}

impl fmt::Display for Report {
    /// All mistakes, a line each, for whoever looks at the object.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, mistake) in self.mistakes.iter().enumerate() {
            write!(f, "{}{mistake}", if count == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}
