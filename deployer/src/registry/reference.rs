//! What is an image called, and where? `host[:port]/name[:tag][@digest]`, and nothing that must be guessed: a
//! name without a registry would be somebody else's.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

use crate::image::{Digest, Malformed};

/// The name of an image in a registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    registry: Host,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// A registry: a host, and a port if it is not the usual one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host(String);

/// Why a text names no image.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Wrong {
    /// It has no registry.
    #[error(
        "`{0}` names no registry: write one before it, as in `docker.io/{0}` or `localhost:5000/{0}`"
    )]
    NoRegistry(String),
    /// What stands for the registry is none.
    #[error(
        "`{0}` is no registry: write a host's name or address, and `:PORT` if it has one of its own"
    )]
    Registry(String),
    /// A protocol stands before it.
    #[error(
        "`{0}` has a protocol: leave out `{1}`; for plain HTTP name the registry with --insecure-registry"
    )]
    Protocol(String, &'static str),
    /// The name is not one.
    #[error(
        "`{0}` is no name of an image: write small letters and digits, in parts with `/` between them, each joined by `.`, `_`, `__` or `-`"
    )]
    Repository(String),
    /// The tag is not one.
    #[error(
        "`{0}` is no tag: write up to 128 letters, digits, `_`, `.` and `-`, the first a letter, digit or `_`"
    )]
    Tag(String),
    /// The digest is not one.
    #[error(transparent)]
    Digest(#[from] Malformed),
}

/// Where Docker Hub serves what is called `docker.io`.
const HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

const NAME_MOST: usize = 255;
const TAG_MOST: usize = 128;

impl Reference {
    /// The registry.
    #[must_use]
    pub fn registry(&self) -> &Host {
        &self.registry
    }

    /// The name within the registry.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, if it has one.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if it has one.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The image of this digest, whatever its tags are.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        (self.tag, self.digest) = (None, Some(digest));
        self
    }

    /// The image of this tag.
    ///
    /// # Errors
    ///
    /// When it is no tag.
    pub fn with_tag(mut self, tag: &str) -> Result<Self, Wrong> {
        (self.tag, self.digest) = (Some(checked_tag(tag)?), None);
        Ok(self)
    }

    /// What it is asked for by: the digest, or else the tag, or else `latest`.
    pub(super) fn version(&self) -> &str {
        let digest = self.digest.as_ref().map(Digest::as_str);
        digest.or(self.tag.as_deref()).unwrap_or("latest")
    }
}

impl Display for Reference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

impl FromStr for Reference {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        if let Some(protocol) = ["https://", "http://"].into_iter().find(|it| text.starts_with(it))
        {
            return Err(Wrong::Protocol(text.to_owned(), protocol));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        // A registry is known by its dot or port: `team/hello` is a name that lacks one.
        let registry = rest.split_once('/').filter(|(host, _)| {
            host.contains(['.', ':']) || *host == "localhost" || host.starts_with('[')
        });
        let Some((registry, name)) = registry else {
            return Err(Wrong::NoRegistry(text.to_owned()));
        };
        let (repository, tag) = match name.split_once(':') {
            Some((repository, tag)) => (repository, Some(checked_tag(tag)?)),
            None => (name, None),
        };
        checked_repository(repository)?;
        Ok(Self { registry: registry.parse()?, repository: repository.to_owned(), tag, digest })
    }
}

/// That it is a name within a registry.
pub(super) fn checked_repository(name: &str) -> Result<(), Wrong> {
    let right = name.len() <= NAME_MOST && name.split('/').all(is_component);
    if right { Ok(()) } else { Err(Wrong::Repository(name.to_owned())) }
}

fn checked_tag(tag: &str) -> Result<String, Wrong> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins = tag.bytes().next().is_some_and(word);
    let goes_on = tag.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-');
    if !begins || !goes_on || tag.len() > TAG_MOST {
        return Err(Wrong::Tag(tag.to_owned()));
    }
    Ok(tag.to_owned())
}

/// Whether it is words joined by one `.`, one or two `_`, or any number of `-`.
fn is_component(part: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = |byte: Option<u8>| byte.is_some_and(word);
    let mut joints =
        part.split(|c: char| c.is_ascii() && word(c as u8)).filter(|it| !it.is_empty());
    ends(part.bytes().next())
        && ends(part.bytes().last())
        && joints.all(|joint| {
            matches!(joint, "." | "_" | "__") || joint.bytes().all(|byte| byte == b'-')
        })
}

impl Host {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what is sent there never leaves this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let (name, _) = split(&self.0);
        let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
        name == "localhost"
            || name.ends_with(".localhost")
            || address.is_ok_and(|address| address.is_loopback())
    }

    /// Whether a list of registries means it: with its port, or with any.
    pub(super) fn is_in(&self, registries: &[String]) -> bool {
        registries.iter().any(|named| named == &self.0 || named == split(&self.0).0)
    }

    /// Where it serves.
    pub(super) fn served_at(&self) -> &str {
        if self.is_hub() { HUB.1 } else { &self.0 }
    }

    pub(super) fn is_hub(&self) -> bool {
        self.0 == HUB.0
    }
}

impl Display for Host {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Host {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let (name, port) = split(text);
        let port = port.is_none_or(|port| {
            port.bytes().all(|byte| byte.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|it| it > 0)
        });
        let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let label = |label: &str| {
            let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !label.is_empty()
                && label.bytes().all(inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let named = match address {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => name.split('.').all(label),
        };
        if !port || !named {
            return Err(Wrong::Registry(text.to_owned()));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

/// The name or address of a host, and its port.
fn split(text: &str) -> (&str, Option<&str>) {
    let bracket = text.rfind(']').map_or(0, |at| at + 1);
    match text[bracket..].find(':') {
        Some(at) => (&text[..bracket + at], Some(&text[bracket + at + 1..])),
        None => (text, None),
    }
}
