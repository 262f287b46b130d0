//! May it go on? What came over a connection is received, or says why it cannot be.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use http::header::{COOKIE, HOST};
use http::uri::Authority;
use http::{HeaderValue, Method, Uri, Version};
use memchr::memchr2;

use super::forwarded;
use super::{Added, Body, Keep, Names, Peer, Rejected, Request, strip};
use crate::fields::{Fields, Name};
use crate::http1::{FIELDS_MOST, OnUpgrade, length_once};

/// A request as it came over a connection; nothing of it is believed before it is received.
#[derive(Debug)]
pub struct Arrived(Request);

impl Arrived {
    /// A request of these parts.
    #[must_use]
    pub fn new(method: Method, uri: Uri, version: Version, headers: Fields, body: Body) -> Self {
        Self(Request {
            method,
            uri,
            version,
            headers,
            added: Added::default(),
            body,
            client: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            host: Box::default(),
            held: None,
            until: None,
            keep: None,
            upgrade: None,
        })
    }

    /// Its answer is of use `until` then, on the gateway's clock: so leaves are told, and no later than its
    /// service allows.
    pub fn until(&mut self, until: Duration) {
        self.0.until = Some(until);
    }

    /// The client wants to speak something else after the answer, with `other`; the connection holds
    /// `keep`, for a tunnel that outlives it.
    pub fn upgrades(&mut self, other: OnUpgrade, keep: Keep) {
        (self.0.upgrade, self.0.keep) = (Some(other), Some(keep));
    }

    /// As far as it is known, for the log: what is not received is not to be trusted.
    #[must_use]
    pub fn as_it_came(&self) -> &Request {
        &self.0
    }

    /// Takes it in, as `peer` sent it.
    ///
    /// # Errors
    /// When it is not one that may go on; its method and target can still be written down.
    pub fn receive(&mut self, peer: &Peer) -> Result<&mut Request, Rejected> {
        let request = &mut self.0;
        if request.headers.len() > FIELDS_MOST {
            return Err(Rejected::TooManyFields(request.headers.len()));
        }
        if request.method == Method::CONNECT {
            return Err(Rejected::Connect);
        }
        root(&mut request.uri);
        check_path(&request.uri)?;
        if request.version == Version::HTTP_2 {
            join_cookies(&mut request.headers);
            length_once(&mut request.headers)
                .map_err(|why| Rejected::Framing(why.to_string().into()))?;
        }
        if request.version == Version::HTTP_10 {
            // It cannot ask to speak something else (RFC 9110 §7.8).
            request.headers.remove_known(Name::Upgrade);
        }
        request.host = host(request)?;
        if !strip(&mut request.headers)? {
            request.upgrade = None;
        }
        request.added.names = Names::find(&mut request.headers);
        (request.added.sender, request.client) = forwarded::sender(&mut request.headers, peer);
        Ok(request)
    }
}

/// The extensions are let go.
impl From<http::Request<Body>> for Arrived {
    fn from(request: http::Request<Body>) -> Self {
        let (head, body) = request.into_parts();
        Self::new(head.method, head.uri, head.version, Fields::from(&head.headers), body)
    }
}

/// HTTP/2 cuts cookies into crumbs; before HTTP/1.1 they must be one line again (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut Fields) {
    let crumbs: Vec<_> = headers.all("cookie").collect();
    if crumbs.len() > 1 {
        let joined = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]));
        headers.insert(COOKIE, joined.expect("made of header values"));
    }
}

/// `http://a?b` asks for `/?b` (RFC 9110 §4.2.3), and only so it may be passed on.
fn root(uri: &mut Uri) {
    let Some(bare) = uri.path_and_query().filter(|target| target.as_str().starts_with('?')) else {
        return;
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = bare.to_string().parse().ok();
    if let Ok(rooted) = Uri::from_parts(parts) {
        *uri = rooted;
    }
}

/// A target must be a path that does not climb: what it is compared with is not resolved either, and
/// a replica behind us might resolve it.
fn check_path(uri: &Uri) -> Result<(), Rejected> {
    let path = uri.path();
    if !path.starts_with('/') {
        return Err(Rejected::NoPath(path.into()));
    }
    let climbs = |segment: &str| {
        let dots = segment.replace("%2e", ".").replace("%2E", ".");
        dots == "." || dots == ".."
    };
    // Most paths have neither.
    let suspicious = memchr2(b'.', b'%', path.as_bytes()).is_some()
        && path.as_bytes().windows(2).any(|two| two[0] == b'/' && matches!(two[1], b'.' | b'%'));
    if suspicious && path.split('/').any(climbs) {
        return Err(Rejected::DotSegments);
    }
    Ok(())
}

/// The host asked for; for HTTP/2 also as the `Host` header, which HTTP/1.1 replicas want.
fn host(request: &mut Request) -> Result<Box<str>, Rejected> {
    let Request { uri, headers, version, .. } = request;
    let mut given = headers.known(Name::Host);
    let (first, more) = (given.next(), given.count());
    if more > 0 {
        return Err(Rejected::Hosts(more + 1));
    }
    if let Some(authority) = uri.authority() {
        // RFC 9112 §3.2.2 and RFC 9113 §8.3.1: the target's authority stands for the Host header.
        let host = authority.host().to_ascii_lowercase();
        let invalid = |_| Rejected::InvalidHost(authority.as_str().into());
        let bare = authority.as_str().rsplit('@').next().unwrap_or_default();
        headers.insert(HOST, HeaderValue::from_str(bare).map_err(invalid)?);
        return Ok(host.into());
    }
    match first {
        Some(value) => parse_host(value),
        None if *version == Version::HTTP_10 => Ok(Box::default()),
        None => Err(Rejected::Hosts(0)),
    }
}

/// The host of a name, or IPv4 address, with a port or without: what hosts usually are.
fn plain_host(text: &str) -> Option<&str> {
    let colon = text.bytes().position(|byte| byte == b':').unwrap_or(text.len());
    let (host, port) = text.split_at(colon);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let is_port = port.bytes().skip(1).all(|byte| byte.is_ascii_digit()) && port.len() <= 6;
    (!host.is_empty() && host.bytes().all(is_plain) && is_port).then_some(host)
}

/// `Example.com:8080` is `example.com`; `[::1]:80` is `[::1]`.
fn parse_host(value: &[u8]) -> Result<Box<str>, Rejected> {
    let invalid = || Rejected::InvalidHost(String::from_utf8_lossy(value).into());
    let text = std::str::from_utf8(value).ok().filter(|text| text.is_ascii());
    let text = text.ok_or_else(invalid)?;
    if let Some(plain) = plain_host(text) {
        return Ok(plain.to_ascii_lowercase().into());
    }
    let forbidden =
        |byte: u8| matches!(byte, b'/' | b'?' | b'#' | b'@' | b',' | b' ' | b'\t' | b'\\');
    if text.bytes().any(forbidden) {
        return Err(invalid());
    }
    if !text.is_empty() && Authority::try_from(text).is_err() {
        return Err(invalid());
    }
    let end_of_v6 = text.find(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match text[end_of_v6..].find(':') {
        Some(colon) => text.split_at(end_of_v6 + colon),
        None => (text, ""),
    };
    if !port.bytes().skip(1).all(|byte| byte.is_ascii_digit()) {
        return Err(invalid());
    }
    Ok(host.to_ascii_lowercase().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_host(given: &str, expected: Option<&str>) {
        assert_eq!(parse_host(given.as_bytes()).ok().as_deref(), expected, "{given}");
    }

    #[test]
    fn a_host_is_lower_case_and_has_no_port() {
        check_host("Example.COM:8080", Some("example.com"));
        check_host("example.com", Some("example.com"));
        check_host("[::1]:80", Some("[::1]"));
        check_host("[::1]", Some("[::1]"));
        check_host("", Some(""));
    }

    #[test]
    fn a_host_that_is_none_is_refused() {
        for given in ["a\"b", "a<b", "a%b", "a/b", "a b", "user@a", "a:8o", "a,b", "a:80:90"] {
            check_host(given, None);
        }
    }

    #[test]
    fn a_path_that_climbs_is_refused_however_it_is_written() {
        let refused = |path: &str| {
            let uri = Uri::builder().path_and_query(path).build().expect("a uri");
            check_path(&uri).is_err()
        };
        for path in ["/a/../b", "/..", "/a/.", "/%2e%2e/b", "/a/.%2E/b", "/%2E"] {
            assert!(refused(path), "{path}");
        }
        for path in ["/", "/a..b/c", "/...", "/.well-known/x", "/a%2Fb", "/a//b"] {
            assert!(!refused(path), "{path}");
        }
    }
}
