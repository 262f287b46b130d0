//! Is the gateway before a real cluster what it is in its own tests, and so is what deploys to it? One program: what
//! each of these is linked with takes longer to link than to run.

mod annotations;
mod compiler;
mod gateways;
mod hello;
mod repair;
mod rollout;
mod routes;
mod secrets;

use tokio::sync::RwLock;

/// What measures has this to itself; all others share it.
static QUIET: RwLock<()> = RwLock::const_new(());
