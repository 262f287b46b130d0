//! Can clients in all languages rely on the side-car? Over real sockets, with records in memory; time is the
//! test's.

#![cfg(feature = "elector")]

mod clients;
mod golden;
mod python;
mod world;
mod wrong;
