//! How does the gateway stand before a real cluster? A gateway for a test's namespace, somebody who asks
//! it, and a load that does not wait for answers.

mod ask;
mod certificate;
mod compiler;
mod gateway;
pub mod hand;
mod load;
pub mod world;

pub use ask::{Answer, Asker};
pub use certificate::Certificate;
pub use compiler::Desk;
pub use gateway::Gateway;
pub use load::{Load, Loading, Outcome};
