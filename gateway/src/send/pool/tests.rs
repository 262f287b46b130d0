//! How many connections does it take? Over loopback: what is counted is what a listener accepts.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use futures::future::join_all;
use http::header::HOST;
use http::{HeaderValue, Response};
use http_body_util::BodyExt as _;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{IDLE_MOST, Network};
use crate::fields::Fields;
use crate::request::{Added, Body};
use crate::send::{Carrier as _, Failure, Letter};
use crate::snapshot::{Latest, channel};
use crate::tasks::{Clock, Tasks};

/// A replica that does with every connection what `serve` does.
struct World {
    network: Network,
    latest: Latest,
    accepted: Arc<AtomicUsize>,
}

impl World {
    async fn start<R>(protocol: &str, serve: fn(TcpStream) -> R) -> Self
    where
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let file = format!(
            "services: {{ web: {{ protocol: {protocol}, replicas: [ {{ name: a, address: \
             '{address}' }} ] }} }}\nroutes: []\n"
        );
        let (mut publisher, latest) = channel();
        publisher.publish(&crate::file::read(&file).expect("a right file"));
        let tasks = Tasks::default();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let serving = tasks.clone();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Relaxed);
                serving.spawn(serve(stream));
            }
        });
        Self { network: Network::new(tasks, Clock::start()), latest, accepted }
    }

    async fn ask(&self, method: &str) -> Result<bytes::Bytes, Failure> {
        self.send(method, Body::Empty).await
    }

    async fn send(&self, method: &str, body: Body) -> Result<bytes::Bytes, Failure> {
        let snapshot = self.latest.load();
        let method = method.parse().expect("a method");
        let uri = http::Uri::from_static("http://web/");
        let headers = Fields::from_iter([(HOST, HeaderValue::from_static("web"))]);
        let mut letter = Letter {
            method: &method,
            uri: &uri,
            headers: &headers,
            added: &Added::default(),
            hostless: false,
            left: std::time::Duration::from_secs(1),
            shard: None,
            body,
        };
        let answer = self.network.carry(&snapshot.services[0].replicas[0], &mut letter).await?;
        Ok(answer.body.collect().await.expect("a whole answer").to_bytes())
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Relaxed)
    }

    fn open(&self) -> usize {
        self.network.0.hosts().len()
    }
}

async fn http2(stream: TcpStream) {
    let service = service_fn(|_| async {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        Ok::<_, Infallible>(Response::new("ok".to_owned()))
    });
    let builder = hyper::server::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
    builder.serve_connection(TokioIo::new(stream), service).await.ok();
}

#[tokio::test]
async fn a_burst_of_first_requests_opens_no_more_connections_than_may_be() {
    let world = World::start("h2c", http2).await;
    let answers = join_all((0..1000).map(|_| world.ask("GET"))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert!((2..=8).contains(&world.accepted()), "{}", world.accepted());
}

#[tokio::test]
async fn few_requests_share_one_connection() {
    let world = World::start("h2c", http2).await;
    let answers = join_all((0..50).map(|_| world.ask("GET"))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(world.accepted(), 1);
}

#[tokio::test]
async fn a_connection_that_carries_nothing_is_closed_after_a_while() {
    let world = World::start("h2c", http2).await;
    world.ask("GET").await.expect("an answer");
    world.network.sweep(&world.latest.load());
    assert_eq!(world.open(), 1);
    tokio::time::pause();
    tokio::time::advance(IDLE_MOST).await;
    world.network.sweep(&world.latest.load());
    assert_eq!(world.open(), 0);
}

#[tokio::test]
async fn all_that_wait_for_a_connection_learn_that_there_is_none() {
    let world = World::start("h2c", |stream| async { drop(stream) }).await;
    let answers = join_all((0..100).map(|_| world.ask("GET"))).await;
    assert!(answers.iter().all(Result::is_err));
}

/// Answers once on each connection, and ends it when it is asked again.
async fn once(mut stream: TcpStream) {
    let mut head = [0; 1024];
    if stream.read(&mut head).await.is_ok() {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.ok();
        stream.read_u8().await.ok();
    }
}

#[tokio::test]
async fn what_was_cut_on_a_used_connection_is_sent_again_on_a_new_one() {
    let world = World::start("http1", once).await;
    for _ in 0..3 {
        assert_eq!(world.ask("GET").await.expect("an answer"), "ok");
    }
    assert_eq!(world.accepted(), 3);
}

#[tokio::test]
async fn what_may_not_be_sent_twice_is_not_sent_again() {
    let world = World::start("http1", once).await;
    world.ask("POST").await.expect("an answer");
    let failure = world.ask("POST").await.expect_err("the connection ended");
    assert!(!failure.is_unsent());
    assert_eq!(world.accepted(), 1);
}

#[tokio::test]
async fn a_new_connection_that_is_cut_is_a_failure() {
    let world = World::start("http1", |mut stream| async move {
        stream.read_u8().await.ok();
    })
    .await;
    world.ask("GET").await.expect_err("the connection ended");
    assert_eq!(world.accepted(), 1);
}

/// Answers as soon as it is asked, and reads no more.
async fn hasty(mut stream: TcpStream) {
    let mut head = [0; 64];
    if stream.read(&mut head).await.is_ok() {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.ok();
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn a_connection_on_which_a_request_was_answered_half_written_carries_no_other() {
    let world = World::start("http1", hasty).await;
    let more_than_sockets_hold = Body::Whole(vec![b'x'; 32 << 20].into());
    assert_eq!(world.send("PUT", more_than_sockets_hold).await.expect("an answer"), "ok");
    assert_eq!(world.ask("GET").await.expect("an answer"), "ok");
    assert_eq!(world.accepted(), 2);
}

#[tokio::test]
async fn a_connection_that_has_ended_is_seen_by_a_task_that_did_much_before() {
    let world = World::start("http1", |mut stream: TcpStream| async move {
        let mut head = [0; 1024];
        if stream.read(&mut head).await.is_ok() {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.ok();
        }
    })
    .await;
    world.ask("POST").await.expect("an answer");
    // What the runtime knows is what it heard: the end is waited for.
    while world.network.0.hosts().values_mut().any(|host| host.resting[0].link.is_fresh()) {
        tokio::task::yield_now().await;
    }
    while tokio::task::coop::has_budget_remaining() {
        tokio::task::coop::consume_budget().await;
    }
    assert_eq!(world.ask("POST").await.expect("an answer"), "ok");
}
