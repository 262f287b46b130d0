//! How does a request reach one leaf? Over the pool, to the best replica first, and on to the next
//! where that is safe and the budget allows.
//!
//! A retry never goes back to the replica that failed. What may be sent twice: a request that did
//! not reach a replica; and one that is idempotent. Both, and hedges, are paid from one budget.

mod body;
mod breaker;
mod carry;
mod hedge;
mod pool;
mod timer;

pub use self::body::LeafBody;
pub use self::carry::{Carrier, Failure, Fault, Letter, Tower};
pub use self::pool::Network;
pub use self::timer::Timers;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use http::{HeaderName, Method, StatusCode, Uri};

use self::carry::Kind;
use crate::fields::{Fields, Name};
use crate::model::{Answer, ReplicaName, ShardName};
use crate::pick::Leaf;
use crate::request::{Added, Body, Rejected, Request};
use crate::snapshot::{Replica, Service, Shard};
use crate::tasks::Clock;
use crate::words::{Hedge, Policy, labels};

const SHARD: HeaderName = HeaderName::from_static(labels::SHARD);
const SHARDS: HeaderName = HeaderName::from_static(labels::SHARDS);
const DEADLINE: HeaderName = HeaderName::from_static(labels::DEADLINE);

/// How many replicas a request is offered to at the most when it reaches none.
const OFFERS_MOST: u32 = 6;

/// What is sent: the same to every leaf, but for what the leaf itself is told.
#[derive(Debug)]
pub struct Ask<'r> {
    method: &'r Method,
    uri: &'r Uri,
    headers: &'r Fields,
    added: &'r Added,
    service: &'r Service,
    /// What its route asks for.
    pub policy: &'r Policy,
    idempotent: bool,
    hostless: bool,
    /// When the answer is of no use any more, on the gateway's clock.
    pub deadline: Duration,
    /// The time, where it is known: nothing was waited for since.
    pub begun: Option<Duration>,
}

impl<'r> Ask<'r> {
    /// What `request` asks of `service` until `deadline`.
    #[must_use]
    pub fn new(
        request: &'r Request,
        service: &'r Service,
        policy: &'r Policy,
        deadline: Duration,
    ) -> Self {
        let Request { method, uri, headers, added, .. } = request;
        let idempotent = request.is_idempotent();
        let hostless = request.host.is_empty() && !headers.seen().has(Name::Host);
        Self {
            method,
            uri,
            headers,
            added,
            service,
            policy,
            idempotent,
            hostless,
            deadline,
            begun: None,
        }
    }

    /// The request as one replica gets it, asked as `shard` at `now`.
    fn letter(&self, shard: Option<&'r Shard>, body: Body, now: Duration) -> Letter<'r> {
        Letter {
            method: self.method,
            uri: self.uri,
            headers: self.headers,
            added: self.added,
            hostless: self.hostless,
            left: self.deadline.saturating_sub(now),
            shard: shard.map(|shard| (&shard.value, &self.service.shard_count)),
            body,
        }
    }
}

/// What a leaf answered.
#[derive(Debug)]
pub struct Reply {
    /// The answer, its body still on its way.
    pub answer: Answer<LeafBody>,
    /// Who answered.
    pub replica: Arc<Replica>,
    /// As which shard it was asked.
    pub shard: Option<ShardName>,
    /// How many replicas were asked, one after the other.
    pub attempts: u32,
}

/// Why no leaf answered.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// There was nobody to ask (any more).
    #[error("no replica of {0} could be asked")]
    Nobody(String),
    /// The last one that was asked failed.
    #[error("replica `{replica}`: {fault}")]
    Failed {
        /// Which.
        replica: ReplicaName,
        /// How.
        fault: Fault,
        /// How many were asked.
        attempts: u32,
    },
    /// It took too long.
    #[error("no answer in time")]
    TimedOut,
    /// The owner cannot be reached, and nobody may stand in for it.
    #[error("shard `{shard}` owns this key and cannot be reached")]
    OwnerAway {
        /// Who owns the key.
        shard: ShardName,
        /// The request's body, of which nothing was sent.
        body: Body,
    },
    /// The client's body is at fault.
    #[error(transparent)]
    Client(#[from] Rejected),
}

/// One worker's way to the replicas.
#[derive(Debug, Clone)]
pub struct Sender<C> {
    /// What carries a request to a replica.
    pub carrier: C,
    /// The time.
    pub clock: Clock,
    /// Who says that it is late.
    pub timers: Timers,
}

impl<C: Carrier> Sender<C> {
    /// Asks `leaf`, with `body`. Says in `hedged` when a second replica is asked besides.
    ///
    /// # Errors
    /// When nobody answered.
    pub async fn ask(
        &self,
        leaf: &mut Leaf<'_>,
        ask: &Ask<'_>,
        body: Body,
        hedged: &AtomicBool,
    ) -> Result<Reply, Unanswered> {
        ask.service.live.budget.earn();
        match ask.policy.hedge {
            Hedge::Off => self.walk(leaf, ask, body).await,
            hedge => Box::pin(hedge::race(self, leaf, ask, body, hedge, hedged)).await,
        }
    }

    /// Asks one replica after the other, until one answers or no other may be asked.
    async fn walk(
        &self,
        leaf: &mut Leaf<'_>,
        ask: &Ask<'_>,
        mut body: Body,
    ) -> Result<Reply, Unanswered> {
        let mut attempts = 0;
        let mut last = None;
        let mut begun = ask.begun;
        loop {
            // Told, where nothing was waited for: to ask for the time is not free.
            let now = begun.take().unwrap_or_else(|| self.clock.now());
            let Some(replica) = leaf.next(now, fastrand::u64(..)) else {
                return Err(exhausted(leaf, ask, last, body));
            };
            attempts += 1;
            let again = body.again();
            let mut letter = ask.letter(leaf.shard(), body, now);
            let failure = match self.once(replica, &mut letter, ask, now).await {
                Ok(answer) => return Ok(reply(answer, replica, leaf, attempts)),
                Err(failure) => failure,
            };
            if let Some(bad) = failure.client() {
                return Err(bad.into());
            }
            if failure.is_late() {
                return Err(Unanswered::TimedOut);
            }
            let (kind, fault, unsent) = failure.into_parts();
            let failed = Unanswered::Failed { replica: replica.name.clone(), fault, attempts };
            // Who has no body left to send does not pay for a retry.
            let Some(next) = unsent.or(again) else { return Err(failed) };
            // The other replicas of an owner are no retry: whoever has none is told that it is away.
            if kind.is_unsent() && leaf.is_sole() {
                if attempts >= OFFERS_MOST {
                    return Err(exhausted(leaf, ask, Some(failed), next));
                }
            } else if !self.may_retry(ask, kind, attempts) {
                return Err(failed);
            }
            body = next;
            last = Some(failed);
        }
    }

    /// Sends to one replica, and keeps account of it.
    async fn once(
        &self,
        replica: &Arc<Replica>,
        letter: &mut Letter<'_>,
        ask: &Ask<'_>,
        start: Duration,
    ) -> Result<Answer<LeafBody>, Failure> {
        let streams = letter.body.whole().is_none();
        let in_flight = replica.live.enter();
        let late = self.clock.instant(ask.deadline);
        let carrying = pin!(self.carrier.carry(replica, letter));
        let result = self.timers.within(late, carrying).await;
        let result = result.unwrap_or_else(|| Err(Failure::late()));
        let now = self.clock.now();
        match result {
            Ok(mut answer) => {
                replica.live.succeeded(now, now - start);
                let tunnel = answer.status == StatusCode::SWITCHING_PROTOCOLS;
                answer.body.count(in_flight, tunnel);
                Ok(answer)
            }
            Err(failure) => {
                // Silence counts against a replica that had the whole request, not against one that was
                // waiting for the client.
                let its_own = failure.client().is_none() && !(failure.is_late() && streams);
                if its_own && replica.live.failed(now, now - start) {
                    breaker::eject(ask.service, replica, now);
                }
                Err(failure)
            }
        }
    }

    /// Whether the request may be sent once more, and pays for it.
    fn may_retry(&self, ask: &Ask<'_>, kind: Kind, attempts: u32) -> bool {
        let retries = ask.policy.retries;
        let most = if kind.is_unsent() { OFFERS_MOST } else { retries + 1 };
        let safe = kind.is_unsent() || ask.idempotent;
        if retries == 0 || !safe || attempts >= most {
            return false;
        }
        let live = &ask.service.live;
        let paid = live.budget.spend(self.clock.now());
        if paid {
            live.retried()
        } else {
            live.over_budget()
        }
        paid
    }
}

fn reply(
    answer: Answer<LeafBody>,
    replica: &Arc<Replica>,
    leaf: &Leaf<'_>,
    attempts: u32,
) -> Reply {
    // What answered is told, not what was wished for: along the candidates another shard may have.
    let shard = leaf.shard().and_then(|_| replica.shard_name.clone());
    Reply { answer, replica: Arc::clone(replica), shard, attempts }
}

/// Nobody is left to ask.
fn exhausted(leaf: &Leaf<'_>, ask: &Ask<'_>, last: Option<Unanswered>, body: Body) -> Unanswered {
    match (leaf.shard(), last) {
        (Some(shard), _) if leaf.is_sole() => {
            Unanswered::OwnerAway { shard: shard.name.clone(), body }
        }
        (_, Some(failed)) => failed,
        (Some(shard), None) => Unanswered::Nobody(format!("shard `{}`", shard.name)),
        (None, None) => Unanswered::Nobody(format!("service `{}`", ask.service.name)),
    }
}
