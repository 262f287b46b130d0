//! What can go wrong with a cluster, and what to do then.

use std::time::Duration;

use crate::report::{Conflict, Thing};

/// Why it did not come to a good end.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The kubeconfig is of no use.
    #[error("the kubeconfig is of no use: say --kubeconfig and --context, or set KUBECONFIG")]
    Kubeconfig(#[source] Box<kube::config::KubeconfigError>),
    /// The kubeconfig is not of the form that it should have.
    #[error(
        "the kubeconfig is not of the form that kubectl reads: `kubectl config view` says where"
    )]
    Malformed,
    /// There is no cluster.
    #[error(
        "no cluster is known: set KUBECONFIG, say --kubeconfig, or run it in a pod with a service account"
    )]
    Nowhere(#[source] Box<kube::config::InferConfigError>),
    /// The client cannot be made.
    #[error("no client can be made of the kubeconfig's words for this cluster")]
    Client(#[source] Box<kube::Error>),
    /// The context is called like one where mistakes are dear.
    #[error("`{context}` is called like a production cluster: say --yes if you mean it")]
    Production {
        /// The context.
        context: String,
    },
    /// Nobody answers.
    #[error("{server} does not answer: is the cluster up, and does this machine reach it?")]
    Unreachable {
        /// The API server.
        server: String,
        /// What was heard instead.
        #[source]
        cause: Option<Box<kube::Error>>,
    },
    /// The API server does not know who asks.
    #[error("{server} does not know who asks: log in again")]
    Unknown {
        /// The API server.
        server: String,
    },
    /// A permission is missing.
    #[error("not permitted: {said}: ask whoever manages the cluster for a Role that allows it")]
    NotPermitted {
        /// What the API server says.
        said: String,
    },
    /// The namespace is missing.
    #[error(
        "there is no namespace `{namespace}`: create it (kubectl create namespace {namespace}), or say another"
    )]
    NoNamespace {
        /// Its name.
        namespace: String,
    },
    /// Somebody else's object has the name.
    #[error(
        "{object} is there already and belongs to somebody else ({by}): it is left as it is; give yours \
         another name, or delete that one yourself"
    )]
    Foreign {
        /// The object.
        object: Thing,
        /// Who it seems to belong to.
        by: String,
    },
    /// An object cannot belong to the application.
    #[error("{object} cannot be part of the application: {why}")]
    Elsewhere {
        /// The object.
        object: Thing,
        /// Why not.
        why: String,
    },
    /// Somebody else manages fields, and wants them otherwise.
    #[error(
        "{}\nnothing was taken from them: let them have these fields, or take them with --force-conflicts",
        lines(conflicts)
    )]
    Conflicts {
        /// Which, and who.
        conflicts: Vec<Conflict>,
    },
    /// The cluster does not take the object.
    #[error("the cluster does not accept {object}: {said}")]
    Invalid {
        /// The object.
        object: Thing,
        /// What it says.
        said: String,
    },
    /// More than one thing is wrong.
    #[error("{}", lines(faults))]
    Several {
        /// All of them.
        faults: Vec<Self>,
    },
    /// Whoever waited was told to stop; the cluster goes on.
    #[error("detached: the cluster goes on by itself; run it again to see how it ends")]
    Detached,
    /// The plan is too large to be remembered.
    #[error(
        "the plan has {bytes} bytes, compressed: more than an object of Kubernetes can hold; deploy it in parts"
    )]
    TooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// What is remembered cannot be read.
    #[error(
        "{object} cannot be read: {why}; it was changed by somebody else, or written by a later version"
    )]
    Unreadable {
        /// The parent.
        object: Thing,
        /// What is wrong with it.
        why: String,
    },
    /// Somebody else changed what is remembered.
    #[error("{object} was changed by somebody else meanwhile: run it again")]
    Raced {
        /// The parent.
        object: Thing,
    },
    /// Somebody else deploys it.
    #[error("{holder} deploys this application; waited {} s for it: try again later", within.as_secs())]
    Locked {
        /// Who.
        holder: String,
        /// How long this waited.
        within: Duration,
    },
    /// The lock cannot be had.
    #[error("the deploy lock cannot be had")]
    NoLock(#[source] metaparticle_sync::holder::NotAcquired),
    /// The lock was lost.
    #[error("the deploy lock was lost: somebody else may deploy now; run it again")]
    LockLost(#[source] metaparticle_sync::holder::Lost),
    /// It cannot become ready.
    #[error("{}", lines(reasons))]
    Broken {
        /// Why not.
        reasons: Vec<String>,
    },
    /// It did not become ready in time.
    #[error("not ready within {} s; still waiting for:\n{}", within.as_secs(), lines(waiting))]
    TimedOut {
        /// What was waited for.
        waiting: Vec<String>,
        /// How long.
        within: Duration,
    },
    /// It did not go well, and an earlier revision is in force again.
    #[error("{cause}\nrolled back to revision {to}")]
    RolledBack {
        /// What went wrong first.
        #[source]
        cause: Box<Self>,
        /// What is in force.
        to: u32,
    },
    /// It did not go well, and nor did what should have mended it.
    #[error("{cause}\nand revision {to} could not be put in force again: {then}")]
    NotRolledBack {
        /// What went wrong first.
        #[source]
        cause: Box<Self>,
        /// What should be in force.
        to: u32,
        /// What went wrong then.
        then: Box<Self>,
    },
    /// There is no such application.
    #[error("there is no application `{application}` in namespace `{namespace}`")]
    NoApplication {
        /// Its name.
        application: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// There is no such revision.
    #[error("there is no revision to roll back to{}: `history` lists them", number.map_or_else(String::new, |number| format!(" with the number {number}")))]
    NoRevision {
        /// Which was asked for.
        number: Option<u32>,
    },
    /// There is nothing of that name to scale.
    #[error("`{name}` has no replicas to set: `status` lists what has")]
    NotScalable {
        /// What was asked for.
        name: String,
    },
    /// An autoscaler would undo it.
    #[error(
        "the HorizontalPodAutoscaler {by} decides how many replicas {object} has: change its bounds instead"
    )]
    Autoscaled {
        /// The workload.
        object: Thing,
        /// The autoscaler.
        by: String,
    },
    /// The API server says something else.
    #[error("the API server cannot {verb} {object}: {said}")]
    Refused {
        /// What was asked.
        verb: &'static str,
        /// Of which object.
        object: Thing,
        /// What it says.
        said: String,
    },
}

impl Fault {
    /// The exit code of a program that ends with it.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Production { .. } | Self::Elsewhere { .. } | Self::Invalid { .. } => 3,
            Self::Kubeconfig(_)
            | Self::Malformed
            | Self::Nowhere(_)
            | Self::Client(_)
            | Self::Unreachable { .. } => 4,
            Self::Unknown { .. } | Self::NotPermitted { .. } => 5,
            Self::Several { faults } if faults.iter().all(|fault| fault.exit_code() == 3) => 3,
            Self::TimedOut { .. } => 124,
            Self::Detached => 130,
            Self::RolledBack { cause, .. } | Self::NotRolledBack { cause, .. }
                if matches!(**cause, Self::TimedOut { .. }) =>
            {
                124
            }
            _ => 1,
        }
    }
}

fn lines(all: &[impl ToString]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
