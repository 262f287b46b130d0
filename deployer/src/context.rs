//! What does a handler know besides its ask? Who it is, how long its answer is of use, and what it may use:
//! other services, locks, scopes, settings, all by the names that its application declares.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::HeaderMap;
use metaparticle_sync::Sync as Locks;
use metaparticle_sync::holder::Held;
use metaparticle_sync::lock::Lock;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::scope::{Scope, Store};
use crate::wire::{DEADLINE, Error, HANDED_ON, Refused, Request, Result, question};

/// What a handler is told besides its ask; cheap to clone.
///
/// `S` is the state of this replica (of a shard: its own share), which all its requests see.
pub struct Context<S = ()> {
    seat: Arc<Seat>,
    state: Arc<S>,
    trip: Trip,
}

/// Who a replica is, and what it may use.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) service: Arc<str>,
    pub(crate) replica: Arc<str>,
    pub(crate) index: u32,
    pub(crate) count: u32,
    pub(crate) tools: Arc<Tools>,
    pub(crate) caller: Arc<dyn Caller>,
    pub(crate) chance: Mutex<fastrand::Rng>,
    body_most: u64,
}

/// What all replicas of a process may use.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) locks: Option<Locks>,
    pub(crate) scopes: Arc<dyn Store>,
    pub(crate) settings: Settings,
    pub(crate) declared: Declared,
}

/// The values of settings. Some are secrets: only their names are ever shown.
#[derive(Default)]
pub(crate) struct Settings(BTreeMap<(String, String), String>);

impl Settings {
    /// The setting `name` of `owner`: a service, a job or a leader.
    pub(crate) fn insert(&mut self, owner: &str, name: &str, value: String) {
        self.0.insert((owner.to_owned(), name.to_owned()), value);
    }

    fn of(&self, owner: &str, name: &str) -> Option<&str> {
        self.0.get(&(owner.to_owned(), name.to_owned())).map(String::as_str)
    }
}

impl Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Seat {
    /// The seat `index` of `count`, whose replica is called `replica`.
    pub(crate) fn new(
        service: &str,
        (index, replica): (u32, &str),
        count: u32,
        tools: Arc<Tools>,
        caller: Arc<dyn Caller>,
        chance: fastrand::Rng,
    ) -> Self {
        let (service, replica, chance) = (service.into(), replica.into(), Mutex::new(chance));
        Self { service, replica, index, count, tools, caller, chance, body_most: 0 }
    }

    /// The same, which is asked in at most so many bytes.
    pub(crate) fn asked_in(self, body_most: u64) -> Self {
        Self { body_most, ..self }
    }
}

/// The names that an application declares.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declared {
    pub(crate) services: BTreeSet<String>,
    pub(crate) locks: BTreeSet<String>,
    pub(crate) scopes: BTreeSet<String>,
}

/// The way to the other services.
pub(crate) trait Caller: Debug + Send + Sync + 'static {
    /// Asks `service`; gives its answer, whatever its status.
    fn call(
        &self,
        service: &str,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>>>;
}

/// What a request brings along, and hands on to those that follow from it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trip {
    deadline: Option<Instant>,
    headers: HeaderMap,
}

/// Until when the answer to a call is of use: an extension of its request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Until(pub(crate) Instant);

impl Trip {
    /// What `request` brings along.
    pub(crate) fn of(request: &Request) -> Self {
        let left = request.headers().get(&DEADLINE).and_then(|left| left.to_str().ok());
        let left = left.and_then(|left| left.parse().ok()).map(Duration::from_millis);
        let mut headers = HeaderMap::new();
        for name in HANDED_ON {
            if let Some(value) = request.headers().get(&name) {
                headers.insert(name, value.clone());
            }
        }
        Self { deadline: left.map(|left| Instant::now() + left), headers }
    }

    /// Until when an answer is of use.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

impl<S> Context<S> {
    pub(crate) fn new(seat: Arc<Seat>, state: Arc<S>, trip: Trip) -> Self {
        Self { seat, state, trip }
    }

    /// The state of this replica.
    #[must_use]
    pub fn state(&self) -> &S {
        &self.state
    }

    /// The service, job or leader that this is a part of.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.seat.service
    }

    /// What this replica is called: on Kubernetes as its pod.
    #[must_use]
    pub fn replica(&self) -> &str {
        &self.seat.replica
    }

    /// Which replica, shard, leaf, or part of a job this is, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.seat.index as usize
    }

    /// How many of them there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.seat.count as usize
    }

    /// How long the answer is of use; none where nobody said.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        self.trip.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Chance of its own: in a simulation it follows from the seed.
    #[must_use]
    pub fn chance(&self) -> fastrand::Rng {
        self.seat.chance.lock().unwrap_or_else(PoisonError::into_inner).fork()
    }

    /// How many bytes an ask may have.
    pub(crate) fn body_most(&self) -> u64 {
        self.seat.body_most
    }

    /// The value of a setting that this service, job or leader declares, by `env` or `secret`.
    ///
    /// # Errors
    /// When it does not.
    pub fn setting(&self, name: &str) -> Result<&str> {
        let owner = &*self.seat.service;
        self.seat.tools.settings.of(owner, name).ok_or_else(|| {
            let add = format!("`.env(\"{name}\", …)` or `.secret(\"{name}\", …)` to `{owner}`");
            undeclared("setting", name, &add)
        })
    }

    /// A lock that the application declares.
    ///
    /// # Errors
    /// When it does not.
    pub fn lock(&self, name: &str) -> Result<Lock> {
        let Tools { locks, declared, .. } = &*self.seat.tools;
        let known = declared.locks.contains(name);
        let locks = locks.as_ref().filter(|_| known);
        let locks = locks.ok_or_else(|| undeclared("lock", name, "`.lock(name)` to the app"))?;
        Ok(locks.lock(name))
    }

    /// Does `work` while it holds a lock that the application declares, and gives it back when that has ended.
    /// When the lock is lost, `work` is dropped just before others may have it.
    ///
    /// # Errors
    /// When the lock is not declared or cannot be had, was lost, or `work` fails.
    pub async fn locked<T, Fut>(&self, name: &str, work: impl FnOnce(Held) -> Fut) -> Result<T>
    where
        Fut: Future<Output = Result<T>>,
    {
        let held = self.lock(name)?.acquire().await?;
        let done = held.within(work(held.clone())).await;
        // That it was lost while the last word was spoken is no matter: work that ended in time has ended.
        held.release().await.ok();
        done?
    }

    /// A scope that the application declares: a value that all replicas share.
    ///
    /// # Errors
    /// When it does not.
    pub fn scope<T>(&self, name: &str) -> Result<Scope<T>>
    where
        T: Serialize + DeserializeOwned + Default,
    {
        let Tools { scopes, declared, .. } = &*self.seat.tools;
        if !declared.scopes.contains(name) {
            return Err(undeclared("scope", name, "`.scope(name)` to the app"));
        }
        Ok(Scope::new(name, Arc::clone(scopes)))
    }

    /// Asks another service of the application: along the same road as requests from outside, with the time
    /// that is left.
    ///
    /// # Errors
    /// When the application has no such service, or it does not answer, or not with what is expected. That it
    /// answered something else than success is status 502 here, and [`Error::answered`] says what it was.
    pub async fn call<A, R>(&self, service: &str, ask: &A) -> Result<R>
    where
        A: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        if !self.seat.tools.declared.services.contains(service) {
            return Err(undeclared("service", service, "`.service(name, …)` to the app"));
        }
        let mut request = question(ask)?;
        request.headers_mut().extend(self.trip.headers.clone());
        if let Some(deadline) = self.trip.deadline {
            request.extensions_mut().insert(Until(deadline));
        }
        let response = self.seat.caller.call(service, request).await?;
        if !response.status().is_success() {
            let (status, said) = (response.status(), String::from_utf8_lossy(response.body()));
            let told = format!("service `{service}` answered {status}");
            let refused = Refused { status, said: said.trim_end().to_owned() };
            return Err(Error::new(http::StatusCode::BAD_GATEWAY, told).because(refused));
        }
        Ok(serde_json::from_slice(response.body())?)
    }
}

fn undeclared(what: &str, name: &str, add: &str) -> Error {
    Error::failed().because(format!("{what} `{name}` is not declared: add {add}"))
}

/// The state is what a context stands for.
impl<S> Deref for Context<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.state
    }
}

impl<S> Clone for Context<S> {
    fn clone(&self) -> Self {
        let (seat, state) = (Arc::clone(&self.seat), Arc::clone(&self.state));
        Self { seat, state, trip: self.trip.clone() }
    }
}

impl<S> Debug for Context<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Context").field(&self.seat.replica).finish()
    }
}
