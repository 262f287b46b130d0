//! What is asked over HTTP, and which status is the answer? The only room that knows them.
//!
//! The published clients understand 200 and 404 to a GET, 200 and 409 to a PUT, and nothing else: a trouble of
//! ours is never theirs.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{interval, sleep, timeout};

use crate::elector::ask::Answer;
use crate::elector::desk::Desk;
use crate::elector::pace::{Pace, Paced};
use crate::elector::page::Lock;
use crate::name::Identity;

/// The header by which clients of one pod tell themselves apart.
const CLIENT: &str = "metaparticle-client";
/// Connections of one listener at a time; more wait to be accepted.
const CONNECTIONS_MOST: usize = 256;
/// Besides, so many that only read events; more are told so.
const READERS_MOST: usize = 256;
/// A client that does not finish a request that it began in that time is not waited for.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);
/// A connection may rest so long between two requests: heartbeats come every ten seconds.
const REST_WITHIN: Duration = Duration::from_secs(75);
/// A head longer than this is refused.
const HEAD_MOST: usize = 64 << 10;
/// And a name longer than this, in JSON.
const NAME_MOST: usize = 4096;
/// No client sends a body that matters, but to create a lock by name.
const BODY_MOST: usize = 64 << 10;
/// A stream of events says so often that it is still there.
const ALIVE_EVERY: Duration = Duration::from_secs(15);
/// Between two attempts to accept, when the process has no more files to open.
const BREATH: Duration = Duration::from_millis(100);

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Answers whoever connects to `listener`, as `me`, for ever.
pub async fn serve(listener: TcpListener, desk: Desk, me: Identity) {
    let (room, readers) =
        (Arc::new(Semaphore::new(CONNECTIONS_MOST)), Arc::new(Semaphore::new(READERS_MOST)));
    let tasks = desk.house.world.tasks.clone();
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let place = Place::of(place, Arc::clone(&readers));
                tasks.spawn(connection(stream, Door { desk: desk.clone(), me: me.clone(), place }));
            }
            Err(_) => sleep(BREATH).await,
        }
    }
}

/// Where a client asks: whom, as whom, and from which place.
#[derive(Clone)]
struct Door {
    desk: Desk,
    me: Identity,
    place: Place,
}

/// Which place a connection takes: one of those for who asks, or of those for who only reads events.
#[derive(Clone)]
struct Place {
    taken: Arc<Mutex<OwnedSemaphorePermit>>,
    readers: Arc<Semaphore>,
}

impl Place {
    fn of(taken: OwnedSemaphorePermit, readers: Arc<Semaphore>) -> Self {
        Self { taken: Arc::new(Mutex::new(taken)), readers }
    }

    /// Goes over to those who only read events; whether there is room.
    fn reads_events(&self) -> bool {
        let place = Arc::clone(&self.readers).try_acquire_owned().ok();
        let is_there = place.is_some();
        if let Some(place) = place {
            *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = place;
        }
        is_there
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, door: Door) {
    let (tasks, pace) = (door.desk.house.world.tasks.clone(), Pace::default());
    let answers = service_fn(|request| {
        let (door, pace) = (door.clone(), pace.clone());
        async move {
            pace.asked();
            let answer = answer(&door, request).await;
            pace.rests();
            Ok::<_, Infallible>(answer)
        }
    });
    let stream = Paced { stream, pace: pace.clone() };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REST_WITHIN)
        .max_buf_size(HEAD_MOST)
        .serve_connection(TokioIo::new(stream), answers);
    let mut connection = pin!(connection);
    tokio::select! {
        // Done, or broken off by who asked: there is nobody left to tell.
        _ = connection.as_mut() => {}
        () = pace.until_slow(REQUEST_WITHIN) => {}
        () = tasks.stopped() => {
            connection.as_mut().graceful_shutdown();
            timeout(Duration::from_secs(1), connection).await.ok();
        }
    }
}

async fn answer(door: &Door, request: Request<Incoming>) -> Response<Body> {
    let desk = &door.desk;
    desk.house.counts.asked();
    let (head, body) = request.into_parts();
    let client = client(&head.headers, &head.uri);
    let path = head.uri.path();
    match (path, path.strip_prefix("/locks")) {
        ("/healthz", _) => plain(StatusCode::OK, "ok\n".to_owned()),
        ("/readyz", _) if desk.house.is_watching() => plain(StatusCode::OK, "ready\n".to_owned()),
        ("/readyz", _) => {
            plain(StatusCode::SERVICE_UNAVAILABLE, "no Lease was heard of yet\n".to_owned())
        }
        ("/metrics", _) => {
            plain(StatusCode::OK, desk.house.counts.page(desk.sizes(), desk.house.is_watching()))
        }
        (_, Some("" | "/")) => all(door, &head.method, body, client).await,
        (_, Some(name)) if name.len() > NAME_MOST => message(StatusCode::URI_TOO_LONG, TOO_LONG),
        (_, Some(name)) if name.starts_with('/') => {
            let called = percent_decode_str(&name[1..]).decode_utf8_lossy().into_owned();
            one(door, &head.method, &called, &head.uri, client).await
        }
        _ => message(StatusCode::NOT_FOUND, "Not found: locks are at /locks/NAME."),
    }
}

/// What is asked of all locks: a list, or one more.
async fn all(
    Door { desk, me, .. }: &Door,
    method: &Method,
    body: Incoming,
    client: Option<String>,
) -> Response<Body> {
    match *method {
        Method::GET | Method::HEAD => {
            let items = desk.list(me);
            page(
                StatusCode::OK,
                &json!({ "kind": "LockList", "apiVersion": "metaparticle.io/v1", "items": items }),
            )
        }
        Method::POST => match name_in(body).await {
            Ok(called) => locked(desk.put(me, &called, client, true).await),
            Err((status, why)) => message(status, why),
        },
        _ => not_allowed("GET, HEAD, POST"),
    }
}

/// What is asked of one lock.
async fn one(
    Door { desk, me, place }: &Door,
    method: &Method,
    called: &str,
    uri: &Uri,
    client: Option<String>,
) -> Response<Body> {
    match *method {
        Method::GET if is_asked(uri, "watch") => {
            match place.reads_events().then(|| desk.watch(me, called)).flatten() {
                Some(shown) => events(shown),
                None => message(StatusCode::SERVICE_UNAVAILABLE, CROWDED),
            }
        }
        Method::GET | Method::HEAD => locked(desk.get(me, called).await),
        Method::PUT => locked(desk.put(me, called, client, false).await),
        Method::POST => locked(desk.put(me, called, client, true).await),
        Method::DELETE => locked(desk.delete(me, called, client).await),
        _ => not_allowed("GET, HEAD, PUT, POST, DELETE"),
    }
}

fn locked(answer: Answer) -> Response<Body> {
    match answer {
        Answer::Held(lock) | Answer::Shown(lock) => page(StatusCode::OK, &lock),
        Answer::Busy(lock) => page(StatusCode::CONFLICT, &lock),
        Answer::Unknown => message(StatusCode::NOT_FOUND, "Not found."),
        Answer::GivenBack => {
            let mut response = Response::new(whole(String::new()));
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
    }
}

/// A stream of server-sent events: the lock, whenever it is another.
fn events(shown: tokio::sync::watch::Receiver<Option<Lock>>) -> Response<Body> {
    let beat = interval(ALIVE_EVERY);
    let told = stream::unfold((shown, beat, true), |(mut shown, mut beat, first)| async move {
        let mut told = ":\n\n".to_owned();
        if !first {
            tokio::select! {
                biased;
                changed = shown.changed() => changed.ok()?,
                _ = beat.tick() => return Some((told, (shown, beat, false))),
            }
        }
        if let Some(lock) = shown.borrow_and_update().as_ref() {
            told = serde_json::to_string(lock).map(|lock| format!("data: {lock}\n\n")).ok()?;
        }
        Some((told, (shown, beat, false)))
    });
    let frames = told.map(|told| Ok::<_, Infallible>(Frame::data(Bytes::from(told))));
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

const CROWDED: &str = "Too many watch here already: ask again, without `watch`.";
const TOO_LONG: &str = "A lock's name has at most 4096 bytes.";

#[derive(Deserialize)]
struct Posted {
    metadata: Named,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

async fn name_in(body: Incoming) -> Result<String, (StatusCode, &'static str)> {
    let whole = timeout(REQUEST_WITHIN, Limited::new(body, BODY_MOST).collect()).await;
    let late = |_| (StatusCode::REQUEST_TIMEOUT, "The body did not come in time.");
    let body = whole
        .map_err(late)?
        .map_err(|_| (StatusCode::PAYLOAD_TOO_LARGE, "The body is too long."))?;
    let posted = serde_json::from_slice::<Posted>(&body.to_bytes());
    let what = "Say which lock: {\"metadata\": {\"name\": \"NAME\"}}.";
    match posted {
        Ok(posted) if posted.metadata.name.len() > NAME_MOST => {
            Err((StatusCode::BAD_REQUEST, TOO_LONG))
        }
        Ok(posted) if !posted.metadata.name.is_empty() => Ok(posted.metadata.name),
        _ => Err((StatusCode::BAD_REQUEST, what)),
    }
}

/// Which of several clients it is, if it says so.
fn client(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let header =
        headers.get(CLIENT).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    header.or_else(|| {
        let pairs = uri.query()?.split('&');
        let said = pairs.filter_map(|pair| pair.strip_prefix("client=")).next()?;
        Some(percent_decode_str(said).decode_utf8_lossy().into_owned())
    })
}

fn is_asked(uri: &Uri, what: &str) -> bool {
    let says = |pair: &str| pair.split('=').next() == Some(what);
    uri.query().is_some_and(|query| query.split('&').any(says))
}

fn page(status: StatusCode, what: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_string(what).unwrap_or_else(|_| "{}".to_owned());
    typed(status, text, "application/json")
}

fn message(status: StatusCode, message: &str) -> Response<Body> {
    page(status, &json!({ "message": message }))
}

fn not_allowed(allowed: &'static str) -> Response<Body> {
    let mut response = message(StatusCode::METHOD_NOT_ALLOWED, &format!("Here one may {allowed}."));
    response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static(allowed));
    response
}

fn plain(status: StatusCode, text: String) -> Response<Body> {
    typed(status, text, "text/plain; version=0.0.4; charset=utf-8")
}

fn typed(status: StatusCode, text: String, kind: &'static str) -> Response<Body> {
    let mut response = Response::new(whole(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

fn whole(text: String) -> Body {
    Full::new(Bytes::from(text)).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::sync::Semaphore;
    use tokio::time::{Instant, sleep};

    use super::{Desk, Door, Identity, Place, connection};
    use crate::elector::House;
    use crate::sync::Sync;

    /// A client's end of a connection that holds so many bytes.
    async fn connect(buffer: usize) -> DuplexStream {
        let me = Identity::of("me").expect("somebody");
        let desk = Desk::open(House::new(&Sync::memory(), "test"), vec![me.clone()]);
        let (client, server) = duplex(buffer);
        let room = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&room).acquire_owned().await.expect("a place");
        let tasks = desk.house.world.tasks.clone();
        tasks.spawn(connection(server, Door { desk, me, place: Place::of(place, room) }));
        client
    }

    /// What is answered to one heartbeat; nothing, when nobody is there any more.
    async fn beat(client: &mut DuplexStream) -> Option<String> {
        client.write_all(b"PUT /locks/a HTTP/1.1\r\nhost: x\r\n\r\n").await.ok()?;
        let mut bytes = vec![0; 4096];
        let read = client.read(&mut bytes).await.ok().filter(|read| *read > 0)?;
        Some(String::from_utf8_lossy(&bytes[..read]).into_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_rests_between_heartbeats_but_not_for_ever() {
        let mut client = connect(4096).await;
        for seconds in [0, 10, 11, 60] {
            sleep(Duration::from_secs(seconds)).await;
            let answer = beat(&mut client).await.expect("it is still open");
            assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
        }
        sleep(Duration::from_secs(80)).await;
        assert_eq!(beat(&mut client).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_was_begun_must_come_in_time_also_the_second() {
        for before in 0..2 {
            let mut client = connect(4096).await;
            for _ in 0..before {
                beat(&mut client).await.expect("an answer");
            }
            client.write_all(b"PUT /loc").await.expect("it reads");
            let begun = Instant::now();
            client.read_to_end(&mut Vec::new()).await.ok();
            assert_eq!(begun.elapsed().as_secs(), 10, "after {before}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_reads_is_not_waited_for() {
        let mut client = connect(64).await;
        client.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it reads");
        sleep(Duration::from_secs(11)).await;
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.expect("it ended");
        assert_eq!(answer.len(), 64, "what was on its way, and no more");
    }
}
