//! Who may still write? A resource that remembers the greatest term it has seen refuses all smaller ones: it
//! is the only thing that stops a holder which was paused, and a packet that was late.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::future::{Either, Ready, ready};
use http::{HeaderName, Request, Response, StatusCode, header};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Api, PostParams};
use kube::{Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::{Layer, Service};

use crate::term::Term;

/// The header that carries a token.
pub const HEADER: HeaderName = HeaderName::from_static("metaparticle-fence");
/// The annotation by which a Kubernetes object remembers the greatest one.
pub const ANNOTATION: &str = "metaparticle.io/fence";
/// How often an object is read again that others write at the same time.
const RACES_MOST: u32 = 16;

/// The greatest term seen so far. All clones are one.
#[derive(Debug, Clone, Default)]
pub struct Fence(Arc<Mutex<Option<Term>>>);

/// A term that is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("term {shown} is over: term {current} has begun")]
pub struct Stale {
    /// What was shown.
    pub shown: Term,
    /// The greatest that was seen.
    pub current: Term,
}

impl Fence {
    /// One that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets `term` pass if none greater was seen, and remembers it.
    ///
    /// Do what is guarded within `act`: between a look and a deed another holder could come.
    ///
    /// # Errors
    /// When a greater one was seen; then nothing is done.
    pub fn admit<T>(&self, term: &Term, act: impl FnOnce() -> T) -> Result<T, Stale> {
        let mut greatest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*greatest {
            Some(current) if current > term => {
                return Err(Stale { shown: term.clone(), current: current.clone() });
            }
            Some(current) if current == term => {}
            _ => *greatest = Some(term.clone()),
        }
        Ok(act())
    }

    /// The greatest term seen so far.
    #[must_use]
    pub fn greatest(&self) -> Option<Term> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A tower layer that lets requests pass whose token is not over.
///
/// It answers 428 to those without one, 400 to those whose is no token, and 409 to those that are late.
#[derive(Debug, Clone)]
pub struct RefuseStale(Fence);

impl RefuseStale {
    /// Guards by `fence`.
    #[must_use]
    pub fn new(fence: Fence) -> Self {
        Self(fence)
    }
}

impl<S> Layer<S> for RefuseStale {
    type Service = Fenced<S>;

    fn layer(&self, inner: S) -> Fenced<S> {
        Fenced { fence: self.0.clone(), inner }
    }
}

/// A service that requests reach whose token is not over.
#[derive(Debug, Clone)]
pub struct Fenced<S> {
    fence: Fence,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Fenced<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<R>, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let refusal = match request.headers().get(&HEADER).map(Term::try_from) {
            None => (
                StatusCode::PRECONDITION_REQUIRED,
                format!("send the token of your lock in the header {HEADER}"),
            ),
            Some(Err(error)) => (StatusCode::BAD_REQUEST, format!("{HEADER}: {error}")),
            Some(Ok(term)) => match self.fence.admit(&term, || self.inner.call(request)) {
                Ok(future) => return Either::Left(future),
                Err(stale) => (StatusCode::CONFLICT, format!("{HEADER}: {stale}")),
            },
        };
        Either::Right(ready(Ok(refuse(refusal))))
    }
}

fn refuse<R: From<String>>((status, why): (StatusCode, String)) -> Response<R> {
    let title = status.canonical_reason().unwrap_or_default();
    let problem = serde_json::json!({ "status": status.as_u16(), "title": title, "detail": why });
    let mut response = Response::new(R::from(problem.to_string()));
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Why an object was not changed.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// Who asked is not the holder any more.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// What stands at the object is no term.
    #[error("the annotation {ANNOTATION} of `{name}` is no term: remove it")]
    Illegible {
        /// The object.
        name: String,
    },
    /// Others change it all the time.
    #[error("`{name}` was changed by others {RACES_MOST} times in a row: who writes it so often?")]
    Contended {
        /// The object.
        name: String,
    },
    /// The API server says no.
    #[error("the API server does not let `{name}` be changed")]
    Refused {
        /// The object.
        name: String,
        /// What it says.
        #[source]
        error: Box<kube::Error>,
    },
}

/// Changes a Kubernetes object as the holder of `term`, and leaves the term at it: a former holder is refused,
/// and a write that comes between is not lost.
///
/// # Errors
/// When a later holder was there before, or the API server will not have it.
pub async fn change<K>(
    api: &Api<K>,
    name: &str,
    term: &Term,
    mut change: impl FnMut(&mut K),
) -> Result<K, NotChanged>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned,
{
    let refused = |error| NotChanged::Refused { name: name.to_owned(), error: Box::new(error) };
    for _ in 0..RACES_MOST {
        let mut object = api.get(name).await.map_err(refused)?;
        if let Some(seen) = object.annotations().get(ANNOTATION) {
            let illegible = |_| NotChanged::Illegible { name: name.to_owned() };
            let current = seen.parse::<Term>().map_err(illegible)?;
            if current > *term {
                return Err(Stale { shown: term.clone(), current }.into());
            }
        }
        object.annotations_mut().insert(ANNOTATION.to_owned(), term.to_string());
        change(&mut object);
        match api.replace(name, &PostParams::default(), &object).await {
            Ok(object) => return Ok(object),
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(refused(error)),
        }
    }
    Err(NotChanged::Contended { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::executor::block_on;
    use http::{Request, Response};
    use tower::{Layer as _, ServiceExt as _, service_fn};

    use super::{Fence, HEADER, RefuseStale, Stale, Term};

    #[test]
    fn a_fence_lets_terms_pass_that_are_not_over() {
        let fence = Fence::new();
        assert_eq!(fence.admit(&Term::from(7), || "written"), Ok("written"));
        assert_eq!(fence.admit(&Term::from(7), || "again"), Ok("again"));
        assert_eq!(fence.admit(&Term::from(10), || ()), Ok(()));
        let stale = Stale { shown: Term::from(9), current: Term::from(10) };
        assert_eq!(fence.admit(&Term::from(9), || unreachable!("it is over")), Err::<(), _>(stale));
        assert_eq!(fence.greatest(), Some(Term::from(10)));
    }

    #[test]
    fn a_fenced_service_answers_for_itself_what_is_late() {
        let served = service_fn(|_: Request<()>| async {
            Ok::<_, Infallible>(Response::new("served".to_owned()))
        });
        let layer = RefuseStale::new(Fence::new());
        let ask = |token: Option<&str>| {
            let mut request = Request::new(());
            if let Some(token) = token {
                request.headers_mut().insert(HEADER, token.parse().expect("a value"));
            }
            let answer = block_on(layer.layer(served).oneshot(request)).expect("never fails");
            (answer.status().as_u16(), answer.into_body())
        };
        assert_eq!(ask(Some("9")), (200, "served".to_owned()));
        assert_eq!(ask(Some("10")).0, 200);
        let (late, told) = ask(Some("9"));
        assert!(late == 409 && told.contains("term 10 has begun"), "{late} {told}");
        assert_eq!(ask(Some("nine")).0, 400);
        assert_eq!(ask(None).0, 428);
    }
}
