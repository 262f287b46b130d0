//! Is the cluster still seen? One cell: the watch writes it, metrics and probes read it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// How one kind is watched.
#[derive(Debug, Clone)]
pub struct Kind {
    /// Its name, as in a path of the API.
    pub name: &'static str,
    /// Whether the last list or watch was granted, and has not broken since.
    pub connected: bool,
    /// How many objects there are.
    pub objects: usize,
    /// When something was told of it last.
    pub told: Option<Instant>,
    /// Why it is not connected.
    pub trouble: Option<String>,
}

/// The health of the watch, shared: all clones are one. Empty where no cluster is watched.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<Vec<Kind>>>);

impl Health {
    /// How each kind is watched now.
    #[must_use]
    pub fn kinds(&self) -> Vec<Kind> {
        self.lock().clone()
    }

    pub(super) fn begin(&self, names: impl Iterator<Item = &'static str>) {
        let begin = |name| Kind { name, connected: false, objects: 0, told: None, trouble: None };
        *self.lock() = names.map(begin).collect();
    }

    /// Changes what is known of the kind called `name`, and says what `change` makes of it.
    pub(super) fn change<T>(&self, name: &str, change: impl FnOnce(&mut Kind) -> T) -> Option<T> {
        self.lock().iter_mut().find(|kind| kind.name == name).map(change)
    }

    /// Why kinds are not connected.
    pub(super) fn troubles(&self) -> Vec<String> {
        let mut troubles: Vec<_> =
            self.lock().iter().filter_map(|kind| kind.trouble.clone()).collect();
        // A kind that is watched for two labels has one trouble.
        troubles.dedup();
        troubles
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kind>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
