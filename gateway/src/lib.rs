//! The gateway: finds replicas, and spreads, shards or scatters requests over them.

pub mod words;

pub mod model;

pub mod file;
pub mod merge;
pub mod ring;
pub mod serve;
