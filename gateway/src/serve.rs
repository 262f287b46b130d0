//! skeleton
pub mod framing;
