//! Why is an image not there? What was asked, what the registry said, and what to do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;
use thiserror::Error;

use crate::image::Digest;

use super::answer::Words;
use super::{Host, Wrong};

/// Why a registry was asked in vain.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Fault {
    /// A tag or a registry in the options is none.
    #[error(transparent)]
    Name(#[from] Wrong),
    /// The reference asks for other content.
    #[error(
        "the image is {found}, but {wanted} was asked for: leave the digest out, or build what it is of"
    )]
    OtherImage {
        /// The digest in the reference.
        wanted: Digest,
        /// That of the image.
        found: Digest,
    },
    /// Nobody answers.
    #[error("cannot reach the registry {host}: {hint}")]
    Unreachable {
        /// Who was asked.
        host: String,
        /// What to do.
        hint: &'static str,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It took the request, and no answer came.
    #[error("{what}: the registry was silent for {0} s", .after.as_secs())]
    Silent {
        /// What was asked.
        what: String,
        /// How long was waited.
        after: Duration,
    },
    /// It wants to know who asks.
    #[error(
        "{registry} does not let {who} into `{repository}`{said}: `docker login {registry}` as somebody who may"
    )]
    Unauthorized {
        /// Who was asked.
        registry: Host,
        /// What it was asked for.
        repository: String,
        /// Who asked.
        who: &'static str,
        /// What it says.
        said: Words,
    },
    /// It answers with another status than one that helps.
    #[error("{what}: the registry refuses with {status}{said}{hint}")]
    Refused {
        /// What was asked.
        what: String,
        /// What it answers.
        status: StatusCode,
        /// What it says.
        said: Words,
        /// What to do.
        hint: &'static str,
        /// When it wants to be asked again.
        after: Option<Duration>,
    },
    /// Its answer makes no sense.
    #[error("{what}: the registry's answer cannot be right: {why}")]
    Nonsense {
        /// What was asked.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// What is secret would be sent for all to read.
    #[error(
        "{0} is not protected by TLS, and would be sent {1}: put TLS before it, or have the registry name itself with `https://` (a proxy before it sets X-Forwarded-Proto)"
    )]
    Unprotected(String, &'static str),
    /// A file of credentials or of authorities cannot be read.
    #[error("cannot read {path}: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A helper that keeps credentials fails.
    #[error(
        "the credential helper {program}, which {path} names, fails: {why}; repair it, or `docker login` without it"
    )]
    Helper {
        /// Its program.
        program: String,
        /// The file that names it.
        path: PathBuf,
        /// What it says.
        why: String,
    },
}

impl Fault {
    pub(super) fn file(path: PathBuf, error: &io::Error) -> Self {
        Self::File { path, why: error.to_string() }
    }

    /// Whether the next time may go well, and when it wants to be asked again.
    pub(super) fn passes(&self) -> Option<Option<Duration>> {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } => Some(None),
            Self::Refused { status, after, .. } => {
                let passing = status.is_server_error() && *status != StatusCode::NOT_IMPLEMENTED;
                let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT];
                (passing || busy.contains(status)).then_some(*after)
            }
            _ => None,
        }
    }
}

/// What helps against a status.
pub(super) fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "; ask for the right to push there, or push elsewhere",
        StatusCode::NOT_FOUND => "; does the repository exist? some registries want it made first",
        StatusCode::METHOD_NOT_ALLOWED => "; is it a cache of another registry? push to that one",
        StatusCode::PAYLOAD_TOO_LARGE => "; a proxy before it limits bodies: raise its limit",
        StatusCode::TOO_MANY_REQUESTS => "; wait, or log in for a higher limit",
        _ => "",
    }
}
