//! The floor of the stack: what hyper itself costs, when a proxy does nothing else.
//!
//! ```text
//! relay --listen 127.0.0.1:8080 127.0.0.1:9001 127.0.0.1:9002
//! ```
//!
//! One thread with its own runtime, listener (`SO_REUSEPORT`) and pool of connections, as a worker of
//! the gateway has them; upstreams in turn. No header is touched, nothing is retried, counted, timed
//! or logged.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use clap::Parser;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::{Builder, Handle};

/// The least a hyper proxy can do.
#[derive(Debug, Parser)]
struct Settings {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where requests go, in turn
    #[arg(value_name = "ADDRESS", required = true)]
    upstreams: Vec<SocketAddr>,
}

type Sender = SendRequest<Incoming>;

thread_local! {
    /// Connections that rest, by upstream.
    static POOL: RefCell<Vec<Vec<Sender>>> = const { RefCell::new(Vec::new()) };
    static TURN: Cell<usize> = const { Cell::new(0) };
}

fn main() -> anyhow::Result<()> {
    let Settings { listen, upstreams } = Settings::parse();
    let upstreams: &'static [SocketAddr] = upstreams.leak();
    POOL.with_borrow_mut(|pool| pool.resize_with(upstreams.len(), Vec::new));
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(true)?;
        socket.bind(listen)?;
        let listener = socket.listen(1024)?;
        loop {
            let (stream, _) = listener.accept().await?;
            Handle::current().spawn(serve(stream, upstreams));
        }
    })
}

async fn serve(stream: TcpStream, upstreams: &'static [SocketAddr]) {
    stream.set_nodelay(true).ok();
    let service = service_fn(move |request| async move {
        let turn = TURN.replace(TURN.get().wrapping_add(1)) % upstreams.len();
        let answer = relay(turn, upstreams[turn], request).await;
        Ok::<_, Infallible>(answer.unwrap_or_else(|_| {
            let mut response = Response::new(Lent { body: None, sender: None, upstream: turn });
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }))
    });
    // How a connection ends is the client's affair.
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

type Failed = Box<dyn Error + Send + Sync>;

async fn relay(
    upstream: usize,
    address: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Lent>, Failed> {
    let rested = POOL.with_borrow_mut(|pool| {
        let resting = &mut pool[upstream];
        let last = resting.iter().rposition(Sender::is_ready)?;
        Some(resting.swap_remove(last))
    });
    let mut sender = match rested {
        Some(sender) => sender,
        None => connect(address).await?,
    };
    let response = sender.send_request(request).await?;
    let lent = |body| Lent { body: Some(body), sender: Some(sender), upstream };
    Ok(response.map(lent))
}

async fn connect(address: SocketAddr) -> Result<Sender, Failed> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    Handle::current().spawn(connection);
    sender.ready().await?;
    Ok(sender)
}

/// An answer's body, whose connection rests once it was read.
struct Lent {
    body: Option<Incoming>,
    sender: Option<Sender>,
    upstream: usize,
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(&mut *body).poll_frame(cx));
        let ended = frame.is_none() || body.is_end_stream();
        if ended && let Some(sender) = self.sender.take() {
            POOL.with_borrow_mut(|pool| pool[self.upstream].push(sender));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
