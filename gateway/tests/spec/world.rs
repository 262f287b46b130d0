//! What is a test's world? The text of a file, replicas on a stage, and a gateway's road between.
//! No sockets; time passes only when it is waited for.
//!
//! Replicas are written in short: `a`, `a!` is not ready, `a=s` serves shard `s`, `a@7` listens at
//! port 7.

mod stage;
mod streamed;

pub(crate) use self::stage::{
    Asked, Part, Stage, Step, answers, breaks, never, refuses, refuses_stream, says, streams,
};

pub(crate) use self::streamed::streamed;

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;

use metaparticle_gateway::file;
use metaparticle_gateway::handle::Handle;
use metaparticle_gateway::log::Log;
use metaparticle_gateway::memory::Memory;
use metaparticle_gateway::model;
use metaparticle_gateway::request::{Body, Peer, Trust};
use metaparticle_gateway::respond;
use metaparticle_gateway::send::{Sender, Timers};
use metaparticle_gateway::snapshot::{Publisher, Service, channel};
use metaparticle_gateway::tasks::{Clock, Tasks};

/// A gateway with its replicas.
pub(crate) struct World {
    handle: Handle<Stage>,
    stage: Stage,
    publisher: Mutex<Publisher>,
}

/// A world with one service, `web`, to which all requests go: `words` as in a file, in braces.
pub(crate) fn world(words: &str, replicas: &str) -> World {
    let (publisher, latest) = channel();
    let stage = Stage::new();
    let (clock, timers) = (Clock::start(), Timers::default());
    let sender = Sender { carrier: stage.clone(), clock, timers };
    let (memory, log, tasks) = (Memory::new(1 << 30), Log::new(false), Tasks::default());
    let handle = Handle { latest, sender, memory, log, tasks };
    let world = World { handle, stage, publisher: Mutex::new(publisher) };
    world.publish(words, replicas);
    world
}

/// The text of a file with this service.
fn text(words: &str, replicas: &str) -> String {
    let replicas: Vec<_> = replicas.split_whitespace().map(replica).collect();
    let comma = if words.is_empty() { "" } else { "," };
    format!(
        "services: {{ web: {{ {words}{comma} replicas: [ {} ] }} }}\n\
         routes: [ {{ path: /, service: web }} ]\n",
        replicas.join(", ")
    )
}

fn replica(short: &str) -> String {
    let (short, ready) = short.strip_suffix('!').map_or((short, true), |short| (short, false));
    let (short, port) = short.split_once('@').unwrap_or((short, ""));
    let (name, shard) = short.split_once('=').unwrap_or((short, ""));
    let hash = name.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31) + u32::from(byte));
    let port = port.parse().unwrap_or(10_000 + hash % 50_000);
    let shard = if shard.is_empty() { String::new() } else { format!(", shard: {shard}") };
    format!("{{ name: {name}, address: \"127.0.0.1:{port}\", ready: {ready}{shard} }}")
}

/// Lets `millis` pass.
pub(crate) async fn wait(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

impl World {
    /// A gateway that may hold `most` bytes of bodies.
    pub(crate) fn memory(mut self, most: u64) -> Self {
        self.handle.memory = Memory::new(most);
        self
    }

    /// `names` play `part` from the beginning.
    pub(crate) fn replica(self, names: &str, part: Part) -> Self {
        self.recast(names, part);
        self
    }

    /// `names` play `part` from now on.
    pub(crate) fn recast(&self, names: &str, part: Part) {
        for name in names.split_whitespace() {
            self.stage.cast(name, part.clone());
        }
    }

    /// From now on the file says this.
    pub(crate) fn publish(&self, words: &str, replicas: &str) {
        let world = file::read(&text(words, replicas)).expect("a right file");
        self.publisher.lock().expect("no panic").publish(&world);
    }

    pub(crate) fn get(&self, path: &str) -> Ask<'_> {
        self.ask(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Ask<'_> {
        self.ask(Method::POST, path)
    }

    pub(crate) fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        let request = Request::builder().method(method).uri(path).header("host", "web.example");
        Ask { world: self, request, body: Body::Empty, from: "192.0.2.7:4711" }
    }

    /// `count` times `GET path` at once.
    pub(crate) async fn burst(&self, count: usize, path: &str) -> Vec<Answer> {
        join_all((0..count).map(|_| self.get(path).into_future())).await
    }

    /// All that the replicas were asked.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.stage.asked()
    }

    /// Who was asked, in order: `a b a`.
    pub(crate) fn who(&self) -> String {
        let names: Vec<_> = self.asked().into_iter().map(|asked| asked.replica).collect();
        names.join(" ")
    }

    /// How often `name` was asked.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.asked().iter().filter(|asked| asked.replica == name).count()
    }

    /// Who was asked and not waited for, by name.
    pub(crate) fn cancelled(&self) -> String {
        let asked = self.asked().into_iter().filter(Asked::is_cancelled);
        let mut names: Vec<_> = asked.map(|asked| asked.replica).collect();
        names.sort();
        names.join(" ")
    }

    /// The service as it is now.
    pub(crate) fn service(&self) -> Arc<Service> {
        Arc::clone(self.handle.latest.load().service("web").expect("the service"))
    }

    /// Bytes of bodies held now.
    pub(crate) fn held(&self) -> u64 {
        self.handle.memory.usage().0
    }

    /// Nothing is in flight and nothing is held.
    #[track_caller]
    pub(crate) fn is_at_rest(&self) {
        let service = self.service();
        let in_flight: u32 = service.replicas.iter().map(|one| one.live.in_flight()).sum();
        assert_eq!((service.live.leaves(), in_flight, self.held()), (0, 0, 0), "at rest");
    }

    /// Milliseconds since the beginning.
    pub(crate) fn now(&self) -> u64 {
        self.stage.now()
    }
}

/// A request that is about to be sent.
pub(crate) struct Ask<'w> {
    world: &'w World,
    request: http::request::Builder,
    body: Body,
    from: &'static str,
}

impl<'w> Ask<'w> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// From this client.
    pub(crate) fn from(mut self, address: &'static str) -> Self {
        self.from = address;
        self
    }

    /// With a body that says how long it is.
    pub(crate) fn body(mut self, text: &str) -> Self {
        self.body = Body::Whole(Bytes::copy_from_slice(text.as_bytes()));
        self.header("content-length", &text.len().to_string())
    }

    /// With a body that comes as a stream, its length unknown.
    pub(crate) fn stream(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// The answer's head, its body still to come.
    pub(crate) async fn response(self) -> model::Answer<respond::Body> {
        let Self { world, request, body, from } = self;
        let from: SocketAddr = from.parse().expect("an address");
        let peer = Peer::new(from, false, &Trust::default());
        let mut came = request.body(body).expect("a request").into();
        world.handle.handle(&mut came, &peer, None, false).await
    }
}

impl<'w> IntoFuture for Ask<'w> {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + 'w>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (world, start) = (self.world, self.world.now());
            let model::Answer { status, headers, body: mut rest } = self.response().await;
            let (mut body, mut trailers, mut broke) = (Vec::new(), HeaderMap::new(), false);
            while let Some(frame) = rest.frame().await {
                match frame.map(http_body::Frame::into_data) {
                    Ok(Ok(data)) => body.extend_from_slice(&data),
                    Ok(Err(frame)) => trailers = frame.into_trailers().unwrap_or_default(),
                    Err(_) => {
                        broke = true;
                        break;
                    }
                }
            }
            let text = String::from_utf8(body).expect("text");
            let (status, headers) = (status.as_u16(), HeaderMap::from(&headers));
            let took = world.now() - start;
            Answer { status, headers, text, trailers, broke, took }
        })
    }
}

/// An answer, whole; every check gives it back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) trailers: HeaderMap,
    pub(crate) broke: bool,
    pub(crate) took: u64,
}

impl Answer {
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Who says that it answered.
    pub(crate) fn shard(&self) -> &str {
        self.header("metaparticle-shard").unwrap_or("nobody")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    #[track_caller]
    pub(crate) fn by_shard(self, name: &str) -> Self {
        assert_eq!(self.shard(), name, "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn has(self, name: &str, value: &str) -> Self {
        assert_eq!(self.header(name), Some(value), "{name} of {self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn lacks(self, name: &str) -> Self {
        assert_eq!(self.header(name), None, "{name} of {self:?}");
        self
    }

    /// `10 9 0 1 0`: total, ok, failed, timed out, hedged. One that misses a leaf must not be cached.
    #[track_caller]
    pub(crate) fn covers(self, counts: &str) -> Self {
        let counts: Vec<_> = counts.split(' ').collect();
        let [total, ok, failed, late, hedged] = counts[..] else { panic!("five counts") };
        if ok != total {
            assert_eq!(self.header("cache-control"), Some("no-store"), "a part must not be kept");
        }
        let coverage =
            format!("total={total}, ok={ok}, failed={failed}, timed-out={late}, hedged={hedged}");
        self.has("metaparticle-coverage", &coverage)
    }

    #[track_caller]
    pub(crate) fn reads(self, text: &str) -> Self {
        assert_eq!(self.text, text, "{self:?}");
        assert!(!self.broke, "it is whole");
        self
    }

    /// After exactly so many milliseconds its end was here.
    #[track_caller]
    pub(crate) fn took(self, millis: u64) -> Self {
        assert_eq!(self.took, millis, "milliseconds of {self:?}");
        self
    }

    /// A refusal of this kind, told as RFC 9457 says.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, name: &str) -> Self {
        let this = self.is(status).has("content-type", "application/problem+json");
        let this = this.has("cache-control", "no-store");
        let problem = this.json();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:metaparticle:problem:{name}"));
        assert_eq!(problem["request-id"].as_str(), this.header("x-request-id"));
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        this
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).expect("JSON")
    }
}
