//! Where are the records? Something that reads, creates, and replaces what has not changed since.
//!
//! That somebody else was faster is no error but an answer, and so is that nobody knows whether a write
//! arrived: whoever treats that as a failure loses a Lease it has, and as a success keeps one it has not.

mod kube;
mod memory;

use std::error::Error;
use std::fmt::Debug;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;

use crate::lease::{Draft, Record};
use crate::name::Name;

pub use self::kube::Leases;
pub use self::memory::Memory;

/// Where the records are.
///
/// Reads and writes are linearizable: an answer is as new as the question.
pub trait Store: Debug + Send + Sync + 'static {
    /// Reads a record.
    fn get<'s>(&'s self, name: &'s Name) -> BoxFuture<'s, Result<Option<Arc<Record>>, Trouble>>;

    /// Writes a record where there is none.
    fn create<'s>(&'s self, name: &'s Name, draft: &'s Draft) -> BoxFuture<'s, Written>;

    /// Writes over `over`, if it is still as it was.
    fn replace<'s>(&'s self, over: &'s Record, draft: &'s Draft) -> BoxFuture<'s, Written>;

    /// Tells what happens, from now on: everything that is there first, as new as the question. It goes on
    /// after troubles.
    fn watch(&self, which: &Which) -> BoxStream<'static, Change>;
}

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// One record.
    Name(Name),
    /// All that carry this label.
    Label(String, String),
}

/// How a write ended.
#[derive(Debug)]
pub enum Written {
    /// It was written, and is so now.
    Done(Arc<Record>),
    /// It was not written: the record is another, is there already, or is not there any more.
    Conflict,
    /// It was not written.
    Refused(Trouble),
    /// It may have been written, or may still be.
    Unknown(Trouble),
}

/// What a watch tells. Events may come late, more than once, or be missing between two `All`s.
#[derive(Debug, Clone)]
pub enum Change {
    /// A record is so.
    Is(Arc<Record>),
    /// A record is no more.
    Gone(Name),
    /// These are all there are.
    All(Vec<Arc<Record>>),
    /// It does not tell for now.
    Broken(Trouble),
}

/// Why the store did not do it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
pub struct Trouble {
    what: Arc<str>,
    /// Whether somebody must change something before it can go well.
    lasting: bool,
    #[source]
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Trouble {
    /// One that passes.
    #[must_use]
    pub fn passing(what: &str) -> Self {
        Self { what: what.into(), lasting: false, cause: None }
    }

    /// One that lasts until somebody changes something; `what` says what.
    #[must_use]
    pub fn lasting(what: &str) -> Self {
        Self { what: what.into(), lasting: true, cause: None }
    }

    /// What caused it.
    #[must_use]
    pub fn because(self, cause: impl Error + Send + Sync + 'static) -> Self {
        Self { cause: Some(Arc::new(cause)), ..self }
    }

    /// Whether somebody must change something before it can go well.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.lasting
    }
}
