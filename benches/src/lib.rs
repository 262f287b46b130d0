//! What is measured? Worlds of any size, a leaf in memory, and requests to them.
//!
//! The benches of this crate are programs that anyone can run:
//!
//! | program | answers |
//! |---|---|
//! | `cargo bench -p metaparticle-benches` | how long does each room of the road take? |
//! | `--bin allocations` | how often does a request allocate? |
//! | `make compare` | how much does a request cost, beside the gateway's peers? (`benches/compare`) |

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::Criterion;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt;
use metaparticle_gateway::file;
use metaparticle_gateway::handle::Handle;
use metaparticle_gateway::log::Log;
use metaparticle_gateway::memory::Memory;
use metaparticle_gateway::model::{Answer, ShardName, World};
use metaparticle_gateway::request::{Body, Peer, Trust};
use metaparticle_gateway::respond;
use metaparticle_gateway::send::{Carrier, Failure, LeafBody, Letter, Sender, Timers};
use metaparticle_gateway::snapshot::{Latest, Publisher, Replica, channel};
use metaparticle_gateway::tasks::{Clock, Tasks};

/// The sizes at which rings are measured.
pub const SIZES: [usize; 5] = [3, 10, 50, 200, 1000];

/// How many different keys are asked for.
pub const KEYS: usize = 512;

/// What a small leaf says.
pub const SMALL: &str = r#"[{"id":1,"name":"alice"},{"id":2,"name":"bob"}]"#;

/// The head of what curl sends.
const HEADERS: [(&str, &str); 3] =
    [("host", "shop.example:8080"), ("user-agent", "curl/8.14.1"), ("accept", "*/*")];

/// Short measurements: a run of all benches takes minutes.
#[must_use]
pub fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
        .sample_size(20)
        .nresamples(5_000)
}

/// The names of `count` shards, as a StatefulSet gives them.
#[must_use]
pub fn shards(count: usize) -> Vec<ShardName> {
    (0..count).map(|number| ShardName::new(&format!("users-{number}"))).collect()
}

/// Keys, all different, in turn.
pub fn keys() -> impl Iterator<Item = String> {
    (0..KEYS).cycle().map(|number| format!("user-{number}"))
}

/// The world of one service, `users`, of `replicas` shards with one replica each, and the words
/// `policy` (`pattern: shard, shard-key: host`); all requests go to it.
///
/// # Panics
/// When the words are wrong.
#[must_use]
pub fn world(replicas: usize, policy: &str) -> World {
    let mut text = String::from("services:\n  users:\n");
    for word in policy.split(", ").filter(|word| !word.is_empty()) {
        line(&mut text, format_args!("    {word}"));
    }
    text.push_str("    replicas:\n");
    for number in 0..replicas {
        let (high, low) = (number / 250, number % 250 + 1);
        let address = format_args!("10.0.{high}.{low}:8080");
        let name = format_args!("users-{number}");
        line(
            &mut text,
            format_args!("      - {{ name: {name}, address: \"{address}\", shard: {name} }}"),
        );
    }
    text.push_str("routes:\n  - { path: /, service: users }\n");
    read(&text)
}

/// The world of one service and `count` routes to it: hosts of ten paths each.
///
/// # Panics
/// Never: the file is right.
#[must_use]
pub fn routes(count: usize) -> World {
    let mut text =
        String::from("services:\n  users: { replicas: [ \"10.0.0.1:8080\" ] }\nroutes:\n");
    for number in 0..count {
        let (host, path) = (number / 10, number % 10);
        let place = format_args!("host: shop-{host}.example, path: /api/v{path}");
        line(&mut text, format_args!("  - {{ {place}, service: users }}"));
    }
    read(&text)
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    writeln!(text, "{what}").expect("a string takes all");
}

fn read(text: &str) -> World {
    file::read(text).unwrap_or_else(|mistakes| panic!("{}", file::render("bench", &mistakes)))
}

/// A picture of `world`. The publisher is kept: it is the picture's writer.
#[must_use]
pub fn picture(world: &World) -> (Publisher, Latest) {
    let (mut publisher, latest) = channel();
    publisher.publish(world);
    (publisher, latest)
}

/// A leaf in memory, that answers at once.
#[derive(Debug, Clone)]
pub struct Leaf(pub Bytes);

impl Carrier for Leaf {
    async fn carry(
        &self,
        _: &Arc<Replica>,
        _: &mut Letter<'_>,
    ) -> Result<Answer<LeafBody>, Failure> {
        let mut answer = Answer::new(LeafBody::whole(self.0.clone()));
        answer.headers.append(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(answer)
    }
}

/// The whole road, with a leaf in memory at its end.
#[derive(Debug)]
pub struct Road {
    handle: Handle<Leaf>,
    peer: Peer,
    _publisher: Publisher,
}

impl Road {
    /// The road through `world` to leaves that say `body`.
    #[must_use]
    pub fn new(world: &World, body: impl Into<Bytes>) -> Self {
        let (publisher, latest) = picture(world);
        let clock = Clock::start();
        let handle = Handle {
            latest,
            sender: Sender { carrier: Leaf(body.into()), clock, timers: Timers::default() },
            memory: Memory::new(1 << 30),
            log: Log::new(false),
            tasks: Tasks::default(),
        };
        let peer = Peer::new(SocketAddr::from(([192, 0, 2, 7], 9)), false, &Trust::default());
        Self { handle, peer, _publisher: publisher }
    }

    /// Answers `request`, and reads the answer's body to its end: its length.
    ///
    /// # Panics
    /// When the answer is not 200.
    pub async fn walk(&self, request: http::Request<Body>) -> usize {
        let answer = self.handle.handle(&mut request.into(), &self.peer, None, false).await;
        assert_eq!(answer.status, StatusCode::OK, "the road is open");
        drain(answer).await
    }
}

async fn drain(mut answer: Answer<respond::Body>) -> usize {
    let mut length = 0;
    while let Some(frame) = answer.body.frame().await {
        length += frame.expect("a leaf in memory does not break").data_ref().map_or(0, Bytes::len);
    }
    length
}

/// A small request, as curl sends it, with the header `x-user: USER`.
///
/// # Panics
/// When `user` cannot be a header's value.
#[must_use]
pub fn request(user: &str) -> http::Request<Body> {
    let mut request = http::Request::new(Body::Empty);
    *request.uri_mut() = http::Uri::from_static("/users/alice/cart?view=full");
    for (name, value) in HEADERS {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    debug_assert!(request.headers().contains_key(HOST));
    let user = HeaderValue::from_str(user).expect("a header's value");
    request.headers_mut().insert("x-user", user);
    request
}

/// A JSON array of about `bytes` bytes: `[1000,1001,…]`.
#[must_use]
pub fn array(bytes: usize) -> String {
    let numbers: Vec<_> = (0..bytes / 5).map(|number| (1000 + number % 9000).to_string()).collect();
    format!("[{}]", numbers.join(","))
}

/// A runtime for roads: one thread, with time.
///
/// # Panics
/// When there can be none.
#[must_use]
pub fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime without sockets needs nothing of the system")
}
