//! How is a message of HTTP/1 read and written, and is there only one way to read it?
//!
//! What two servers may resolve differently is how a request is smuggled inside another, so a
//! request is read strictly: what has more than one reading is a [`Fault`]. An answer is read as
//! browsers read it. [`Reader`] and [`mod@write`] know bytes only; [`Wire`] puts them to a stream.
//!
//! A connection that waits for a message holds no buffer: it reads to where the stack ends, and
//! keeps just what came.

#[cfg(test)]
mod against_hyper;
mod chunk;
mod decode;
mod fault;
mod head;
mod inlet;
mod line;
mod reader;
#[cfg(test)]
mod tests;
mod upgrade;
mod wire;
pub mod write;

pub use self::decode::{Decoder, Piece};
pub use self::fault::Fault;
pub use self::head::{Asked, Told, length_once};
pub use self::inlet::{Inbound, Inlet, inlet};
pub use self::reader::Reader;
pub use self::upgrade::{OnUpgrade, Upgraded};
pub use self::wire::Wire;

/// The most bytes of a head, or of trailers (Envoy's 60 KiB, rounded up).
pub const HEAD_MOST: usize = 64 << 10;
/// The most fields of a head, cookie crumbs counted one by one (`Sōzu`'s bound).
pub const FIELDS_MOST: usize = 128;
