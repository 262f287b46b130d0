//! What can go wrong with a compilation, and what to do then?

use std::io;

use super::remote;
use crate::application::Wrong;
use crate::cluster;
use crate::spec;

/// Why nothing, or not all, was done.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Nothing says what to deploy.
    #[error("--file/-f or --name/-n is required: `mp-compiler -f .metaparticle/spec.json`")]
    NoSpec,
    /// A name means a spec that a server keeps.
    #[error(
        "--name/-n gets a spec from a server: say which with --host (and --port), or name a file with --file/-f"
    )]
    NoServer,
    /// Something that is no Kubernetes.
    #[error(
        "the executor `{0}` is not here: leave --executor out to deploy to Kubernetes (`make cluster` is one on \
         this machine), or run the image yourself (`docker run IMAGE`)"
    )]
    Executor(String),
    /// The gateway's name is none.
    #[error("--gateway, or METAPARTICLE_GATEWAY: {0}")]
    Gateway(Wrong),
    /// There is no such file.
    #[error("{file} cannot be read")]
    Unread {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// The spec is not right.
    #[error(transparent)]
    Spec(#[from] spec::Fault),
    /// The cluster does not do it.
    #[error(transparent)]
    Cluster(#[from] cluster::Fault),
    /// The server that keeps specs does not do it.
    #[error(transparent)]
    Server(#[from] remote::Fault),
    /// A job has failed.
    #[error("a job has failed: its last lines are above")]
    Job,
    /// This machine has nothing to run on.
    #[error("no runtime can be started")]
    Runtime(#[source] io::Error),
}

impl Fault {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::NoSpec | Self::NoServer => 2,
            Self::Executor(_) | Self::Gateway(_) | Self::Unread { .. } | Self::Spec(_) => 3,
            Self::Cluster(fault) => fault.exit_code(),
            Self::Server(_) | Self::Job | Self::Runtime(_) => 1,
        }
    }
}
