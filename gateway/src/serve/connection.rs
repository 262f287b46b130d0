//! How is one connection served? By hyper, beside which [`Wire`] looks at the bytes.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Poll;

use http::header::UPGRADE;
use http::{Response, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};

use super::life::{Life, Wish};
use super::wire::{Sight, Wire};
use super::{Door, Entered};
use crate::request::{Body as RequestBody, FIELDS_MOST, HEAD_MOST, Keep, Peer, Rejected};
use crate::respond::Body;
use crate::send::Carrier;
use crate::tasks::Tasks;

/// HTTP/2: streams at a time, and flow control, per stream and per connection.
const STREAMS_MOST: u32 = 128;
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// How much of an answer is held for a stream whose client does not read.
const SEND_BUFFER: usize = 64 << 10;
/// HTTP/2 floods: streams reset before they were served (CVE-2023-44487), and streams that we were
/// made to reset (CVE-2025-8671), before the connection is closed.
const PENDING_RESETS_MOST: usize = 20;
const LOCAL_RESETS_MOST: usize = 1024;

/// What the requests of one connection have in common.
#[derive(Debug)]
struct Connection<C> {
    door: Arc<Door<C>>,
    peer: Peer,
    sight: Arc<Sight>,
    life: Arc<Life>,
    entered: Arc<Entered>,
    /// How many have come.
    requests: AtomicU64,
}

impl<C: Carrier> Door<C> {
    /// Serves `stream` to its end.
    pub(super) async fn serve<S>(
        self: Arc<Self>,
        stream: S,
        address: SocketAddr,
        secure: bool,
        entered: Arc<Entered>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let life = self.lives.begin();
        let wire = Wire::new(stream, Arc::clone(&life));
        let peer = Peer::new(address, secure, &self.trust);
        let sight = wire.sight();
        let builder = builder(&self.handle.tasks);
        let requests = AtomicU64::new(0);
        let connection = Connection {
            door: self,
            peer,
            sight: Arc::clone(&sight),
            life: Arc::clone(&life),
            entered,
            requests,
        };
        let connection = Arc::new(connection);
        let service = service_fn(move |request| {
            let connection = Arc::clone(&connection);
            // Boxed, so that a connection that rests does not keep the room of a request.
            let answer = async move { Ok::<_, Infallible>(connection.answer(request).await) };
            Box::pin(answer)
        });
        let mut serving = pin!(builder.serve_connection_with_upgrades(TokioIo::new(wire), service));
        let mut told = false;
        std::future::poll_fn(|cx| {
            let wish = life.wish(cx);
            if wish == Wish::End {
                return Poll::Ready(());
            }
            if wish == Wish::Leave && !told {
                told = true;
                serving.as_mut().graceful_shutdown();
            }
            // How it ended is the client's affair; what mattered was said to its requests.
            serving.as_mut().poll(cx).map(|_| ())
        })
        .await;
    }
}

impl<C: Carrier> Connection<C> {
    async fn answer(&self, request: http::Request<Incoming>) -> Response<Body> {
        let counted = self.life.request();
        let number = self.requests.fetch_add(1, Relaxed) + 1;
        let fault =
            if request.version() < Version::HTTP_2 { self.sight.fault(number) } else { None };
        let fault = fault.map(|fault| Rejected::Framing(fault.to_string().into()));
        let last = self.door.drain.is_lame();
        let mut request = request.map(RequestBody::incoming);
        if request.headers().contains_key(UPGRADE) {
            // A tunnel counts as a connection for as long as it is open.
            request.extensions_mut().insert(Keep::new(Arc::clone(&self.entered)));
        }
        let http2 = request.version() == Version::HTTP_2;
        let mut response = self.door.handle.handle(request, &self.peer, fault, last).await;
        if response.status() == http::StatusCode::SWITCHING_PROTOCOLS {
            self.sight.rest();
        }
        response.body_mut().count(counted);
        if http2 {
            response.body_mut().watch(self.life.stream());
        }
        response
    }
}

fn builder(tasks: &Tasks) -> Builder<Tasks> {
    let mut builder = Builder::new(tasks.clone());
    builder
        .http1()
        .header_read_timeout(None)
        .max_headers(FIELDS_MOST)
        .max_buf_size(HEAD_MOST)
        .http2()
        .max_concurrent_streams(STREAMS_MOST)
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(u32::try_from(HEAD_MOST).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(PENDING_RESETS_MOST)
        .max_local_error_reset_streams(LOCAL_RESETS_MOST);
    builder
}
