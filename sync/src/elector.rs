//! How do programs in other languages take a lock? They ask over loopback, and ask again every ten seconds.
//!
//! ```text
//!   PUT /locks/NAME ──► http ──► desk ──► clerk   one task a lock and identity: what to answer, when to renew,
//!                                           │     when to give it back because nobody asked again
//!                                         store
//! ```
//!
//! What is answered is what the published clients understand: a 200 is a promise until their next heartbeat,
//! so it is given only while what is left of the Lease covers it; everything else is a 409.

mod ask;
mod clerk;
mod desk;
pub mod http;
mod metrics;
mod pace;
mod page;
pub mod run;
pub mod settings;

pub use self::desk::{Desk, House, OnLost};
