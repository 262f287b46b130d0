//! What arrived? A request that passed the door: within its limits, without the headers of the hop
//! that it came over, with an id, and with the client's address as far as it can be believed.

mod arrived;
mod body;
mod causes;
mod forwarded;
mod hop;
mod id;

pub use self::arrived::Arrived;
pub use self::body::{Body, BodyError, Cap, Inbound};
pub use self::causes::{causes, in_full};
pub use self::forwarded::{Peer, Sender, Trust};
pub use self::hop::{strip, strip_answer, strip_part};
pub use self::id::{Id, Names};

use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE};
use http::{HeaderName, HeaderValue, Method, Uri, Version};
use http_body::Body as _;

use crate::fields::Fields;
use crate::http1::{FIELDS_MOST, OnUpgrade};
use crate::memory::{Full, Held, Memory};

/// A request that may go on.
#[derive(Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its target as it came: path and query, and over HTTP/2 scheme and authority too.
    pub uri: Uri,
    /// The protocol it came over.
    pub version: Version,
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
    /// When its answer is of no use any more, on the gateway's clock: an embedding program may know.
    pub until: Option<Duration>,
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
        let declared = self.headers.text("content-length");
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
