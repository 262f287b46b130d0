//! What may a user ask for? Every word of the product, in one vocabulary.
//!
//! The same words stand in annotations (`metaparticle.io/…`), in the standalone file, in code and on
//! the dashboard. They are checked once, on reading: a [`Policy`] that exists is a right one.
//! `words/table.rs` is the table of all of them; the other files hold one family each. What is shown
//! can be read again, and means the same.

mod body;
mod key;
pub mod labels;
mod merge;
mod mistake;
mod nearest;
mod pattern;
mod policy;
mod service;
mod spell;
mod table;
mod tls;
pub mod unit;

#[cfg(test)]
mod tests;

pub use self::body::BodyPath;
pub use self::key::{KeySource, ShardKey};
pub use self::merge::{Conflict, Direction, Merge, Pointer};
pub use self::mistake::{Misread, Mistake};
pub(crate) use self::nearest::suggestion;
pub use self::pattern::{
    Algorithm, Balance, Hedge, Identity, LoadBound, MissingKey, OwnerDown, Pattern, Require,
    ShardCount,
};
pub use self::policy::{Policy, Scope};
pub use self::service::Protocol;
pub use self::table::{Word, table};
pub use self::tls::{ServerName, TlsVerify};
