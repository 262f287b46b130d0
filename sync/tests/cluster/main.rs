//! Is it so on a real Kubernetes, with real processes that are stopped and killed?

mod contender;
mod faults;
mod figures;
mod interop;
#[cfg(feature = "elector")]
mod languages;
mod pods;

use tokio::sync::RwLock;

/// What measures has this to itself; all others share it.
static QUIET: RwLock<()> = RwLock::const_new(());
