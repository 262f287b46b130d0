//! Which status does a refusal have, and what does it tell people?

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::merge::Unmerged;
use crate::model::{Answer, Coverage, Outcome, Part, ServiceName};
use crate::pick::NoLeaf;
use crate::request::{Id, Rejected};
use crate::respond::Body;
use crate::route::NotFound;
use crate::send::Unanswered;
use crate::words::labels;

/// Why a request gets no answer. One variant for each room that may refuse.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// What arrived is not right.
    #[error(transparent)]
    Request(#[from] Rejected),
    /// No rule is for it.
    #[error(transparent)]
    Route(#[from] NotFound),
    /// Nobody is there to answer it.
    #[error(transparent)]
    Pick(#[from] NoLeaf),
    /// The service has as much to do as it may.
    #[error(
        "service `{service}` has {in_flight} requests in flight; at most {most} are allowed (max-concurrency)"
    )]
    Busy {
        /// Which.
        service: ServiceName,
        /// How many it has.
        in_flight: u32,
        /// How many it may have.
        most: u32,
    },
    /// The leaf did not answer.
    #[error(transparent)]
    Send(#[from] Unanswered),
    /// The leaves' answers do not make one.
    #[error(transparent)]
    Merge(#[from] Unmerged),
}

impl Refusal {
    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Request(bad) | Self::Send(Unanswered::Client(bad)) => status_of_bad(bad),
            Self::Route(_) => StatusCode::NOT_FOUND,
            Self::Pick(NoLeaf::NoKey(_)) => StatusCode::BAD_REQUEST,
            // Whatever keeps anybody from being asked passes.
            Self::Pick(_) | Self::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Send(Unanswered::Nobody(_) | Unanswered::OwnerAway { .. }) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Send(Unanswered::Failed { .. }) => StatusCode::BAD_GATEWAY,
            Self::Send(Unanswered::TimedOut) => StatusCode::GATEWAY_TIMEOUT,
            Self::Merge(unmerged) => status_of_parts(unmerged.parts()),
        }
    }

    /// Whether it is for want of a key's owner, who may come back.
    #[must_use]
    pub fn is_owner_away(&self) -> bool {
        let picked = matches!(self, Self::Pick(NoLeaf::OwnerAway { .. }));
        picked || matches!(self, Self::Send(Unanswered::OwnerAway { .. }))
    }

    /// Its name, for programs: the last part of the problem's type.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Request(_) | Self::Send(Unanswered::Client(_)) => "bad-request",
            Self::Route(_) => "no-route",
            Self::Pick(NoLeaf::NoKey(_)) => "no-key",
            Self::Pick(NoLeaf::NoReplica(_)) | Self::Send(Unanswered::Nobody(_)) => "no-replica",
            Self::Pick(NoLeaf::OwnerAway { .. }) | Self::Send(Unanswered::OwnerAway { .. }) => {
                "owner-away"
            }
            Self::Pick(NoLeaf::Unserved(_)) => "unserved",
            Self::Busy { .. } => "busy",
            Self::Send(Unanswered::Failed { .. }) => "replica-failed",
            Self::Send(Unanswered::TimedOut) => "timed-out",
            Self::Merge(_) => "too-few-leaves",
        }
    }

    /// Whether what follows on the connection can no longer be believed.
    #[must_use]
    pub fn closes(&self) -> bool {
        let (Self::Request(bad) | Self::Send(Unanswered::Client(bad))) = self else { return false };
        !matches!(bad, Rejected::Full(_))
    }

    /// What the leaves said, where there were any.
    fn parts(&self) -> &[Part] {
        match self {
            Self::Merge(unmerged) => unmerged.parts(),
            _ => &[],
        }
    }

    /// The refusal as `application/problem+json` (RFC 9457), or as gRPC says it where that is the
    /// request's `content_type`.
    #[must_use]
    pub fn respond(&self, content_type: Option<&[u8]>, id: Option<&Id>) -> Answer<Body> {
        let status = self.status();
        if content_type.is_some_and(|kind| kind.starts_with(b"application/grpc")) {
            return self.respond_grpc(status);
        }
        let text = serde_json::to_vec_pretty(&self.problem(status, id)).unwrap_or_default();
        let mut answer = Answer::new(Body::segments(vec![text.into()], Vec::new()));
        answer.status = status;
        let headers = &mut answer.headers;
        headers.append(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.append(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.append(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if !self.parts().is_empty() {
            let coverage = Coverage::of(self.parts()).to_string();
            let coverage = HeaderValue::try_from(coverage).expect("digits and commas");
            headers.append(HeaderName::from_static(labels::COVERAGE), coverage);
        }
        answer
    }

    fn problem(&self, status: StatusCode, id: Option<&Id>) -> Value {
        let mut problem = json!({
            "type": format!("urn:metaparticle:problem:{}", self.name()),
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": self.to_string(),
        });
        if let Some(id) = id {
            problem["request-id"] = id.as_str().into();
        }
        if !self.parts().is_empty() {
            problem["leaves"] = self.parts().iter().map(leaf).collect();
        }
        problem
    }

    /// A gRPC client reads `grpc-status`, not the HTTP one (gRPC over HTTP/2, "Trailers-Only").
    fn respond_grpc(&self, status: StatusCode) -> Answer<Body> {
        let code = match status {
            StatusCode::GATEWAY_TIMEOUT => 4,
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => 8,
            StatusCode::NOT_FOUND => 12,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => 14,
            _ => 13,
        };
        let mut answer = Answer::new(Body::segments(Vec::new(), Vec::new()));
        let headers = &mut answer.headers;
        headers.append(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.append(HeaderName::from_static("grpc-status"), HeaderValue::from(code));
        let printable = |letter: char| if letter.is_ascii_graphic() { letter } else { ' ' };
        let message: String = self.to_string().chars().map(printable).collect();
        if let Ok(message) = HeaderValue::try_from(message.replace('%', "%25")) {
            headers.append(HeaderName::from_static("grpc-message"), message);
        }
        answer
    }
}

fn status_of_bad(bad: &Rejected) -> StatusCode {
    match bad {
        Rejected::TooManyFields(_) | Rejected::HeadTooLarge(_) => {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        }
        Rejected::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Rejected::Connect => StatusCode::NOT_IMPLEMENTED,
        Rejected::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
        Rejected::Slow => StatusCode::REQUEST_TIMEOUT,
        Rejected::Hosts(_)
        | Rejected::InvalidHost(_)
        | Rejected::NoPath(_)
        | Rejected::DotSegments
        | Rejected::Nominated(_)
        | Rejected::Framing(_)
        | Rejected::Broken(_) => StatusCode::BAD_REQUEST,
    }
}

/// Too few leaves answered: in time, or at all?
fn status_of_parts(parts: &[Part]) -> StatusCode {
    let coverage = Coverage::of(parts);
    if coverage.failed == 0 && coverage.timed_out > 0 {
        StatusCode::GATEWAY_TIMEOUT
    } else {
        StatusCode::BAD_GATEWAY
    }
}

/// What one leaf said.
fn leaf(part: &Part) -> Value {
    let shard = part.shard.as_str();
    match &part.outcome {
        Outcome::Answered(answer) => json!({"shard": shard, "status": answer.status.as_u16()}),
        Outcome::Refused(answer) => {
            let body: String = String::from_utf8_lossy(&answer.body).chars().take(200).collect();
            json!({"shard": shard, "status": answer.status.as_u16(), "body": body})
        }
        Outcome::Failed(why) => json!({"shard": shard, "error": &**why}),
        Outcome::TimedOut => json!({"shard": shard, "error": "timed out"}),
        Outcome::NotWaitedFor => json!({"shard": shard, "error": "not waited for"}),
    }
}
