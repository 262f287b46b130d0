//! The gateway: finds replicas, and spreads, shards or scatters requests over them.
//!
//! A request walks one road, and each room takes what the last one gave:
//!
//! ```text
//!             what there is                                   who asks
//!   file ──► model ──► ring ──► snapshot                 serve (a connection)
//!   (words)                        │                        │
//!                                  ▼                        ▼
//!   request ─► route ─► key ─► pick ─► send ─► gather ─► merge ─► respond
//!   └───────────────────────────── handle ─────────────────────────────┘
//! ```
//!
//! To embed it, hand worlds to a [`snapshot::Publisher`] and start an [`app::Gateway`]; replicas
//! that are not on the network are a [`send::Carrier`].

// What may be asked for, and what is there.
pub mod words;

pub mod fields;

pub mod model;

pub mod ring;

pub mod snapshot;

pub mod yaml;

pub mod file;

pub mod watch;

pub mod follow;

// The road, in the order of a request.
pub mod request;

pub mod route;

pub mod key;

pub mod pick;

pub mod send;

pub mod gather;

pub mod merge;

pub mod respond;

pub mod handle;

pub mod serve;

// What the road leans on.
pub mod http1;
pub mod log;
pub mod memory;
pub mod stamp;
pub mod tasks;

// What operators see, and what newcomers try.
pub mod admin;
pub mod demo;
pub mod metrics;

// The program.
pub mod app;
pub mod run;
pub mod settings;
