//! The whole road of a request: from the door to the last word.

mod tunnel;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::header::CONTENT_TYPE;

use crate::gather::{self, Gathered};
use crate::key::{self, Key};
use crate::log::{Facts, Log, Record, Seen};
use crate::memory::{Held, Memory};
use crate::merge;
use crate::model::{Answer, Coverage};
use crate::pick::{self, Leaves};
use crate::request::{Arrived, Peer, Rejected, Request};
use crate::respond::{self, Body, Kept, Refusal};
use crate::route;
use crate::send::{Ask, Carrier, Sender, Unanswered};
use crate::snapshot::{Latest, Places, Route, Service};
use crate::tasks::Tasks;
use crate::words::{Merge, MissingKey, OwnerDown, Pattern};

/// An idempotent request's body up to this many bytes is held, so that it can be sent again
/// (linkerd's bound).
const REPLAY_MOST: u64 = 64 << 10;
/// Between two looks whether an owner has come back.
const OWNER_LOOK: Duration = Duration::from_millis(25);

/// When a request arrived, and the time, where it is known without asking.
#[derive(Debug, Clone, Copy)]
struct Times {
    arrived: Duration,
    begun: Option<Duration>,
}

/// One worker's road.
#[derive(Debug, Clone)]
pub struct Handle<C> {
    /// What there is.
    pub latest: Latest,
    /// The way to the replicas.
    pub sender: Sender<C>,
    /// What may be held.
    pub memory: Memory,
    /// Where it is written down.
    pub log: Log,
    /// Who waits for tunnels.
    pub tasks: Tasks,
}

impl<C: Carrier> Handle<C> {
    /// Answers the request that `came`, which `peer` sent; `fault` is what the door saw wrong with it.
    /// With `last` the connection ends. What it needs of the request is taken out of it.
    pub async fn handle(
        &self,
        came: &mut Arrived,
        peer: &Peer,
        fault: Option<Rejected>,
        last: bool,
    ) -> Answer<Body> {
        let arrived = self.sender.clock.now();
        let refusal = match fault.map_or_else(|| came.receive(peer), Err) {
            Ok(request) => return self.received(request, arrived, last).await,
            Err(why) => Refusal::from(why),
        };
        let came = came.as_it_came();
        let mut answer = refusal.respond(came.headers.get(CONTENT_TYPE), None);
        respond::fit(&mut answer, &came.method);
        let seen = || {
            let facts = Facts { refusal: Some(refusal.name()), ..Facts::default() };
            let (method, uri) = (came.method.clone(), came.uri.clone());
            Seen { method, uri, host: Box::default(), id: None, client: peer.address(), facts }
        };
        self.keep(&mut answer, arrived, None, seen, (None, None));
        respond::sign(&mut answer, None, came.version, refusal.closes() || last);
        answer
    }

    async fn received(&self, request: &mut Request, arrived: Duration, last: bool) -> Answer<Body> {
        let mut facts = Facts::default();
        let answer = self.answer(request, arrived, &mut facts).await;
        let id = request.added.names.id.clone();
        let (mut answer, mut places, close) = match answer {
            Ok((answer, places)) => (answer, Some(places), false),
            Err(refusal) => {
                facts.refusal = Some(refusal.name());
                let content_type = request.headers.get(CONTENT_TYPE);
                (refusal.respond(content_type, Some(&id)), None, refusal.closes())
            }
        };
        tunnel::open(&mut answer, request, &mut places, (&self.tasks, self.sender.clock));
        respond::fit(&mut answer, &request.method);
        let (service, held) = (facts.service.take(), request.held.take());
        let seen = || Seen {
            method: std::mem::take(&mut request.method),
            uri: std::mem::take(&mut request.uri),
            host: std::mem::take(&mut request.host),
            id: Some(id.clone()),
            client: request.client,
            facts,
        };
        self.keep(&mut answer, arrived, service, seen, (places, held));
        respond::sign(&mut answer, Some(&id), request.version, close || last);
        answer
    }

    /// The road, walked again while the request waits for its owner: only a new picture, or a new
    /// try, can bring the owner back.
    async fn answer(
        &self,
        request: &mut Request,
        arrived: Duration,
        facts: &mut Facts,
    ) -> Result<(Answer<Body>, Places), Refusal> {
        let mut begun = Some(arrived);
        loop {
            let snapshot = self.latest.load();
            let route = route::find(&snapshot, &request.host, request.path())?;
            facts.service = Some(Arc::clone(&route.service));
            let times = Times { arrived, begun: begun.take() };
            let away = match self.along(route, request, times, facts).await {
                Err(away) if away.is_owner_away() => away,
                answer => return answer,
            };
            let OwnerDown::Wait(wait) = route.policy.owner_down else { return Err(away) };
            let until = arrived + wait.min(route.policy.timeout);
            if self.sender.clock.now() + OWNER_LOOK > until {
                return Err(away);
            }
            if let Refusal::Send(Unanswered::OwnerAway { body, .. }) = away {
                request.body = body;
            }
            tokio::time::sleep(OWNER_LOOK).await;
        }
    }

    /// The road along `route`.
    async fn along(
        &self,
        route: &Route,
        request: &mut Request,
        mut times: Times,
        facts: &mut Facts,
    ) -> Result<(Answer<Body>, Places), Refusal> {
        if self.hold(request, route, times.arrived).await? {
            times.begun = None;
        }
        let key = key_of(route, request);
        let mut leaves = pick::leaves(route, key.as_ref())?;
        let places = enter(route, &leaves)?;
        if let (Leaves::All(_), false) = (&leaves, route.policy.merge == Merge::First) {
            request.ask_for_whole();
        }
        let answer = self.gather(request, route, &mut leaves, times, facts).await?;
        Ok((answer, places))
    }

    /// Caps the body, and reads it where it must be known before it is sent, or sent more than once.
    /// Says whether it did.
    async fn hold(
        &self,
        request: &mut Request,
        route: &Route,
        arrived: Duration,
    ) -> Result<bool, Rejected> {
        request.limit(route.policy.max_body)?;
        let policy = &route.policy;
        let sharded = policy.pattern == Pattern::Shard;
        let reads_body = match &route.code.key {
            Some(code) => code.reads_body(),
            None => policy.shard_key.reads_body(),
        };
        let looked_into = sharded && reads_body;
        let scattered = policy.pattern == Pattern::Scatter
            || (sharded && policy.missing_key == MissingKey::Scatter);
        let replayed =
            policy.retries > 0 && request.is_idempotent() && request.is_small(REPLAY_MOST);
        if request.body.whole().is_some() || !(looked_into || scattered || replayed) {
            return Ok(false);
        }
        let late = self.sender.clock.instant(arrived + policy.timeout);
        let held = tokio::time::timeout_at(late, request.hold_body(&self.memory));
        Box::pin(held).await.map_err(|_| Rejected::Slow)??;
        Ok(true)
    }

    /// Asks the leaves, and makes an answer of what they say.
    async fn gather(
        &self,
        request: &mut Request,
        route: &Route,
        leaves: &mut Leaves<'_>,
        times: Times,
        facts: &mut Facts,
    ) -> Result<Answer<Body>, Refusal> {
        let policy = &*route.policy;
        let timeout = match leaves {
            Leaves::One(_) => policy.timeout,
            Leaves::All(_) => policy.scatter_timeout,
        };
        let body = std::mem::take(&mut request.body);
        let deadline = times.arrived + timeout;
        let deadline = request.until.map_or(deadline, |until| until.min(deadline));
        let mut ask = Ask::new(request, &route.service, policy, deadline);
        ask.begun = times.begun;
        let gathered = gather::all(&self.sender, leaves, &ask, body, &self.memory).await?;
        match gathered {
            Gathered::One(reply) => {
                facts.replica = Some(Arc::clone(&reply.replica));
                facts.shard.clone_from(&reply.shard);
                facts.attempts = reply.attempts;
                Ok(respond::one(reply))
            }
            Gathered::Parts(parts, held) => {
                facts.coverage = Some(Coverage::of(&parts));
                let merged = match &route.code.merge {
                    _ if request.method == Method::HEAD => {
                        let least = gather::enough(policy, parts.len());
                        merge::heads(parts, least)?
                    }
                    None => merge::parts(&policy.merge, parts, policy.require)?,
                    Some(code) => merge::by_code(code, parts, policy.require)?,
                };
                facts.coverage = Some(merged.coverage);
                Ok(respond::merged(merged, held))
            }
            Gathered::Open(leaves) => {
                let coverage = respond::coverage(&leaves);
                facts.coverage = Some(coverage);
                if policy.merge == Merge::First {
                    return Ok(respond::first(leaves));
                }
                let least = policy.require.least(leaves.len());
                if coverage.ok < least {
                    let parts = leaves.into_iter().map(|leaf| leaf.part).collect();
                    return Err(merge::Unmerged::TooFew { parts, least }.into());
                }
                let late = self.sender.clock.instant(ask.deadline);
                Ok(respond::lines(leaves, least, late))
            }
        }
    }

    /// What the answer keeps until it is sent.
    fn keep(
        &self,
        answer: &mut Answer<Body>,
        arrived: Duration,
        service: Option<Arc<Service>>,
        seen: impl FnOnce() -> Seen,
        (places, held): (Option<Places>, Option<Held>),
    ) {
        let when = (arrived, answer.status.as_u16());
        let record = Record::open(&self.log, self.sender.clock, when, service, seen);
        let held = held.into_iter().collect();
        answer.body.keep(Kept { places, held, record });
    }
}

/// The key that `request` asks about, where `route` goes by one.
fn key_of<'r>(route: &Route, request: &'r Request) -> Option<Key<'r>> {
    match (route.policy.pattern, &route.code.key) {
        (Pattern::Shard, None) => key::extract(&route.policy.shard_key, request.into()),
        (Pattern::Shard, Some(code)) => {
            let body = request.body.whole().unwrap_or_default();
            code.find(&request.uri, &request.headers, body).map(Key::new)
        }
        (Pattern::Spread | Pattern::Scatter, _) => None,
    }
}

/// Places for as many leaves as there are: a scatter of N counts as N.
fn enter(route: &Route, leaves: &Leaves<'_>) -> Result<Places, Refusal> {
    let most = route.policy.max_concurrency;
    let count = u32::try_from(leaves.count()).unwrap_or(u32::MAX);
    route.service.live.enter(count, most).map_err(|in_flight| Refusal::Busy {
        service: route.service.name.clone(),
        in_flight,
        most,
    })
}
