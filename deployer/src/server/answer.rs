//! What is answered, and with which status?

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body_util::Full;
use metaparticle_gateway::request::in_full;
use serde_json::{Value, json};

use super::access::Denied;
use crate::cluster;
use crate::spec;

pub(super) type Answer = Response<Full<Bytes>>;

/// Why something else is answered than what was asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("there is no service `{0}`: GET /services lists those that there are")]
    NoService(String),
    #[error("there is nothing here: services are at /services/NAME")]
    NoPath,
    #[error("that cannot be done here: {0}")]
    NoMethod(&'static str),
    #[error("the spec is larger than 1 MiB, or did not come within half a minute")]
    Body,
    #[error(transparent)]
    Spec(#[from] spec::Fault),
    #[error("the spec asks for nothing that runs: {0}")]
    Nothing(String),
    #[error("{0}")]
    Cluster(#[from] cluster::Fault),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Denied(Denied::Token) => StatusCode::UNAUTHORIZED,
            Self::Denied(Denied::Host) => StatusCode::FORBIDDEN,
            Self::NoService(_) | Self::NoPath => StatusCode::NOT_FOUND,
            Self::NoMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Body => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Spec(spec::Fault::NotJson(_) | spec::Fault::Empty(_)) => StatusCode::BAD_REQUEST,
            Self::Spec(_) | Self::Nothing(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Cluster(fault) => match fault.exit_code() {
                3 => StatusCode::UNPROCESSABLE_ENTITY,
                4 => StatusCode::BAD_GATEWAY,
                5 => StatusCode::FORBIDDEN,
                124 => StatusCode::GATEWAY_TIMEOUT,
                _ => StatusCode::CONFLICT,
            },
        }
    }

    pub(super) fn answer(&self) -> Answer {
        let status = self.status();
        let mut body = json!({ "code": status.as_u16(), "message": in_full(self) });
        if let Self::Spec(spec::Fault::Mistakes(mistakes)) = self {
            let each = mistakes.all().iter().map(|mistake| {
                json!({ "place": mistake.place, "value": mistake.value, "allowed": mistake.allowed })
            });
            body["mistakes"] = each.collect();
        }
        let mut answer = json(status, &body);
        if status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}

pub(super) fn json(status: StatusCode, body: &Value) -> Answer {
    let mut answer = Response::new(Full::from(body.to_string() + "\n"));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

pub(super) fn text(lines: String) -> Answer {
    let mut answer = Response::new(Full::from(lines));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    answer
}

pub(super) fn nothing() -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}
