//! Does a real cluster come to what a plan says, whatever happens meanwhile?

mod deploy;
mod failures;
mod killed;
mod logs;
mod owners;
mod world;
