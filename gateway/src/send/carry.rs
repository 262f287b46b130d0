//! What carries a request to a replica? The network; or, in a test or an embedding program, whatever
//! implements [`Carrier`].

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tower::{Service, ServiceExt};

use crate::request::{Body, BodyError, Rejected};
use crate::send::LeafBody;
use crate::snapshot::{Replica, Snapshot};

/// Carries requests to replicas. Cheap to clone; a clone carries to the same replicas.
pub trait Carrier: Clone + Send + Sync + 'static {
    /// Sends `request` to `replica`; gives its answer as soon as the head is there.
    ///
    /// # Errors
    /// When it does not answer; the failure says whether the request reached it.
    fn carry(
        &self,
        replica: &Arc<Replica>,
        request: http::Request<Body>,
    ) -> impl Future<Output = Result<http::Response<LeafBody>, Failure>> + Send;

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
        request: http::Request<Body>,
    ) -> Result<http::Response<LeafBody>, Failure> {
        let service = self.0.clone();
        service.oneshot((Arc::clone(replica), request)).await.map_err(Into::into)
    }
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
    /// No connection; `request` was not sent.
    pub fn connect(
        cause: impl Into<Box<dyn Error + Send + Sync>>,
        request: http::Request<Body>,
    ) -> Self {
        let fault = Fault { kind: Kind::Connect, cause: cause.into() };
        Self { fault, unsent: Some(request.into_body()) }
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
