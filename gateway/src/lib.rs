//! The gateway: finds replicas, and spreads, shards or scatters requests over them.

pub mod words;

pub mod model;

pub mod ring;

pub mod snapshot;

pub mod memory;
pub mod tasks;

pub mod request;

pub mod route;

pub mod key;

pub mod pick;

pub mod send;

pub mod gather;

pub mod merge;

pub mod log;

pub mod respond;

pub mod handle;

pub mod file;
pub mod serve;

pub mod metrics;

pub mod admin;

pub mod demo;
