//! What carries a request to a replica? The network; or, in a test or an embedding program, whatever
//! implements [`Carrier`].

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::HOST;
use http::{HeaderValue, Method, Uri};
use tower::{Service, ServiceExt};

use crate::fields::Fields;
use crate::model::Answer;
use crate::request::{Added, Body, BodyError, Rejected};
use crate::send::{DEADLINE, LeafBody, SHARD, SHARDS};
use crate::snapshot::{Replica, Snapshot};
use crate::words::Protocol;

/// Carries requests to replicas. Cheap to clone; a clone carries to the same replicas.
pub trait Carrier: Clone + Send + Sync + 'static {
    /// Sends `letter` to `replica`, and takes its body; gives its answer as soon as the head is there.
    ///
    /// # Errors
    /// When it does not answer; the failure says whether the request reached it.
    fn carry(
        &self,
        replica: &Arc<Replica>,
        letter: &mut Letter<'_>,
    ) -> impl Future<Output = Result<Answer<LeafBody>, Failure>> + Send;

    /// Lets go of what leads to replicas that `snapshot` does not have; called from time to time.
    fn sweep(&self, snapshot: &Snapshot) {
        _ = snapshot;
    }
}

/// Any tower service can stand for the replicas.
#[derive(Debug, Clone)]
pub struct Tower<S>(pub S);

impl<S> Carrier for Tower<S>
where
    S: Service<(Arc<Replica>, http::Request<Body>), Response = http::Response<LeafBody>>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Error: Into<Failure>,
    S::Future: Send,
{
    async fn carry(
        &self,
        replica: &Arc<Replica>,
        letter: &mut Letter<'_>,
    ) -> Result<Answer<LeafBody>, Failure> {
        let service = self.0.clone();
        let request = letter.take_request(replica);
        let answered = service.oneshot((Arc::clone(replica), request)).await;
        answered.map(Answer::from).map_err(Into::into)
    }
}

/// A request on its way to one replica: what all leaves are told, and what this one is told besides.
#[derive(Debug)]
pub struct Letter<'r> {
    pub(super) method: &'r Method,
    pub(super) uri: &'r Uri,
    pub(super) headers: &'r Fields,
    pub(super) added: &'r Added,
    /// HTTP/1.0 needs no host; what goes on does.
    pub(super) hostless: bool,
    /// How long the answer is of use.
    pub(super) left: Duration,
    /// As which shard it is asked, of how many.
    pub(super) shard: Option<(&'r HeaderValue, &'r HeaderValue)>,
    pub(super) body: Body,
}

impl Letter<'_> {
    /// The request as `replica` gets it, for carriers that want it in one piece; its body is taken.
    #[must_use]
    pub fn take_request(&mut self, replica: &Replica) -> http::Request<Body> {
        let target = self.target(replica);
        let mut request = http::Request::new(std::mem::take(&mut self.body));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = target;
        let headers = request.headers_mut();
        *headers = self.headers.into();
        if self.hostless {
            headers.insert(HOST, replica.host());
        }
        self.added.each(self.headers, |name, value| {
            let value = HeaderValue::from_bytes(value).expect("it was one");
            headers.insert(name, value);
        });
        headers.insert(DEADLINE, milliseconds(self.left).into());
        if let Some((shard, shards)) = self.shard {
            headers.insert(SHARD, shard.clone());
            headers.insert(SHARDS, shards.clone());
        }
        request
    }

    /// HTTP/1.1 wants the path alone, HTTP/2 the scheme and authority too.
    fn target(&self, replica: &Replica) -> Uri {
        let path = self.uri.path_and_query().cloned();
        match (replica.protocol, path) {
            (Protocol::Http1 | Protocol::Https, Some(path)) => Uri::from(path),
            (Protocol::Http1 | Protocol::Https, None) => Uri::from_static("/"),
            (Protocol::H2c, path) => {
                let host = self.headers.text(HOST);
                let uri = Uri::builder().scheme("http");
                let uri = match host.filter(|host| !host.is_empty()) {
                    Some(host) => uri.authority(host),
                    None => uri.authority(replica.address.to_string()),
                };
                let path = path.unwrap_or_else(|| http::uri::PathAndQuery::from_static("/"));
                // A host that is no authority was refused at the door; an address always is one.
                uri.path_and_query(path).build().expect("an authority and a path")
            }
        }
    }
}

/// As a header says it.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Why a replica did not answer.
#[derive(Debug)]
pub struct Failure {
    fault: Fault,
    /// The request's body, untouched, where nothing of it was sent.
    unsent: Option<Body>,
}

/// What went wrong on the way to a replica.
#[derive(Debug)]
pub struct Fault {
    kind: Kind,
    cause: Box<dyn Error + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No connection could be made, or the one there was had ended.
    Connect,
    /// The replica refused the stream: it says that it did nothing.
    Refused,
    /// The connection broke after the request was sent, and before an answer came.
    Broken,
    /// Nothing was heard before the deadline.
    Late,
}

impl Kind {
    /// Whether the replica has certainly done nothing.
    pub(super) fn is_unsent(self) -> bool {
        matches!(self, Self::Connect | Self::Refused)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::Connect => "could not be connected to",
            Kind::Refused => "refused the request",
            Kind::Late => "did not answer in time",
            Kind::Broken => "broke the connection before it answered",
        };
        write!(f, "{what}: {}", self.cause)
    }
}

impl Failure {
    /// No connection; nothing was sent of the request, which has this `body`.
    pub fn connect(cause: impl Into<Box<dyn Error + Send + Sync>>, body: Body) -> Self {
        let fault = Fault { kind: Kind::Connect, cause: cause.into() };
        Self { fault, unsent: Some(body) }
    }

    /// The replica says that it did nothing.
    pub fn refused(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { fault: Fault { kind: Kind::Refused, cause: cause.into() }, unsent: None }
    }

    /// The connection broke; nobody knows what the replica did.
    pub fn broken(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { fault: Fault { kind: Kind::Broken, cause: cause.into() }, unsent: None }
    }

    /// Nothing was heard before the deadline.
    pub(super) fn late() -> Self {
        let cause = "the deadline has passed".into();
        Self { fault: Fault { kind: Kind::Late, cause }, unsent: None }
    }

    pub(super) fn is_late(&self) -> bool {
        self.fault.kind == Kind::Late
    }

    /// Whether the replica has certainly done nothing.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        self.fault.kind.is_unsent()
    }

    /// What the client's own body did wrong, where that is the cause.
    #[must_use]
    pub fn client(&self) -> Option<Rejected> {
        BodyError::among(&*self.fault.cause).map(Rejected::from)
    }

    pub(super) fn into_parts(self) -> (Kind, Fault, Option<Body>) {
        (self.fault.kind, self.fault, self.unsent)
    }
}
