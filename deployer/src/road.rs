//! How does an ask find who answers it? Along the gateway's road: its services, rings, merges and deadlines,
//! embedded in every process that asks.
//!
//! So whoever asks decides: there is no hop between. A root pod and the local mode have the gateway's door as
//! well; [`Inside`] is the same road without a socket, for handlers that call other services.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderName, HeaderValue, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use metaparticle_gateway::fields::Fields;
use metaparticle_gateway::handle::Handle;
use metaparticle_gateway::log::Log;
use metaparticle_gateway::memory::Memory;
use metaparticle_gateway::model::{
    Answer, Code, Host, Path, Replica, ReplicaName, Route, Service, ServiceName, World,
};
use metaparticle_gateway::request::{Arrived, Body, Peer, Trust};
use metaparticle_gateway::send::{Carrier, Failure, LeafBody, Letter, Sender, Timers};
use metaparticle_gateway::snapshot::{self, Latest};
use metaparticle_gateway::tasks::{Clock, Tasks};
use metaparticle_gateway::words::Protocol;
use tokio::time::Instant;

use crate::context::{Caller, Until};
use crate::pattern::{self, App, Front, Keyed, Merged};
use crate::wire::{BUILD, Cause, Error, Result, TOOK};

/// Bytes of bodies that calls of one process hold at a time.
const MEMORY: u64 = 256 << 20;

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Who is outside: public services, at their paths.
    Outside,
    /// Handlers: all services, by name.
    Inside,
    /// Who was let in by another gateway already: this service, whatever the path.
    Root,
}

/// The services of `app` at their addresses, as far as those are known, and the routes of `door`.
pub(crate) fn world(
    app: &App,
    services: &[&pattern::Service],
    door: Door,
    address: impl Fn(&str) -> Option<SocketAddr>,
) -> World {
    let mut world = World::default();
    for service in services {
        let (policy, _) = service.policy();
        let policy = Arc::new(policy);
        let name = ServiceName::new(&service.name);
        let replicas = service.replicas().filter_map(|(_, replica)| {
            let name = ReplicaName::new(&replica);
            Some(Replica { name, address: address(&replica)?, shard: None, uid: None, ready: true })
        });
        let code = Code {
            key: match &service.key {
                Some(Keyed::Code(key)) => Some(key.clone()),
                _ => None,
            },
            merge: match &service.merge {
                Some(Merged::Code(merge)) => Some(merge.clone()),
                _ => None,
            },
        };
        let place = place(app, service, door);
        world.routes.extend(place.map(|(host, path)| Route {
            host,
            path,
            service: name.clone(),
            policy: Arc::clone(&policy),
            code,
        }));
        let (protocol, replicas) = (Protocol::default(), replicas.collect());
        let desired = Vec::new();
        let service =
            Service { name, policy, protocol, tls: None, unserved: None, replicas, desired };
        world.services.push(Arc::new(service));
    }
    world
}

/// Where `door` has `service`.
fn place(app: &App, service: &pattern::Service, door: Door) -> Option<(Host, Path)> {
    let root = || Path::Prefix("".into());
    match (door, &service.front) {
        (Door::Root, _) => Some((Host::Any, root())),
        (Door::Inside, _) => Some((Host::Exact(service.name.as_str().into()), root())),
        (Door::Outside, None) => None,
        (Door::Outside, Some(front @ Front { host, .. })) => {
            let path = app.path(service, front);
            let host = match host.as_deref() {
                None => Host::Any,
                Some(host) => match host.strip_prefix("*.") {
                    Some(rest) => Host::Wildcard(rest.into()),
                    None => Host::Exact(host.into()),
                },
            };
            Some((host, Path::Prefix(path.trim_end_matches('/').into())))
        }
    }
}

/// A carrier between parts of one program: it says how long each took, and goes elsewhere with what another
/// build does not know.
#[derive(Debug, Clone)]
pub(crate) struct Colleague<C>(pub(crate) C);

impl<C: Carrier> Carrier for Colleague<C> {
    async fn carry(
        &self,
        replica: &Arc<snapshot::Replica>,
        letter: &mut Letter<'_>,
    ) -> Result<Answer<LeafBody>, Failure> {
        let asked = Instant::now();
        let mut answer = self.0.carry(replica, letter).await?;
        if answer.status == StatusCode::MISDIRECTED_REQUEST
            && let Some(build) = answer.headers.text(BUILD)
        {
            let why = format!("it is build {build}, and has no such part of the program");
            return Err(Failure::refused(why));
        }
        let took = format!("{:.3}ms", asked.elapsed().as_secs_f64() * 1e3);
        answer.headers.insert(TOOK, HeaderValue::try_from(took).expect("digits"));
        Ok(answer)
    }

    fn sweep(&self, snapshot: &snapshot::Snapshot) {
        self.0.sweep(snapshot);
    }
}

/// The road inside a process.
#[derive(Debug)]
pub(crate) struct Inside<C> {
    handle: Handle<Colleague<C>>,
    peer: Peer,
}

impl<C: Carrier> Inside<C> {
    /// The road to what `latest` shows, by `carrier`.
    pub(crate) fn new(latest: Latest, carrier: C, clock: Clock) -> Self {
        let sender = Sender { carrier: Colleague(carrier), clock, timers: Timers::default() };
        let (memory, log, tasks) = (Memory::new(MEMORY), Log::new(false), Tasks::default());
        let handle = Handle { latest, sender, memory, log, tasks };
        let peer = Peer::new(SocketAddr::from(([127, 0, 0, 1], 0)), false, &Trust::default());
        Self { handle, peer }
    }

    /// Asks whoever `request`'s host and path lead to.
    pub(crate) async fn ask(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>> {
        let (head, body) = request.into_parts();
        let mut headers = Fields::from(&head.headers);
        if !body.is_empty() {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let body = if body.is_empty() { Body::Empty } else { Body::Whole(body) };
        let mut came = Arrived::new(head.method, head.uri, Version::HTTP_11, headers, body);
        if let Some(Until(until)) = head.extensions.get() {
            let left = until.saturating_duration_since(Instant::now());
            came.until(self.handle.sender.clock.now() + left);
        }
        let answer = Box::pin(self.handle.handle(&mut came, &self.peer, None, false)).await;
        let (head, body) = http::Response::from(answer).into_parts();
        let body = self.held(body).await.map_err(Broken)?;
        Ok(http::Response::from_parts(head, body))
    }

    /// Reads an answer whole, as far as there is memory for it.
    async fn held<B>(&self, body: B) -> Result<Bytes, Cause>
    where
        B: http_body::Body<Data = Bytes, Error: Into<Cause>>,
    {
        let mut body = pin!(body);
        let (mut whole, mut held) = (BytesMut::new(), self.handle.memory.hold());
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(Into::into)?.into_data() else { continue };
            held.grow(data.len())?;
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    }
}

/// An answer that broke off.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
struct Broken(#[source] Cause);

impl<C: Carrier + std::fmt::Debug> Caller for Inside<C> {
    fn call(
        &self,
        service: &str,
        mut request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>>> {
        let host = HeaderValue::try_from(service);
        async move {
            let wrong = |_| Error::bad_request("a service's name is in small letters");
            request.headers_mut().insert(HOST, host.map_err(wrong)?);
            if request.uri().path().is_empty() {
                *request.uri_mut() = Uri::from_static("/");
            }
            self.ask(request).await
        }
        .boxed()
    }
}

/// The name of the header that says which leaves an answer has.
pub(crate) const COVERAGE: HeaderName =
    HeaderName::from_static(metaparticle_gateway::words::labels::COVERAGE);
