//! Who may ask?

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue};
use sha2::{Digest as _, Sha256};

/// How those are known who may ask.
#[derive(Clone)]
pub(super) enum Access {
    /// They are on this machine, and ask for it by its name.
    Loopback,
    /// They know this.
    Token(String),
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Loopback => "Loopback",
            Self::Token(_) => "Token(…)",
        })
    }
}

/// Why somebody may not ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denied {
    /// They say no token, or a wrong one.
    #[error("say `authorization: Bearer TOKEN`, with the token that the server was started with")]
    Token,
    /// They ask for another host: a browser that was led here by a name does.
    #[error(
        "ask for localhost or 127.0.0.1: without a token this server is for this machine alone"
    )]
    Host,
}

impl Access {
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), Denied> {
        match self {
            Self::Loopback => {
                let host = headers.get(HOST).and_then(|host| host.to_str().ok());
                let host = host.unwrap_or_default();
                let name = host.rsplit_once(':').map_or(host, |(name, port)| {
                    if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host }
                });
                let own = ["localhost", "127.0.0.1", "[::1]"];
                own.contains(&name).then_some(()).ok_or(Denied::Host)
            }
            Self::Token(token) => {
                let said = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
                let said = said.and_then(|said| said.split_at_checked("bearer ".len()));
                let said = said.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
                // Of hashes, so that the time it takes says nothing of the token.
                let same = |said: &[u8]| Sha256::digest(said) == Sha256::digest(token);
                said.is_some_and(|(_, said)| same(said)).then_some(()).ok_or(Denied::Token)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{Access, Denied};

    #[track_caller]
    fn check(access: &Access, header: (&'static str, &'static str), expected: Result<(), Denied>) {
        let header = (HeaderName::from_static(header.0), HeaderValue::from_static(header.1));
        assert_eq!(access.admit(&HeaderMap::from_iter([header.clone()])), expected, "{header:?}");
    }

    #[test]
    fn without_a_token_only_this_machine_is_asked_for_by_name() {
        for own in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]", "[::1]:80"] {
            check(&Access::Loopback, ("host", own), Ok(()));
        }
        for other in ["evil.example", "localhost.evil.example:80", "127.0.0.1.nip.io", "", "::1"] {
            check(&Access::Loopback, ("host", other), Err(Denied::Host));
        }
        assert_eq!(Access::Loopback.admit(&HeaderMap::new()), Err(Denied::Host));
    }

    #[test]
    fn with_a_token_everybody_says_it() {
        let access = Access::Token("0123456789abcdef".to_owned());
        check(&access, ("authorization", "Bearer 0123456789abcdef"), Ok(()));
        check(&access, ("authorization", "bearer 0123456789abcdef"), Ok(()));
        for wrong in
            ["", "Bearer ", "Bearer 0123456789abcde", "Basic 0123456789abcdef", "0123456789abcdef"]
        {
            check(&access, ("authorization", wrong), Err(Denied::Token));
        }
        check(&access, ("host", "localhost"), Err(Denied::Token));
        assert_eq!(format!("{access:?}"), "Token(…)");
    }
}
