//! Is it so on a real Kubernetes, with real processes that are stopped and killed?

mod contender;
mod faults;
mod figures;
mod interop;
#[cfg(feature = "elector")]
mod languages;
mod pods;
