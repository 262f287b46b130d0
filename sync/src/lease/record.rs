//! What does a Lease say, and what is written into it? The fields of `coordination.k8s.io/v1`, as client-go
//! reads and writes them.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use crate::name::{Identity, Name};
use crate::term::Version;

/// A Lease, as one write left it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Record {
    /// Its name.
    pub name: Name,
    /// Which write it was.
    pub version: Version,
    /// Who holds it; nobody, where Kubernetes says `""` or nothing.
    pub holder: Option<Identity>,
    /// How long, from when the record is first seen, nobody else may take it: `leaseDurationSeconds`.
    pub duration: Option<Duration>,
    /// How often the holder changed. It begins again when the Lease is deleted, and is no token.
    pub transitions: i32,
    /// Who decides about the holder, where contenders do not: coordinated election.
    pub strategy: Option<Box<str>>,
    /// Who shall hold it instead: coordinated election.
    pub preferred: Option<Identity>,
    /// Its labels and annotations.
    pub marks: Marks,
    /// What else the object says.
    pub rest: Rest,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Draft {
    /// Who holds it from now on.
    pub holder: Option<Identity>,
    /// For how long.
    pub duration: Duration,
    /// How often the holder changed.
    pub transitions: i32,
    /// Whether the holder begins: for people, who read `acquireTime`.
    pub begins: bool,
    /// Labels and annotations that it shall have besides those it has.
    pub marks: Marks,
}

/// Labels and annotations.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Marks {
    /// Labels, by which objects are found.
    pub labels: BTreeMap<String, String>,
    /// Annotations, which only say something.
    pub annotations: BTreeMap<String, String>,
}

/// What a store needs to write a record again, and nobody else reads. It makes no record another.
#[derive(Clone, Default)]
pub struct Rest(Option<Arc<dyn Any + Send + Sync>>);

impl Rest {
    /// What a store keeps.
    #[must_use]
    pub fn new(rest: impl Any + Send + Sync) -> Self {
        Self(Some(Arc::new(rest)))
    }

    /// What it kept, if it was this.
    #[must_use]
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.as_deref()?.downcast_ref()
    }
}

impl Marks {
    /// These, and those of `others`, which win.
    #[must_use]
    pub fn with(mut self, others: &Self) -> Self {
        self.labels.extend(others.labels.clone());
        self.annotations.extend(others.annotations.clone());
        self
    }
}

impl PartialEq for Rest {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Rest {}

impl Hash for Rest {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
