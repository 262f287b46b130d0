//! How is a program distributed? Its services, each a pattern as a typed value with the code that answers.
//!
//! ```
//! use metaparticle::prelude::*;
//!
//! let shop = app("shop")
//!     .service("web", spread(3, async |page: String| Ok(format!("<h1>{page}</h1>"))).public())
//!     .service("carts", shard(4, |user: &String| user.clone(), async |user: String| Ok(user)));
//! shop.check()?;
//! # Ok::<(), metaparticle::pattern::Mistakes>(())
//! ```

mod app;
mod handler;
mod job;
mod key;
mod look;
mod merge;
mod parts;
mod said;
mod service;
#[cfg(test)]
mod tests;

pub use self::app::{App, Mistakes, app};
pub use self::handler::{Handler, Http, Opened, Raw, Role, http, opened};
pub use self::job::{Candidates, Indexed, Job, Leader, candidates, indexed};
pub use self::key::{Key, Keyed};
pub use self::merge::{Merge, Merged};
pub use self::parts::{Missed, Part, Parts};
pub use self::said::Word;
pub use self::service::{Itself, Pattern, Scatter, Service, Shard, Spread, scatter, shard, spread};

pub(crate) use self::app::{ADMIN, INDEX, POD, PORT, ROLE};
pub(crate) use self::handler::Answering;
pub(crate) use self::job::{Leading, Working};
pub(crate) use self::service::{Front, Setting};
