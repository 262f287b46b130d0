//! The gateway: finds replicas, and spreads, shards or scatters requests over them.
#![allow(missing_docs, reason = "skeleton")]

pub mod words;
pub mod ring;
pub mod merge;
