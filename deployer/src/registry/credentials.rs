//! Who pushes? Whoever the options name, or else who is logged in by `docker login` or `podman login`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::stored;
use super::{Fault, Reference};

/// Where to learn who pushes.
#[derive(Clone, Debug, Default)]
pub enum Credentials {
    /// Where `docker login` and `podman login` leave it, read only if the registry asks.
    #[default]
    Stored,
    /// Only in this file, which is written as docker's `config.json`.
    File(std::path::PathBuf),
    /// Here.
    Given(Credential),
}

/// Who somebody says to be.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credential {
    /// Nobody.
    #[default]
    Anonymous,
    /// Who knows a password.
    Password {
        /// Whose.
        user: String,
        /// The password.
        password: String,
    },
    /// Who has a token that is good for others.
    Identity(String),
    /// Who has a token for this registry.
    Token(String),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.who())
    }
}

impl Credential {
    /// In words that tell no secret.
    pub(super) fn who(&self) -> &'static str {
        match self {
            Self::Anonymous => "strangers",
            Self::Password { .. } => "this user",
            Self::Identity(_) => "this identity token",
            Self::Token(_) => "this token",
        }
    }

    /// The value of `Authorization`, if it is one without asking for a token first.
    pub(super) fn basic(&self) -> Option<String> {
        let Self::Password { user, password } = self else { return None };
        Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
    }
}

impl Credentials {
    /// Who pushes to this repository.
    pub(super) async fn of(&self, reference: &Reference) -> Result<Credential, Fault> {
        match self {
            Self::Given(credential) => Ok(credential.clone()),
            Self::File(path) => stored::find(std::slice::from_ref(path), reference).await,
            Self::Stored => stored::find(&crate::settings::credential_files(), reference).await,
        }
    }
}
