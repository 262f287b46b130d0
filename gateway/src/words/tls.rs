//! How is a replica that speaks TLS known to be the right one?

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::words::Misread;

/// Whose word for a replica's certificate is taken (`tls-verify`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum TlsVerify {
    /// That of the authorities that the gateway's system trusts.
    #[default]
    System,
    /// Nobody's: anything that speaks TLS at the address is believed.
    Off,
    /// That of the authorities in `ca.crt` of a Secret beside the Service, on Kubernetes.
    Secret(Box<str>),
    /// That of the authorities in a PEM file, for the standalone file.
    File(Box<str>),
}

impl fmt::Display for TlsVerify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Off => f.write_str("off"),
            Self::Secret(name) => write!(f, "secret:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}

impl FromStr for TlsVerify {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        let named = |kind: &str| {
            let name = text.strip_prefix(kind)?.trim();
            (!name.is_empty()).then(|| Box::from(name))
        };
        match text {
            "system" => Ok(Self::System),
            "off" => Ok(Self::Off),
            _ => (named("secret:").map(Self::Secret))
                .or_else(|| named("file:").map(Self::File))
                .ok_or_else(Misread::default),
        }
    }
}

/// Which name a replica's certificate must have (`tls-server-name`); it is also asked for (SNI).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum ServerName {
    /// On Kubernetes `SERVICE.NAMESPACE.svc`, in a file the replica's address.
    #[default]
    Auto,
    /// This one: a host's name, or an address.
    Named(Box<str>),
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

impl FromStr for ServerName {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        let letters = |label: &str| {
            label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        let label = |label: &str| (1..=63).contains(&label.len()) && letters(label);
        let is_host = text.len() <= 253 && text.split('.').all(label);
        match text {
            "auto" => Ok(Self::Auto),
            _ if is_host || text.parse::<IpAddr>().is_ok() => Ok(Self::Named(text.into())),
            _ => Err(Misread::default()),
        }
    }
}
