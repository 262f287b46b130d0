//! Why is there no answer? A status, and what people are told; a cause is for the log alone.

use std::any::Any;
use std::fmt;

use http::StatusCode;
use metaparticle_gateway::request::in_full;

use crate::wire::Cause;

/// What a handler gives: `?` takes any error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a handler has no answer.
///
/// Any error becomes one with `?`, with status 500: who asked is told that it failed, and the log why. What
/// they should be told is said with a status:
///
/// ```
/// use metaparticle::prelude::*;
///
/// fn rows(table: &str) -> Result<u32> {
///     let rows = match table {
///         "users" => "42",
///         other => return Err(Error::not_found(format!("there is no table `{other}`"))),
///     };
///     Ok(rows.parse()?)
/// }
/// assert_eq!(rows("orders").unwrap_err().to_string(), "there is no table `orders`");
/// ```
#[must_use = "an error is given back, with `Err`"]
pub struct Error {
    status: StatusCode,
    told: Box<str>,
    cause: Option<Cause>,
}

impl Error {
    /// Who asked is told this, with this status.
    pub fn new(status: StatusCode, told: impl Into<String>) -> Self {
        Self { status, told: told.into().into(), cause: None }
    }

    /// 400: what is asked is not right.
    pub fn bad_request(told: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, told)
    }

    /// 404: what is asked for is not there.
    pub fn not_found(told: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, told)
    }

    /// 503: not now.
    pub fn unavailable(told: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, told)
    }

    /// The cause, for the log.
    pub fn because(self, cause: impl Into<Cause>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The status that another service answered, where that it did so is why there is no answer here.
    #[must_use]
    pub fn answered(&self) -> Option<StatusCode> {
        let cause = self.cause.as_deref()?.downcast_ref::<Refused>();
        cause.map(|refused| refused.status)
    }

    /// Code panicked with this.
    pub(crate) fn panicked(with: &(dyn Any + Send)) -> Self {
        let text = with.downcast_ref::<&str>().copied();
        let text = text.or_else(|| with.downcast_ref::<String>().map(String::as_str));
        Self::failed().because(format!("it panicked: {}", text.unwrap_or("with no text")))
    }

    /// Why is for the log alone.
    pub(crate) fn failed() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the service failed; its log says why")
    }

    /// Whether there is more to say than who asked is told.
    pub(crate) fn has_cause(&self) -> bool {
        self.cause.is_some()
    }

    /// What is told, and the causes, on one line.
    #[must_use]
    pub fn in_full(&self) -> String {
        match &self.cause {
            Some(cause) => format!("{}: {}", self.told, in_full(&**cause)),
            None => self.told.to_string(),
        }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self::failed().because(error)
    }
}

/// Another service answered something else than success.
#[derive(Debug, thiserror::Error)]
#[error("it said: {said}")]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) said: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

/// As a program that ends with it tells people.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_full())
    }
}
