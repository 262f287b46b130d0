//! An API server in memory: lists, watches with versions, writes, refusals and outages, as a service
//! that a client is put before.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use http_body_util::{Full, StreamBody};
use hyper::body::Frame;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::merge;

type Key = (String, String, String);

/// The server; all clones are one.
#[derive(Clone, Default)]
pub(super) struct Server(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    written: Notify,
}

#[derive(Default)]
struct State {
    version: u64,
    objects: BTreeMap<Key, Value>,
    /// What happened: when, to which kind, as a line of a watch.
    past: Vec<(u64, String, Value)>,
    watchers: Vec<(String, UnboundedSender<Bytes>)>,
    /// Those that are never told anything again.
    lost: Vec<UnboundedSender<Bytes>>,
    refused: BTreeSet<String>,
    down: bool,
    /// Takes what is asked, and says nothing.
    silent: bool,
    /// What was asked, as `VERB PATH`.
    asked: Vec<String>,
}

impl Server {
    /// Creates or changes an object, and tells those who watch its kind.
    pub(super) fn set(&self, plural: &str, object: &Value) {
        self.happens(plural, object, false);
    }

    pub(super) fn delete(&self, plural: &str, object: &Value) {
        self.happens(plural, object, true);
    }

    /// The object as it is.
    pub(super) fn get(&self, plural: &str, name: &str) -> Option<Value> {
        let state = self.lock();
        let mut all = state.objects.iter();
        all.find(|((kind, _, one), _)| kind == plural && one == name).map(|(_, one)| one.clone())
    }

    pub(super) fn all(&self, plural: &str) -> Vec<Value> {
        let state = self.lock();
        let all = state.objects.iter().filter(|((kind, _, _), _)| kind == plural);
        all.map(|(_, object)| object.clone()).collect()
    }

    /// Refuses these from now on, each as `VERB PLURAL`.
    pub(super) fn refuse(&self, what: &[&str]) {
        self.lock().refused = what.iter().map(|what| (*what).to_owned()).collect();
    }

    /// Goes: watches break, nobody is answered.
    pub(super) fn go(&self) {
        let mut state = self.lock();
        state.down = true;
        state.watchers.clear();
    }

    /// Is there no more, and nobody is told: what is sent to it is lost, and watches say nothing.
    pub(super) fn fall_silent(&self) {
        let mut state = self.lock();
        state.silent = true;
        let lost = state.watchers.drain(..).map(|(_, watcher)| watcher).collect::<Vec<_>>();
        state.lost.extend(lost);
    }

    /// Comes back; what happened before is forgotten where `forgetful`.
    pub(super) fn come(&self, forgetful: bool) {
        let mut state = self.lock();
        (state.down, state.silent) = (false, false);
        if forgetful {
            state.past.clear();
            state.version += 1000;
        }
    }

    /// Waits until something was written that `found` finds.
    pub(super) async fn until<T>(&self, found: impl Fn(&Self) -> Option<T>) -> T {
        loop {
            let written = self.0.written.notified();
            if let Some(found) = found(self) {
                return found;
            }
            written.await;
        }
    }

    /// What was asked so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.lock().asked.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn happens(&self, plural: &str, object: &Value, gone: bool) {
        let mut state = self.lock();
        state.version += 1;
        let word = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
        let key = (plural.to_owned(), word("namespace"), word("name"));
        let mut object = object.clone();
        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
        let known = if gone {
            state.objects.remove(&key)
        } else {
            state.objects.insert(key, object.clone())
        };
        let kind = match (gone, known) {
            (true, _) => "DELETED",
            (false, Some(_)) => "MODIFIED",
            (false, None) => "ADDED",
        };
        let line = json!({ "type": kind, "object": object });
        let version = state.version;
        state.past.push((version, plural.to_owned(), line.clone()));
        let bytes = Bytes::from(format!("{line}\n"));
        state.watchers.retain(|(kind, watcher)| {
            kind != plural || watcher.unbounded_send(bytes.clone()).is_ok()
        });
        drop(state);
        self.0.written.notify_waiters();
    }

    async fn answer(self, request: Request<Body>) -> Result<Answer, tower::BoxError> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let query = head.uri.query().unwrap_or_default().to_owned();
        let body = body.collect().await?.to_bytes();
        if self.lock().silent {
            std::future::pending::<()>().await;
        }
        if self.lock().down {
            return Err("connection refused".into());
        }
        let parts: Vec<_> = path.trim_matches('/').split('/').collect();
        // After `api/V` or `apis/G/V`, and then `namespaces/NS`.
        let rest = &parts[if parts[0] == "api" { 2 } else { 3 }..];
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
            rest => ("", rest),
        };
        let plural = rest[0];
        let watches = query.contains("watch=true");
        let verb = match (&head.method, watches) {
            (&Method::GET, true) => "watch",
            (&Method::GET, false) if rest.len() == 1 => "list",
            (&Method::GET, false) => "get",
            (&Method::POST, _) => "create",
            _ => "patch",
        };
        self.lock().asked.push(format!("{verb} {path}"));
        if self.lock().refused.contains(&format!("{verb} {plural}")) {
            return Ok(status(StatusCode::FORBIDDEN, "Forbidden"));
        }
        let body = || serde_json::from_slice::<Value>(&body).unwrap_or_default();
        Ok(match (verb, rest) {
            ("watch", _) => self.watch(plural, &query),
            ("list", _) => self.list(plural, namespace),
            ("get", [_, name, ..]) => match self.get(plural, name) {
                Some(object) => whole(StatusCode::OK, &object),
                None => status(StatusCode::NOT_FOUND, "NotFound"),
            },
            ("create", _) => self.create(plural, &body()),
            (_, [_, name, ..]) => self.patch(plural, name, body()),
            _ => status(StatusCode::NOT_FOUND, "NotFound"),
        })
    }

    fn list(&self, plural: &str, namespace: &str) -> Answer {
        let state = self.lock();
        let all = state.objects.iter().filter(|((kind, space, _), _)| {
            kind == plural && (namespace.is_empty() || space == namespace)
        });
        let items: Vec<_> = all.map(|(_, object)| object.clone()).collect();
        let version = state.version.to_string();
        let list = json!({
            "apiVersion": "v1",
            "kind": "List",
            "metadata": { "resourceVersion": version },
            "items": items,
        });
        whole(StatusCode::OK, &list)
    }

    fn watch(&self, plural: &str, query: &str) -> Answer {
        let mut state = self.lock();
        let from = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion="));
        let from: u64 = from.and_then(|version| version.parse().ok()).unwrap_or_default();
        let (sender, lines) = unbounded();
        let forgotten = state.past.first().map_or(state.version, |(version, ..)| version - 1);
        if from < forgotten {
            let gone = json!({ "kind": "Status", "status": "Failure", "code": 410,
                "reason": "Expired", "message": "too old" });
            let line = json!({ "type": "ERROR", "object": gone });
            sender.unbounded_send(format!("{line}\n").into()).ok();
        } else {
            for (_, _, line) in
                state.past.iter().filter(|(version, kind, _)| *version > from && kind == plural)
            {
                sender.unbounded_send(format!("{line}\n").into()).ok();
            }
            state.watchers.push((plural.to_owned(), sender));
        }
        let frames = lines.map(|line| Ok::<_, Infallible>(Frame::data(line)));
        Response::new(StreamBody::new(frames).boxed_unsync())
    }

    fn create(&self, plural: &str, object: &Value) -> Answer {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if self.get(plural, name).is_some() {
            return status(StatusCode::CONFLICT, "AlreadyExists");
        }
        self.set(plural, object);
        whole(StatusCode::CREATED, object)
    }

    fn patch(&self, plural: &str, name: &str, patch: Value) -> Answer {
        let Some(mut object) = self.get(plural, name) else {
            return status(StatusCode::NOT_FOUND, "NotFound");
        };
        merge(&mut object, patch);
        self.set(plural, &object);
        whole(StatusCode::OK, &object)
    }
}

type Answer = Response<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>>;

fn whole(status: StatusCode, value: &Value) -> Answer {
    let mut answer = Response::new(Full::from(value.to_string()).boxed_unsync());
    *answer.status_mut() = status;
    answer
}

fn status(code: StatusCode, reason: &str) -> Answer {
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code.as_u16(), "reason": reason, "message": reason });
    whole(code, &status)
}

impl tower::Service<Request<Body>> for Server {
    type Response = Answer;
    type Error = tower::BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().answer(request))
    }
}
