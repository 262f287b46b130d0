//! Who is behind the gateway? Replicas that tell what reached them, and how it ended.

use std::convert::Infallible;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::world::soon;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;
pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A body of these bytes.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A server that ends, with all its connections, when it is dropped.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) address: SocketAddr,
    _accepting: JoinSet<()>,
}

impl Replica {
    /// Answers HTTP/1.1 and HTTP/2 as `handler` does.
    pub(crate) async fn start<F, R>(handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), handler).await
    }

    /// The same, at this address.
    pub(crate) async fn start_at<F, R>(address: SocketAddr, handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::raw_at(address, move |stream| {
            let handler = handler.clone();
            async move {
                let service = service_fn(move |request| {
                    let answer = handler(request);
                    async { Ok::<_, Infallible>(answer.await) }
                });
                let mut builder = Builder::new(TokioExecutor::new());
                builder.http1().max_headers(256);
                let stream = TokioIo::new(stream);
                builder.serve_connection_with_upgrades(stream, service).await.ok();
            }
        })
        .await
    }

    /// Does with every connection what `serve` does.
    pub(crate) async fn raw<F, R>(serve: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self::raw_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), serve).await
    }

    async fn raw_at<F, R>(address: SocketAddr, serve: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).expect("a socket");
                connections.spawn(serve(stream));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, _accepting: accepting }
    }

    /// Reads every request to its end, tells it, and answers `ok`.
    pub(crate) async fn telling() -> (Self, Told) {
        let (sender, receiver) = unbounded_channel();
        let replica = Self::start(move |request| {
            let sender = sender.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(|error| error.to_string());
                let trailers = body.as_ref().ok().and_then(|body| body.trailers().cloned());
                let body = body.map(http_body_util::Collected::to_bytes);
                sender.send(Seen { head, body, trailers }).ok();
                Response::new(full("ok\n"))
            }
        })
        .await;
        (replica, Told(receiver))
    }
}

/// What reached a replica.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) head: Parts,
    /// All of it, or why it is not all.
    pub(crate) body: Result<Bytes, String>,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Seen {
    /// The value of this header, which is there at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.head.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().expect("text"));
        assert!(values.next().is_none(), "`{name}` is there twice: {:?}", self.head.headers);
        value
    }
}

/// All that reached a replica, in order.
#[derive(Debug)]
pub(crate) struct Told(UnboundedReceiver<Seen>);

impl Told {
    /// The next.
    pub(crate) async fn next(&mut self) -> Seen {
        soon("a request at the replica", self.0.recv()).await.expect("a replica that runs")
    }

    /// Nothing came that was not asked for.
    pub(crate) fn nothing_more(&mut self) {
        assert!(self.0.try_recv().is_err(), "the replica has seen more");
    }
}

/// A replica that keeps the very bytes that reach it, and answers each whole request with `ok`.
#[derive(Debug)]
pub(crate) struct Tap {
    pub(crate) replica: Replica,
    connections: watch::Receiver<Vec<Tapped>>,
}

/// What came over one connection.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tapped {
    pub(crate) bytes: Vec<u8>,
    pub(crate) ended: bool,
}

impl Tap {
    pub(crate) async fn start() -> Self {
        let (sender, connections) = watch::channel(Vec::<Tapped>::new());
        let replica = Replica::raw(move |mut stream| {
            let sender = sender.clone();
            async move {
                let mut number = 0;
                sender.send_modify(|all| {
                    number = all.len();
                    all.push(Tapped::default());
                });
                let mut buffer = Vec::new();
                while stream.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
                    let answers = is_whole(&buffer);
                    sender.send_modify(|all| all[number].bytes.extend_from_slice(&buffer));
                    buffer.clear();
                    if answers {
                        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n";
                        stream.write_all(answer).await.ok();
                    }
                }
                sender.send_modify(|all| all[number].ended = true);
            }
        })
        .await;
        Self { replica, connections }
    }

    /// All that has reached it, connection by connection.
    pub(crate) fn all(&self) -> Vec<Tapped> {
        self.connections.borrow().clone()
    }

    /// What came over the connection that carried `mark`, once that is as `expected`.
    pub(crate) async fn sees(&mut self, mark: &str, expected: impl Fn(&Tapped) -> bool) -> Tapped {
        let is_it = |one: &&Tapped| memchr::memmem::find(&one.bytes, mark.as_bytes()).is_some();
        let all = self.connections.wait_for(|all| all.iter().find(is_it).is_some_and(&expected));
        let all = soon("what the replica should see", all).await.expect("a replica that runs");
        all.iter().find(is_it).cloned().unwrap_or_default()
    }
}

/// Whether these bytes, which came at once, end a request.
fn is_whole(bytes: &[u8]) -> bool {
    let chunked = memchr::memmem::find(bytes, b"transfer-encoding: chunked").is_some();
    let ended = bytes.ends_with(b"0\r\n\r\n");
    bytes.ends_with(b"\r\n\r\n") && (ended || !chunked)
}
