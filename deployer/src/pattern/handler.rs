//! What answers? A function: of an ask, of a [`Context`], of both, or of neither; or any tower service.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::StatusCode;
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout_at;
use tower::ServiceExt;

use crate::context::{Context, Seat, Trip};
use crate::wire::{self, Cause, Error, Request, Response, Result};

/// What answers requests at one replica.
pub(crate) type Answering = Arc<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>;
type Opening = dyn Fn(Arc<Seat>) -> Answering + Send + Sync;

/// Code that answers, in any replica of it: a replica opens its own state with it.
#[derive(Clone)]
pub struct Role(Arc<Opening>);

impl Role {
    /// What answers at this seat.
    pub(crate) fn open(&self, seat: Arc<Seat>) -> Answering {
        (self.0)(seat)
    }

    /// Code with a state, which `open` makes for each replica.
    fn new<S: Send + Sync + 'static>(
        open: impl Fn(usize) -> S + Send + Sync + 'static,
        answer: impl Fn(Request, Context<S>) -> BoxFuture<'static, Response> + Send + Sync + 'static,
    ) -> Self {
        let answer = Arc::new(answer);
        Self(Arc::new(move |seat| {
            let (state, answer) = (Arc::new(open(seat.index as usize)), Arc::clone(&answer));
            Arc::new(move |request| {
                let trip = Trip::of(&request);
                let deadline = trip.deadline();
                let context = Context::new(Arc::clone(&seat), Arc::clone(&state), trip);
                let answer = Arc::clone(&answer);
                let answering = wire::caught(async move { answer(request, context).await });
                async move {
                    let answered = match deadline {
                        None => answering.await,
                        // Whoever asked has turned away: what is not done by now need not be.
                        Some(deadline) => {
                            timeout_at(deadline, answering).await.unwrap_or_else(|_| {
                                Err(Error::new(StatusCode::GATEWAY_TIMEOUT, "no answer in time"))
                            })
                        }
                    };
                    answered.unwrap_or_else(|why| wire::refuse(&why))
                }
                .boxed()
            })
        }))
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Role")
    }
}

/// What can answer: `async` functions that give a [`Result`], of an ask (anything that serde reads), of a
/// [`Context`], of both, or of neither; [`http()`] services; and [`opened`] ones. `M` is the compiler's business.
pub trait Handler<M>: Send + Sync + 'static {
    /// What it is asked.
    type Ask: 'static;
    /// What it answers.
    type Answer: 'static;

    /// Its code, for any replica.
    fn role(self) -> Role;
}

impl<F, Fut, R> Handler<fn() -> R> for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R>> + Send + 'static,
    R: Serialize + 'static,
{
    type Ask = ();
    type Answer = R;

    fn role(self) -> Role {
        Role::new(|_| (), move |_, _: Context| self().map(wire::answer).boxed())
    }
}

impl<F, Fut, T, R> Handler<fn(T) -> R> for F
where
    F: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R>> + Send + 'static,
    T: DeserializeOwned + Send + 'static,
    R: Serialize + 'static,
{
    type Ask = T;
    type Answer = R;

    fn role(self) -> Role {
        let code = Arc::new(move |ask, _: Context| self(ask));
        Role::new(|_| (), move |request, context| asked(Arc::clone(&code), request, context))
    }
}

impl<F, Fut, S, R> Handler<(Context<S>, fn() -> R)> for F
where
    F: Fn(Context<S>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R>> + Send + 'static,
    S: Default + Send + Sync + 'static,
    R: Serialize + 'static,
{
    type Ask = ();
    type Answer = R;

    fn role(self) -> Role {
        Role::new(|_| S::default(), move |_, context| self(context).map(wire::answer).boxed())
    }
}

impl<F, Fut, S, T, R> Handler<(Context<S>, fn(T) -> R)> for F
where
    F: Fn(T, Context<S>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R>> + Send + 'static,
    S: Default + Send + Sync + 'static,
    T: DeserializeOwned + Send + 'static,
    R: Serialize + 'static,
{
    type Ask = T;
    type Answer = R;

    fn role(self) -> Role {
        opened(|_| S::default(), self).role()
    }
}

/// A handler whose replicas open their state with a function.
#[derive(Debug)]
pub struct Opened<O, F, S> {
    open: O,
    code: F,
    state: PhantomData<fn() -> S>,
}

/// A handler `code(ask, context)`, each replica of which begins with the state that `open(index)` makes:
/// for a state that has no default one, such as a file of the shard.
pub fn opened<O, F, S>(open: O, code: F) -> Opened<O, F, S>
where
    O: Fn(usize) -> S,
{
    Opened { open, code, state: PhantomData }
}

impl<O, F, Fut, S, T, R> Handler<fn(T, S) -> R> for Opened<O, F, S>
where
    O: Fn(usize) -> S + Send + Sync + 'static,
    F: Fn(T, Context<S>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R>> + Send + 'static,
    S: Send + Sync + 'static,
    T: DeserializeOwned + Send + 'static,
    R: Serialize + 'static,
{
    type Ask = T;
    type Answer = R;

    fn role(self) -> Role {
        let code = Arc::new(self.code);
        Role::new(self.open, move |request, context| asked(Arc::clone(&code), request, context))
    }
}

/// Reads the ask, and answers it.
fn asked<F, Fut, S, T, R>(
    code: Arc<F>,
    request: Request,
    context: Context<S>,
) -> BoxFuture<'static, Response>
where
    F: Fn(T, Context<S>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R>> + Send + 'static,
    S: Send + Sync + 'static,
    T: DeserializeOwned + Send + 'static,
    R: Serialize + 'static,
{
    async move {
        let ask = match wire::ask(request, context.body_most()).await {
            Ok(ask) => ask,
            Err(wrong) => return wire::refuse(&wrong),
        };
        wire::answer(code(ask, context).await)
    }
    .boxed()
}

/// What an [`http()`] service is asked and answers: messages, of which nothing is known.
#[derive(Debug)]
pub enum Raw {}

/// A tower service that answers.
#[derive(Debug)]
pub struct Http<S>(S);

/// Any tower service of HTTP (an axum router, a `tower::service_fn`) as a handler.
///
/// It is asked with the [`Context`] of its replica among the request's extensions.
pub fn http<S>(service: S) -> Http<S> {
    Http(service)
}

impl<S, B> Handler<fn(Raw) -> B> for Http<S>
where
    S: tower::Service<Request, Response = http::Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<Cause>,
    S::Future: Send,
    B: http_body::Body<Data = bytes::Bytes, Error: Into<Cause>> + Send + 'static,
{
    type Ask = Raw;
    type Answer = Raw;

    fn role(self) -> Role {
        Role::new(
            |_| (),
            move |mut request, context: Context| {
                request.extensions_mut().insert(context);
                let answered = self.0.clone().oneshot(request);
                answered
                    .map(|answered| match answered {
                        Ok(response) => {
                            response.map(|body| body.map_err(Into::into).boxed_unsync())
                        }
                        Err(why) => wire::refuse(&Error::from(Unanswered(why.into()))),
                    })
                    .boxed()
            },
        )
    }
}

/// A tower service gave an error in the place of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the service gave no answer")]
struct Unanswered(#[source] Cause);
