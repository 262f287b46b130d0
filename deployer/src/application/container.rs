//! What runs in a pod, and with what?

use std::fmt;
use std::str::FromStr;

use super::env::Variable;
use super::mistakes::Wrong;

/// One program of a pod.
#[derive(Debug, Clone, PartialEq)]
pub struct Container {
    /// What is run.
    pub image: Image,
    /// Instead of the image's entry point, where it is not empty.
    pub command: Vec<String>,
    /// The program's arguments, where they are not empty; else the image's.
    pub args: Vec<String>,
    /// Its environment.
    pub env: Vec<Variable>,
    /// Volumes that it sees.
    pub mounts: Vec<Mount>,
    /// What it needs, and may have.
    pub resources: Resources,
    /// How it says that it is ready; without it, a container is ready once it runs.
    pub readiness: Option<Readiness>,
}

impl Container {
    /// A program as its image says.
    #[must_use]
    pub fn of(image: Image) -> Self {
        Self {
            image,
            command: Vec::new(),
            args: Vec::new(),
            env: Vec::new(),
            mounts: Vec::new(),
            resources: Resources::default(),
            readiness: None,
        }
    }
}

/// A volume that a container sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The PersistentVolumeClaim.
    pub claim: String,
    /// Where it is seen.
    pub path: String,
    /// Which folder of it; all of it, where nothing is said.
    pub sub_path: Option<String>,
}

/// The name of an image: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Image(Box<str>);

impl Image {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it names bytes, not somebody's latest idea of them.
    #[must_use]
    pub fn has_digest(&self) -> bool {
        self.0.contains('@')
    }
}

impl FromStr for Image {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let (name, digest) = text.split_once('@').map_or((text, None), |(a, b)| (a, Some(b)));
        let slash = name.rfind('/').map_or(0, |slash| slash + 1);
        let (path, tag) = match name[slash..].split_once(':') {
            Some((last, tag)) => (&name[..slash + last.len()], Some(tag)),
            None => (name, None),
        };
        let right_digest = digest.is_none_or(|digest| {
            let hex = digest.strip_prefix("sha256:").unwrap_or_default();
            hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        let right_tag = tag.is_none_or(|tag| {
            (1..=128).contains(&tag.len())
                && tag.bytes().all(is_tag_byte)
                && !tag.starts_with(['.', '-'])
        });
        if right_digest && right_tag && is_path(path) {
            return Ok(Self(text.into()));
        }
        Err(Wrong::new(
            text,
            "an image's name, such as `registry.example/shop/web:2`, in small letters",
        ))
    }
}

fn is_tag_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)
}

/// Whether it is a repository's path; a registry in front may have capitals and a port.
fn is_path(path: &str) -> bool {
    let part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let ends = |byte: Option<u8>| byte.is_some_and(plain);
        ends(part.bytes().next())
            && ends(part.bytes().next_back())
            && part.bytes().all(|byte| plain(byte) || b"_.-".contains(&byte))
    };
    let registry = |first: &str| {
        let (host, port) = first.split_once(':').map_or((first, None), |(a, b)| (a, Some(b)));
        !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
            && port.is_none_or(|port| port.parse::<u16>().is_ok())
    };
    match path.split_once('/') {
        Some((first, rest)) => (registry(first) || part(first)) && rest.split('/').all(part),
        None => part(path),
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a container needs, and may have at most. What is not said is a little: see `plan`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resources {
    /// The processor time that is set aside for it.
    pub cpu: Option<Quantity>,
    /// The memory that is set aside for it.
    pub memory: Option<Quantity>,
    /// The memory that it may use at most.
    pub memory_most: Option<Quantity>,
}

/// An amount as Kubernetes writes it: `50m`, `64Mi`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Quantity(Box<str>);

impl FromStr for Quantity {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let units = ["", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        let end = text.find(|sign: char| !sign.is_ascii_digit() && sign != '.');
        let (number, unit) = text.split_at(end.unwrap_or(text.len()));
        let digits = number.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
        if digits && number.split('.').count() <= 2 && units.contains(&unit) {
            return Ok(Self(text.into()));
        }
        Err(Wrong::new(text, "an amount greater than nothing, such as `50m`, `2` or `64Mi`"))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a container says that it is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// A path that answers 200 when it is; none where it is enough that the port is open.
    pub path: Option<String>,
    /// The number of the port that is asked.
    pub port: std::num::NonZeroU16,
}
