//! What can be told.

use std::fmt::{self, Display};

use serde::Serialize;
use serde_json::Value;

/// Who listens.
pub type Told<'t> = dyn Fn(Event) + Send + Sync + 't;

/// Something happened, or is about to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Where it goes: the first that is told.
    Target {
        /// What is deployed.
        application: String,
        /// The kubeconfig's context; none in a pod.
        context: Option<String>,
        /// The API server.
        server: String,
        /// The namespace.
        namespace: String,
    },
    /// A program is an image now.
    Built {
        /// Which program.
        program: String,
        /// The image.
        digest: String,
        /// How large it is.
        bytes: u64,
        /// How long it took.
        seconds: f64,
    },
    /// An image is on its way into its registry.
    Pushing {
        /// Which program's.
        program: String,
        /// So many bytes are there,
        sent: u64,
        /// of so many.
        size: u64,
    },
    /// An image is in its registry.
    Pushed {
        /// As those who pull call it.
        image: String,
        /// How many bytes were sent for it.
        uploaded: u64,
        /// How many of its parts were there already.
        skipped: usize,
        /// How long it took.
        seconds: f64,
    },
    /// A step begins.
    Step {
        /// Which.
        step: Step,
    },
    /// Somebody else deploys the same application; this waits for it.
    Locked {
        /// Who.
        holder: String,
    },
    /// What a deploy would do, or does, to an object.
    Compared {
        /// The object.
        object: Thing,
        /// What would be changed.
        change: Change,
    },
    /// Fields were taken from other managers.
    Took {
        /// From whom, and what.
        conflict: Conflict,
    },
    /// An object is as it should be.
    Applied {
        /// The object.
        object: Thing,
        /// What that took.
        outcome: Outcome,
    },
    /// A workload is not ready yet.
    Waits {
        /// The workload.
        object: Thing,
        /// What for.
        why: String,
    },
    /// A workload is ready.
    Ready {
        /// The workload.
        object: Thing,
    },
    /// How a pod is.
    Pod {
        /// Its name.
        pod: String,
        /// How it is.
        #[serde(flatten)]
        line: PodLine,
    },
    /// A pod is no more.
    PodGone {
        /// Its name.
        pod: String,
    },
    /// What the cluster says about an object.
    Happened {
        /// The object.
        about: Thing,
        /// In one word.
        reason: String,
        /// In all words.
        message: String,
        /// How often.
        count: i32,
    },
    /// The last lines of a container.
    Said {
        /// The pod.
        pod: String,
        /// The container.
        container: String,
        /// Whether they are of the container's life before this one.
        previous: bool,
        /// The lines.
        lines: Vec<String>,
    },
    /// An object that is no longer wanted is deleted.
    Pruned {
        /// The object.
        object: Thing,
    },
    /// An earlier revision is put in force again.
    RollingBack {
        /// Which.
        to: u32,
    },
    /// An earlier revision is in force again.
    RolledBack {
        /// Which.
        to: u32,
    },
    /// All is as it should be.
    Live {
        /// The revision.
        revision: u32,
        /// Whether it is another one than before.
        changed: bool,
        /// How long it took.
        seconds: f64,
    },
    /// It is deleted, or was not there.
    Deleted {
        /// Whether nothing of it is left; else the cluster goes on with it.
        gone: bool,
        /// Whether there was anything.
        found: bool,
    },
    /// Something that does not stop it, but should be known.
    Warning {
        /// What.
        what: String,
    },
    /// It did not come to a good end.
    Failed {
        /// Why.
        why: String,
    },
    /// Nobody waits any more; the cluster goes on by itself.
    Detached {},
}

/// What a deploy does, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Ask the cluster what would change, and whether it would take it.
    Compare,
    /// Keep others out.
    Lock,
    /// Write down what is about to be done.
    Record,
    /// Do it.
    Apply,
    /// Wait until it runs.
    Wait,
    /// Delete what is no longer wanted.
    Prune,
    /// Write down that it is done.
    Mark,
}

/// An object, as people name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Thing {
    /// `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// What would be changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// It would be created.
    Create,
    /// These fields would change.
    Update {
        /// In order of their paths.
        fields: Vec<Field>,
    },
    /// Nothing.
    Same,
    /// It would be deleted.
    Delete,
}

/// A field that is not as it should be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    /// `spec.template.spec.containers[web].image`.
    pub path: String,
    /// What it is.
    pub before: Option<Value>,
    /// What it should be.
    pub after: Option<Value>,
}

/// A field that somebody else manages, and wants otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The object.
    pub object: Thing,
    /// The field.
    pub field: String,
    /// Who manages it.
    pub manager: String,
}

/// What it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was not there.
    Created,
    /// It was another.
    Configured,
    /// Nothing was written.
    Unchanged,
}

/// How a pod is, in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PodLine {
    /// Whether it serves.
    pub ready: bool,
    /// In one word: `Running`, `ImagePullBackOff`.
    pub state: String,
    /// Why, in the cluster's words.
    pub why: Option<String>,
    /// How often its containers were started again.
    pub restarts: i32,
}

impl Thing {
    /// `Deployment`, `web`.
    #[must_use]
    pub fn new(kind: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), name: name.to_owned() }
    }
}

impl Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

impl Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is managed by `{}`", self.object, self.field, self.manager)
    }
}

impl Change {
    /// Whether anything would change.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self != Self::Same
    }
}
