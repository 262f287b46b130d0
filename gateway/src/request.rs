//! What arrived? A request that passed the door: within its limits, without the headers of the hop
//! that it came over, with an id, and with the client's address as far as it can be believed.

mod body;
mod forwarded;
mod hop;
mod id;

pub use self::body::{Body, BodyError, Cap, Inbound, causes};
pub use self::forwarded::{Peer, Sender, Trust};
pub use self::hop::{strip, strip_answer};
pub use self::id::{Id, Names};

use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::{
    ACCEPT_ENCODING, COOKIE, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use http::uri::Authority;
use http::{HeaderName, HeaderValue, Method, Uri, Version};
use http_body::Body as _;

use crate::fields::{Fields, Name};
use crate::http1::{FIELDS_MOST, OnUpgrade};
use crate::memory::{Full, Held, Memory};

/// A request as it came over a connection.
#[derive(Debug)]
pub struct Arrived {
    /// Its method.
    pub method: Method,
    /// Its target as it came.
    pub uri: Uri,
    /// The protocol it came over.
    pub version: Version,
    /// Its headers, all of them.
    pub headers: Fields,
    /// Its body, on its way.
    pub body: Body,
    /// The other end, where the client wants to speak something else after the answer.
    pub upgrade: Option<OnUpgrade>,
    /// What its connection holds, for a tunnel that outlives it.
    pub keep: Option<Keep>,
}

impl From<http::Request<Body>> for Arrived {
    fn from(request: http::Request<Body>) -> Self {
        let (head, body) = request.into_parts();
        Self {
            method: head.method,
            uri: head.uri,
            version: head.version,
            headers: Fields::from(&head.headers),
            body,
            upgrade: None,
            keep: None,
        }
    }
}

/// A request that may go on.
#[derive(Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its target as it came: path and query, and over HTTP/2 scheme and authority too.
    pub uri: Uri,
    /// Its headers, without hop-by-hop ones, and without what is not believed.
    pub headers: Fields,
    /// What leaves are told besides: what it is called, and who sent it.
    pub added: Added,
    /// Its body, not read yet unless a key or a scatter needed it.
    pub body: Body,
    /// Who sent it, seen through trusted proxies only.
    pub client: IpAddr,
    /// The host asked for, in lower case, without port.
    pub host: Box<str>,
    /// The memory that its body takes, where that was read.
    pub held: Option<Held>,
    /// What its connection holds, for a tunnel that outlives it.
    pub keep: Option<Keep>,
    /// The other end, where the client wants to speak something else after the answer.
    pub upgrade: Option<OnUpgrade>,
}

/// What a proxy says of a request. It is not among the headers, because to put it there costs more
/// than to say it.
#[derive(Debug, Clone, Default)]
pub struct Added {
    /// What it is called.
    pub names: Names,
    /// Who sent it.
    pub sender: Sender,
}

impl Added {
    /// Says each header of the request that has these `headers` of its own.
    pub fn each(&self, headers: &Fields, mut say: impl FnMut(&HeaderName, &[u8])) {
        self.names.each(&mut say);
        self.sender.each(headers, &mut say);
    }
}

/// Something that a connection holds, and lets go when all who share it have.
#[derive(Debug, Clone)]
pub struct Keep(#[expect(dead_code, reason = "it is held, not read")] Arc<dyn Any + Send + Sync>);

impl Keep {
    /// Keeps `held`.
    pub fn new<T: Any + Send + Sync>(held: Arc<T>) -> Self {
        Self(held)
    }
}

/// Why a request is refused before anything else is known of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Too many header fields.
    #[error("{0} header fields; at most {FIELDS_MOST} are allowed")]
    TooManyFields(usize),
    /// A head that is too long.
    #[error("{0}")]
    HeadTooLarge(Box<str>),
    /// HTTP/1.1 without a host, or with several.
    #[error("a request has exactly one Host header; this one has {0}")]
    Hosts(usize),
    /// A host that no host can be called.
    #[error("`{0}` is not a host")]
    InvalidHost(Box<str>),
    /// A target that is no path.
    #[error("the target `{0}` is not a path")]
    NoPath(Box<str>),
    /// A path that climbs.
    #[error("the path has a `..` or `.` segment; send it resolved")]
    DotSegments,
    /// `CONNECT`: this is not a tunnel.
    #[error("CONNECT is not served here")]
    Connect,
    /// A `Connection` header that names a header which must reach the other end.
    #[error("Connection may not name `{0}`")]
    Nominated(Box<str>),
    /// More body than the route allows.
    #[error("the body is larger than {0} bytes (max-body)")]
    TooLarge(u64),
    /// A message whose end is in doubt, or that two readers may read differently.
    #[error("malformed HTTP/1 message: {0}")]
    Framing(Box<str>),
    /// A body that must be held, when there is no room.
    #[error(transparent)]
    Full(#[from] Full),
    /// A body that did not come in time.
    #[error("the body did not come in time")]
    Slow,
    /// A body that broke off.
    #[error("the body broke off: {0}")]
    Broken(Box<str>),
}

impl Request {
    /// Takes `arrived` in, as `peer` sent it.
    ///
    /// # Errors
    /// When it is not one that may go on; it is left as it was, to be written down.
    pub fn receive(arrived: &mut Arrived, peer: &Peer) -> Result<Self, Rejected> {
        if arrived.headers.len() > FIELDS_MOST {
            return Err(Rejected::TooManyFields(arrived.headers.len()));
        }
        if arrived.method == Method::CONNECT {
            return Err(Rejected::Connect);
        }
        root(&mut arrived.uri);
        check_path(&arrived.uri)?;
        if arrived.version == Version::HTTP_2 {
            join_cookies(&mut arrived.headers);
        }
        if arrived.version == Version::HTTP_10 {
            // It cannot ask to speak something else (RFC 9110 §7.8).
            arrived.headers.remove(Name::Upgrade);
        }
        let host = host(arrived)?;
        let upgrades = strip(&mut arrived.headers)?;
        let upgrade = arrived.upgrade.take().filter(|_| upgrades);
        let method = std::mem::take(&mut arrived.method);
        let uri = std::mem::take(&mut arrived.uri);
        let mut headers = std::mem::take(&mut arrived.headers);
        let body = std::mem::take(&mut arrived.body);
        let keep = arrived.keep.take();
        let names = Names::find(&mut headers);
        let (sender, client) = forwarded::sender(&mut headers, peer);
        let added = Added { names, sender };
        Ok(Self { method, uri, headers, added, body, client, host, held: None, keep, upgrade })
    }

    /// The raw path, without query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// Caps the body at `most` bytes.
    ///
    /// # Errors
    /// When it says itself that it is larger.
    pub fn limit(&mut self, most: u64) -> Result<(), Rejected> {
        if self.body.is_empty() {
            return Ok(());
        }
        let declared = self.headers.text(Name::ContentLength);
        if declared.and_then(|value| value.parse::<u64>().ok()).is_some_and(|size| size > most) {
            return Err(Rejected::TooLarge(most));
        }
        self.body.limit(most);
        Ok(())
    }

    /// Reads the body whole, so that it can be looked into, and sent more than once.
    ///
    /// # Errors
    /// When it is over its cap, breaks off, or there is no room for it.
    pub async fn hold_body(&mut self, memory: &Memory) -> Result<(), Rejected> {
        let held = self.held.get_or_insert_with(|| memory.hold());
        self.body.hold(held).await.map_err(|error| Rejected::from(&error))
    }

    /// Whether the body is known to be at most `most` bytes.
    #[must_use]
    pub fn is_small(&self, most: u64) -> bool {
        self.body.size_hint().upper().is_some_and(|size| size <= most)
    }

    /// Asks for whole, plain answers, which can be merged: no parts of them, none that a cache has
    /// already, and none that are compressed.
    pub fn ask_for_whole(&mut self) {
        for name in [RANGE, IF_RANGE, IF_NONE_MATCH, IF_MODIFIED_SINCE] {
            self.headers.remove(name);
        }
        self.headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }

    /// Whether sending it twice does what sending it once does (RFC 9110 §9.2.2), or the client says
    /// that it does.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        let method = &self.method;
        let by_method = method.is_idempotent();
        by_method || self.headers.contains("idempotency-key")
    }
}

impl From<&BodyError> for Rejected {
    fn from(error: &BodyError) -> Self {
        match error {
            BodyError::TooLarge(most) => Self::TooLarge(*most),
            BodyError::Full(full) => Self::Full(*full),
            BodyError::Broken(cause) => Self::Broken(cause.to_string().into()),
        }
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
    let suspicious =
        path.as_bytes().windows(2).any(|two| two[0] == b'/' && matches!(two[1], b'.' | b'%'));
    if suspicious && path.split('/').any(climbs) {
        return Err(Rejected::DotSegments);
    }
    Ok(())
}

/// The host asked for; for HTTP/2 also as the `Host` header, which HTTP/1.1 replicas want.
fn host(arrived: &mut Arrived) -> Result<Box<str>, Rejected> {
    let Arrived { uri, headers, version, .. } = arrived;
    let mut given = headers.all("host");
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
