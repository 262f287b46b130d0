//! Where does a service listen, and who may ask it?

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use metaparticle_gateway::words::Protocol;

use super::Name;
use super::mistakes::Wrong;

/// A port on which a service listens; its Service has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// Its number.
    pub number: NonZeroU16,
    /// What carries what is said there.
    pub transport: Transport,
    /// What is spoken there, where the gateway asks.
    pub speaks: Protocol,
}

/// What carries bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Transport {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Port {
    /// A port for HTTP.
    #[must_use]
    pub fn http(number: NonZeroU16) -> Self {
        Self { number, transport: Transport::Tcp, speaks: Protocol::Http1 }
    }
}

impl Transport {
    /// As Kubernetes writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

impl FromStr for Transport {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let all = [Self::Tcp, Self::Udp, Self::Sctp];
        let found = all.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| Wrong::new(text, "`TCP`, `UDP` or `SCTP`"))
    }
}

/// Who may ask a service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Exposure {
    /// Whoever is in the cluster, at its Service.
    #[default]
    Inside,
    /// Whoever reaches the gateway.
    Public(Public),
    /// Whoever reaches a load balancer of its own: for clusters without a gateway.
    LoadBalancer,
}

/// How requests at the gateway are known to be a service's. With the default, all of them are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Public {
    /// The hosts that are asked for.
    pub hosts: Vec<Host>,
    /// Whether any other host will do as well.
    pub any_host: bool,
    /// What paths begin with.
    pub path: Path,
}

impl Default for Public {
    fn default() -> Self {
        Self { hosts: Vec::new(), any_host: true, path: Path::default() }
    }
}

/// Another name in the cluster that leads, by the gateway, to a service: `n-sharder` of the original.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The name.
    pub name: Name,
    /// The gateway's Service: `metaparticle-gateway.metaparticle.svc.cluster.local`.
    pub gateway: Host,
    /// The namespace in which it is asked for, where that is known: then the long forms lead there, too.
    pub namespace: Option<String>,
}

/// A host's name; `*.` in front stands for one label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(Box<str>);

impl Host {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Name> for Host {
    fn from(name: &Name) -> Self {
        Self(name.as_str().into())
    }
}

impl FromStr for Host {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let name = text.strip_prefix("*.").unwrap_or(text);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let label = |label: &str| {
            let ends = |byte: Option<u8>| byte.is_some_and(plain);
            label.len() <= 63
                && ends(label.bytes().next())
                && ends(label.bytes().next_back())
                && label.bytes().all(|byte| plain(byte) || byte == b'-')
        };
        if name.len() <= 253
            && name.split('.').all(label)
            && name.parse::<std::net::IpAddr>().is_err()
        {
            return Ok(Self(text.into()));
        }
        Err(Wrong::new(
            text,
            "a host's name in small letters, such as `shop.example` or `*.shop.example`",
        ))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What paths begin with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Path(Box<str>);

impl Path {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Path {
    fn default() -> Self {
        Self("/".into())
    }
}

impl FromStr for Path {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#".contains(&byte);
        let dots = text.split('/').any(|part| part == "." || part == "..");
        if text.starts_with('/') && !text.contains("//") && !dots && text.bytes().all(plain) {
            return Ok(Self(text.into()));
        }
        Err(Wrong::new(
            text,
            "a path as it is sent, such as `/shop`: visible ASCII signs, no `?`, `#`, `//` or `..`",
        ))
    }
}
