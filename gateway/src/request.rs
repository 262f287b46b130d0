//! What arrived? A request that passed the door: within its limits, without the headers of the hop
//! that it came over, with an id, and with the client's address as far as it can be believed.

mod body;
mod forwarded;
mod hop;
mod id;

pub use self::body::{Body, BodyError, Cap, Inbound, causes};
pub use self::forwarded::{Peer, Sender, Trust};
pub use self::hop::{strip, strip_answer};
pub use self::id::Names;

use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::{
    ACCEPT_ENCODING, CONTENT_LENGTH, COOKIE, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    RANGE, UPGRADE,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};
use http_body::Body as _;

use crate::http1::{FIELDS_MOST, OnUpgrade};
use crate::memory::{Full, Held, Memory};

/// A request that may go on.
#[derive(Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its target as it came: path and query, and over HTTP/2 scheme and authority too.
    pub uri: Uri,
    /// Its headers, without hop-by-hop ones, and without what is not believed.
    pub headers: HeaderMap,
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
    /// Says each header.
    pub fn each(&self, mut say: impl FnMut(&HeaderName, &[u8])) {
        self.names.each(&mut say);
        self.sender.each(&mut say);
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
    /// Takes `request` in, as `peer` sent it.
    ///
    /// # Errors
    /// When it is not one that may go on; it is left as it was, to be written down.
    pub fn receive(request: &mut http::Request<Body>, peer: &Peer) -> Result<Self, Rejected> {
        if request.headers().len() > FIELDS_MOST {
            return Err(Rejected::TooManyFields(request.headers().len()));
        }
        if request.method() == Method::CONNECT {
            return Err(Rejected::Connect);
        }
        root(request.uri_mut());
        check_path(request.uri())?;
        if request.version() == Version::HTTP_2 {
            join_cookies(request.headers_mut());
        }
        if request.version() == Version::HTTP_10 {
            // It cannot ask to speak something else (RFC 9110 §7.8).
            request.headers_mut().remove(UPGRADE);
        }
        let host = host(request)?;
        let upgrades = strip(request.headers_mut())?;
        let keep = request.extensions_mut().remove::<Keep>();
        let upgrade = request.extensions_mut().remove::<OnUpgrade>().filter(|_| upgrades);
        // Piece by piece: to take it whole moves more than is wanted.
        let (method, uri) =
            (std::mem::take(request.method_mut()), std::mem::take(request.uri_mut()));
        let mut headers = std::mem::take(request.headers_mut());
        let body = std::mem::take(request.body_mut());
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
        let declared = self.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
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
        by_method || self.headers.contains_key("idempotency-key")
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
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let joined = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])).expect("made of header values");
    headers.insert(COOKIE, joined);
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
fn host(request: &mut http::Request<Body>) -> Result<Box<str>, Rejected> {
    let mut given = request.headers().get_all(HOST).iter();
    let (first, more) = (given.next(), given.count());
    if more > 0 {
        return Err(Rejected::Hosts(more + 1));
    }
    if let Some(authority) = request.uri().authority() {
        // RFC 9112 §3.2.2 and RFC 9113 §8.3.1: the target's authority stands for the Host header.
        let host = authority.host().to_ascii_lowercase();
        let invalid = |_| Rejected::InvalidHost(authority.as_str().into());
        let bare = authority.as_str().rsplit('@').next().unwrap_or_default();
        let value = HeaderValue::from_str(bare).map_err(invalid)?;
        request.headers_mut().insert(HOST, value);
        return Ok(host.into());
    }
    match first {
        Some(value) => parse_host(value),
        None if request.version() == Version::HTTP_10 => Ok(Box::default()),
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
fn parse_host(value: &HeaderValue) -> Result<Box<str>, Rejected> {
    let invalid = || Rejected::InvalidHost(String::from_utf8_lossy(value.as_bytes()).into());
    let text = value.to_str().map_err(|_| invalid())?;
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
        let value = HeaderValue::from_str(given).expect("a header value");
        assert_eq!(parse_host(&value).ok().as_deref(), expected, "{given}");
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
