//! Why could it not be done, and with which code does the program end?

use std::error::Error as _;
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
    /// The cluster did not, and that was told already.
    #[error(transparent)]
    Told(cluster::Fault),
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
            Self::Cluster(fault) | Self::Told(fault) => fault.exit_code(),
            Self::Server(server::Fault::Cluster(fault)) => fault.exit_code(),
            Self::Server(_) => WRONG,
            _ => 1,
        }
    }

    /// Whether people were told already.
    pub(super) fn is_told(&self) -> bool {
        matches!(self, Self::Told(_))
    }

    /// All that is known of it, in one line.
    pub(super) fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(next) = cause {
            let said = next.to_string();
            if !text.contains(&said) {
                text += &format!(": {said}");
            }
            cause = next.source();
        }
        text
    }
}
