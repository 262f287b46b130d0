//! Who may still write? A resource that remembers the greatest term it has seen refuses all smaller ones: it
//! is the only thing that stops a holder which was paused, and a packet that was late.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Debug;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures::future::{BoxFuture, ready};
use http::{HeaderName, Request, Response, StatusCode, header};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Api, PostParams};
use kube::{Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tower::{Layer, Service};

use crate::term::Term;

/// The header that carries a token.
pub const HEADER: HeaderName = HeaderName::from_static("metaparticle-fence");
/// The annotation by which a Kubernetes object remembers the greatest one.
pub const ANNOTATION: &str = "metaparticle.io/fence";
/// How often an object is read again that others write at the same time.
const RACES_MOST: u32 = 16;

/// The door of a resource: holders [`enter`](Self::enter) it in the order of their terms. It remembers the
/// greatest term that was shown, and lets no smaller one in ever again. All clones are one.
///
/// It stands in this process alone, and forgets when the process ends: what outlives a process, or is written
/// by several, needs its fence beside the data, in the same transaction. Begin with the term that is kept
/// there ([`Fence::from`]), or use [`change`] for an object of Kubernetes.
#[derive(Debug, Clone, Default)]
pub struct Fence(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    /// Somebody went out.
    left: Notify,
}

#[derive(Debug, Default)]
struct Seen {
    greatest: Option<Term>,
    /// How many are inside, of each term.
    inside: BTreeMap<Term, usize>,
}

/// That somebody is inside: until this is dropped, no greater term comes in.
#[derive(Debug)]
#[must_use = "whoever drops this has gone out"]
pub struct Inside {
    fence: Fence,
    term: Term,
}

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

    /// Lets `term` in if none greater was seen, and remembers it. It waits until all smaller ones that are
    /// inside have gone out, and from now on none smaller comes in.
    ///
    /// Do what is guarded while you have what this gives, for between a look and a deed another holder could
    /// come; and have it no longer than you must, because the next holder waits for it. It needs no runtime:
    /// a thread may wait for it by `futures::executor::block_on`.
    ///
    /// # Errors
    /// When a greater one was seen, also while this waited.
    pub async fn enter(&self, term: &Term) -> Result<Inside, Stale> {
        loop {
            let left = self.0.left.notified();
            {
                let mut seen = self.seen();
                seen.show(term)?;
                if seen.inside.first_key_value().is_none_or(|(least, _)| least >= term) {
                    *seen.inside.entry(term.clone()).or_default() += 1;
                    return Ok(Inside { fence: self.clone(), term: term.clone() });
                }
            }
            left.await;
        }
    }

    /// The greatest term seen so far.
    #[must_use]
    pub fn greatest(&self) -> Option<Term> {
        self.seen().greatest.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<Term> for Fence {
    /// A fence that has seen this term: what was kept beside the data when its last process ended.
    fn from(term: Term) -> Self {
        let seen = Seen { greatest: Some(term), ..Seen::default() };
        Self(Arc::new(Shared { seen: Mutex::new(seen), left: Notify::new() }))
    }
}

impl Seen {
    fn show(&mut self, term: &Term) -> Result<(), Stale> {
        match &self.greatest {
            Some(current) if current > term => {
                Err(Stale { shown: term.clone(), current: current.clone() })
            }
            Some(current) if current == term => Ok(()),
            _ => {
                self.greatest = Some(term.clone());
                Ok(())
            }
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let mut seen = self.fence.seen();
        if let Entry::Occupied(mut inside) = seen.inside.entry(self.term.clone()) {
            *inside.get_mut() -= 1;
            if *inside.get() == 0 {
                inside.remove();
            }
        }
        drop(seen);
        self.fence.0.left.notify_waiters();
    }
}

/// A tower layer that lets requests pass whose token is not over.
///
/// It answers 428 to those without one, 400 to those whose is no token, and 409 to those that are late. The
/// first request of a new term waits until those of former terms have been answered, so a handler may wait as
/// it likes; put a limit to its time inside of this layer, because its successor waits for it.
///
/// It cannot know of what a handler leaves behind: of tasks that it spawns, of a body that is still being
/// made when the answer has begun, and of other processes that serve the same data. See [`Fence`].
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
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Send + 'static,
    R: From<String> + Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<R>, S::Error>>;

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
            Some(Ok(term)) => {
                // The one that was asked whether it is ready is the one to call.
                let next = self.inner.clone();
                let mut inner = mem::replace(&mut self.inner, next);
                let fence = self.fence.clone();
                return Box::pin(async move {
                    match fence.enter(&term).await {
                        Ok(_inside) => inner.call(request).await,
                        Err(stale) => {
                            Ok(refuse((StatusCode::CONFLICT, format!("{HEADER}: {stale}"))))
                        }
                    }
                });
            }
        };
        Box::pin(ready(Ok(refuse(refusal))))
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use futures::FutureExt as _;
    use futures::executor::block_on;
    use http::{HeaderValue, Request, Response};
    use tokio::sync::Notify;
    use tower::{Layer as _, ServiceExt as _, service_fn};

    use super::{Fence, HEADER, RefuseStale, Stale, Term};

    #[test]
    fn a_fence_lets_terms_in_that_are_not_over() {
        let fence = Fence::new();
        let enter = |term| block_on(fence.enter(&Term::from(term))).map(drop);
        assert_eq!((enter(7), enter(7), enter(10)), (Ok(()), Ok(()), Ok(())));
        let stale = Stale { shown: Term::from(9), current: Term::from(10) };
        assert_eq!(enter(9), Err(stale));
        assert_eq!(fence.greatest(), Some(Term::from(10)));
        let kept = Fence::from(Term::from(11));
        assert!(
            block_on(kept.enter(&Term::from(10))).is_err(),
            "what was kept beside the data counts"
        );
    }

    #[test]
    fn a_greater_term_waits_for_the_requests_of_smaller_ones_and_keeps_new_ones_out() {
        let (begun, ends) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (begins, end) = (Arc::clone(&begun), Arc::clone(&ends));
        let served = service_fn(move |_: Request<()>| {
            let end = Arc::clone(&end);
            begins.fetch_add(1, Relaxed);
            async move {
                end.notified().await;
                Ok::<_, Infallible>(Response::new("served".to_owned()))
            }
        });
        let layer = RefuseStale::new(Fence::new());
        let ask = |token: &'static str| {
            let mut request = Request::new(());
            request.headers_mut().insert(HEADER, HeaderValue::from_static(token));
            let answer = layer.layer(served.clone()).oneshot(request);
            Box::pin(async { answer.await.expect("never fails").status().as_u16() })
        };
        let (mut old, mut new, mut same) = (ask("9"), ask("10"), ask("10"));
        assert_eq!((&mut old).now_or_never(), None);
        assert_eq!((&mut new).now_or_never(), None);
        assert_eq!((&mut same).now_or_never(), None);
        assert_eq!(begun.load(Relaxed), 1, "the new term has not begun");
        assert_eq!(ask("9").now_or_never(), Some(409), "but the old one is over");
        ends.notify_one();
        assert_eq!((&mut old).now_or_never(), Some(200), "what passed is finished");
        assert_eq!((&mut new).now_or_never(), None);
        assert_eq!((&mut same).now_or_never(), None);
        assert_eq!(begun.load(Relaxed), 3, "all of the new term at once");
        drop((new, same));
        let mut last = ask("11");
        assert_eq!((&mut last).now_or_never(), None);
        assert_eq!(begun.load(Relaxed), 4, "who went away is not waited for");
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
