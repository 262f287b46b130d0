//! What is wrong with the source now? While something is, the last good picture stands, and nobody
//! would notice; so it is told here until it is mended.

use std::sync::{Arc, Mutex, PoisonError};

/// The list of mistakes, shared: all clones are one list.
#[derive(Debug, Clone, Default)]
pub struct Mistakes(Arc<Mutex<Vec<String>>>);

impl Mistakes {
    /// These are the mistakes now; none where it was mended.
    pub fn set(&self, mistakes: Vec<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = mistakes;
    }

    /// The mistakes now.
    #[must_use]
    pub fn get(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
