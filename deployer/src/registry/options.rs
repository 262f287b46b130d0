//! What may be chosen of how a registry is spoken to?

use std::path::PathBuf;
use std::time::Duration;

use super::Credentials;

/// How a registry is spoken to.
#[derive(Clone, Debug)]
pub struct Options {
    /// Further tags that the image is to have, such as `latest`.
    pub tags: Vec<String>,
    /// A repository of the same registry that may have some of the blobs.
    pub mount_from: Option<String>,
    /// Registries that are spoken to without TLS, `host` or `host:port`; those of this machine are anyway.
    pub insecure: Vec<String>,
    /// Who vouches for the registry, in PEM, besides those whom this machine trusts.
    pub authority: Option<PathBuf>,
    /// Who pushes.
    pub credentials: Credentials,
    /// How many blobs are on their way at a time.
    pub parallel: usize,
    /// How often a thing is tried that may go well the next time.
    pub attempts: u32,
    /// How long is waited before the second time; twice as long before the next.
    pub pause: Duration,
    /// How long a registry may be silent while it is sent nothing.
    pub silence: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tags: Vec::new(),
            mount_from: None,
            insecure: Vec::new(),
            authority: None,
            credentials: Credentials::default(),
            parallel: 4,
            attempts: 5,
            pause: Duration::from_millis(300),
            silence: Duration::from_mins(2),
        }
    }
}
