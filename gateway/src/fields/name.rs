//! Which names does the road look for? Known by number, so that many are looked for at once.

use crate::words::labels;

/// A name that the road looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Name {
    /// `Connection`
    Connection,
    /// `Content-Length`
    ContentLength,
    /// `metaparticle-coverage`
    Coverage,
    /// `Date`
    Date,
    /// `metaparticle-deadline`
    Deadline,
    /// `Expect`
    Expect,
    /// `Host`
    Host,
    /// `HTTP2-Settings`
    Http2Settings,
    /// `Keep-Alive`
    KeepAlive,
    /// `Proxy-Authenticate`
    ProxyAuthenticate,
    /// `Proxy-Authorization`
    ProxyAuthorization,
    /// `Proxy-Connection`
    ProxyConnection,
    /// `x-request-id`
    RequestId,
    /// `metaparticle-shard`
    Shard,
    /// `metaparticle-shards`
    Shards,
    /// `TE`
    Te,
    /// `traceparent`
    Traceparent,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Upgrade`
    Upgrade,
}

impl Name {
    /// The name that `text`, which is a token, is, however it is written.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        // Length and first letter tell all but two of them apart.
        let name = match (text.len(), text.first()? | 0x20) {
            (2, b't') => Self::Te,
            (4, b'd') => Self::Date,
            (4, b'h') => Self::Host,
            (6, b'e') => Self::Expect,
            (7, b'u') => Self::Upgrade,
            (10, b'c') => Self::Connection,
            (10, b'k') => Self::KeepAlive,
            (11, b't') => Self::Traceparent,
            (12, b'x') => Self::RequestId,
            (14, b'c') => Self::ContentLength,
            (14, b'h') => Self::Http2Settings,
            (16, b'p') => Self::ProxyConnection,
            (17, b't') => Self::TransferEncoding,
            (18, b'm') => Self::Shard,
            (18, b'p') => Self::ProxyAuthenticate,
            (19, b'm') => Self::Shards,
            (19, b'p') => Self::ProxyAuthorization,
            (21, b'm') if text[13] | 0x20 == b'c' => Self::Coverage,
            (21, b'm') => Self::Deadline,
            _ => return None,
        };
        // All are letters, digits and hyphens, and no token has what only differs from these by case.
        let wrong = text.iter().zip(name.as_str().as_bytes());
        let wrong = wrong.fold(0, |wrong, (found, wanted)| wrong | ((found | 0x20) ^ wanted));
        (wrong == 0).then_some(name)
    }

    /// The name in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::ContentLength => "content-length",
            Self::Coverage => labels::COVERAGE,
            Self::Date => "date",
            Self::Deadline => labels::DEADLINE,
            Self::Expect => "expect",
            Self::Host => "host",
            Self::Http2Settings => "http2-settings",
            Self::KeepAlive => "keep-alive",
            Self::ProxyAuthenticate => "proxy-authenticate",
            Self::ProxyAuthorization => "proxy-authorization",
            Self::ProxyConnection => "proxy-connection",
            Self::RequestId => labels::REQUEST_ID,
            Self::Shard => labels::SHARD,
            Self::Shards => labels::SHARDS,
            Self::Te => "te",
            Self::Traceparent => "traceparent",
            Self::TransferEncoding => "transfer-encoding",
            Self::Upgrade => "upgrade",
        }
    }
}

/// Which of them there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known(u32);

impl Known {
    /// These.
    #[must_use]
    pub const fn of(names: &[Name]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < names.len() {
            bits |= 1 << names[at] as u32;
            at += 1;
        }
        Self(bits)
    }

    /// Whether `name` is one of them.
    #[must_use]
    pub const fn has(self, name: Name) -> bool {
        self.0 >> (name as u32) & 1 == 1
    }

    /// Whether one of `names` is one of them.
    #[must_use]
    pub const fn has_any(self, names: Self) -> bool {
        self.0 & names.0 != 0
    }
}

impl From<Name> for Known {
    fn from(name: Name) -> Self {
        Self(1 << name as u32)
    }
}

impl Extend<Name> for Known {
    fn extend<I: IntoIterator<Item = Name>>(&mut self, names: I) {
        names.into_iter().for_each(|name| self.0 |= Self::from(name).0);
    }
}

impl FromIterator<Name> for Known {
    fn from_iter<I: IntoIterator<Item = Name>>(names: I) -> Self {
        let mut known = Self::default();
        known.extend(names);
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_known_by_its_text_however_it_is_written() {
        // They are numbered without a gap; the last is the last of the enum.
        let names = [
            Name::Connection,
            Name::ContentLength,
            Name::Coverage,
            Name::Date,
            Name::Deadline,
            Name::Expect,
            Name::Host,
            Name::Http2Settings,
            Name::KeepAlive,
            Name::ProxyAuthenticate,
            Name::ProxyAuthorization,
            Name::ProxyConnection,
            Name::RequestId,
            Name::Shard,
            Name::Shards,
            Name::Te,
            Name::Traceparent,
            Name::TransferEncoding,
            Name::Upgrade,
        ];
        assert_eq!(names.len(), Name::Upgrade as usize + 1);
        for name in names {
            assert_eq!(Name::of(name.as_str().as_bytes()), Some(name));
            assert_eq!(Name::of(name.as_str().to_ascii_uppercase().as_bytes()), Some(name));
        }
        assert_eq!(Name::of(b"user-agent"), None);
    }
}
