//! Why could it not be done, and with which code does the program end?

use std::io;
use std::path::PathBuf;

use metaparticle_gateway::words::Mistake;
use metaparticle_gateway::yaml;
use thiserror::Error;

use crate::{cluster, package, server};

/// What was said is wrong.
pub(super) const WRONG: u8 = 3;

/// Why a command did not come to a good end.
#[derive(Debug, Error)]
pub enum Fault {
    /// The file cannot be read.
    #[error("cannot read `{file}`: name the application's file with --file", file = .file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The file is wrong.
    #[error("{}", yaml::render(&.file.display().to_string(), .mistakes).trim_end())]
    Mistaken {
        /// Which file.
        file: PathBuf,
        /// All of them.
        mistakes: Vec<Mistake>,
    },
    /// A program is not packaged, or not pushed.
    #[error(transparent)]
    Package(#[from] package::Fault),
    /// The cluster did not.
    #[error(transparent)]
    Cluster(#[from] cluster::Fault),
    /// The REST API cannot be served.
    #[error(transparent)]
    Server(#[from] server::Fault),
    /// A file is in the way of an ejected one.
    #[error("{file} is there already: say --force to replace it, or name another folder", file = .0.display())]
    InTheWay(PathBuf),
    /// A file cannot be written.
    #[error("cannot write `{file}`", file = .0.display())]
    Unwritable(PathBuf, #[source] io::Error),
    /// Nothing can be printed.
    #[error("cannot print")]
    Output(#[source] io::Error),
    /// There is no runtime.
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
}

impl Fault {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Unreadable { .. } | Self::Mistaken { .. } | Self::InTheWay(_) => WRONG,
            Self::Package(package::Fault::Nowhere(_) | package::Fault::Destination(..)) => WRONG,
            Self::Cluster(fault) => fault.exit_code(),
            Self::Server(server::Fault::Cluster(fault)) => fault.exit_code(),
            Self::Server(_) => WRONG,
            _ => 1,
        }
    }
}
