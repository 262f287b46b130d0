//! What is content called? By its SHA-256: a name that nobody can give to other content.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

const ALGORITHM: &str = "sha256:";

/// The name of content: `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

/// Why a text is no digest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no digest: write `sha256:` and 64 digits of 0-9 and a-f")]
pub struct Malformed(String);

impl Digest {
    /// The name of this content.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let digits = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        Self([ALGORITHM.to_owned(), digits].concat())
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its 64 digits.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.0[ALGORITHM.len()..]
    }

    /// Its first twelve digits: enough for people, and for a tag.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.hex()[..12]
    }
}

impl Display for Digest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Digest {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let digits = text.strip_prefix(ALGORITHM).unwrap_or_default();
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() != 64 || !digits.bytes().all(hexadecimal) {
            return Err(Malformed(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}
