//! How is HTTP/2 spoken with a client? By hyper, beside which [`Watched`] notes whether the client reads.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::Connection;
use super::life::{Life, Waits};
use crate::http1::HEAD_MOST;
use crate::request::{Arrived, Body as RequestBody};
use crate::send::Carrier;
use crate::tasks::Tasks;

/// Streams at a time, and flow control, per stream and per connection.
const STREAMS_MOST: u32 = 128;
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// How much of an answer is held for a stream whose client does not read.
const SEND_BUFFER: usize = 64 << 10;
/// Floods: streams reset before they were served (CVE-2023-44487), and streams that we were made to
/// reset (CVE-2025-8671), before the connection is closed.
const PENDING_RESETS_MOST: usize = 20;
const LOCAL_RESETS_MOST: usize = 1024;

/// Serves `stream`, of which `early` came already, to its end.
pub(super) async fn serve<S, C>(stream: S, early: Bytes, connection: Arc<Connection<C>>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    C: Carrier,
{
    let life = Arc::clone(&connection.life);
    life.waits(Waits::Request);
    let watched = Watched { stream, early, life: Arc::clone(&life), blocked: false };
    let builder = builder(&connection.door.handle.tasks);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let connection = Arc::clone(&connection);
        async move {
            let mut came = Arrived::from(request.map(RequestBody::incoming));
            Ok::<_, Infallible>(http::Response::from(connection.answer(&mut came, None).await))
        }
    });
    let mut serving = pin!(builder.serve_connection(TokioIo::new(watched), service));
    let mut told = false;
    std::future::poll_fn(|cx| {
        if life.leaves() && !told {
            told = true;
            serving.as_mut().graceful_shutdown();
        }
        // How it ended is the client's affair; what mattered was said to its requests.
        serving.as_mut().poll(cx).map(|_| ())
    })
    .await;
}

fn builder(tasks: &Tasks) -> Builder<Tasks> {
    let mut builder = Builder::new(tasks.clone());
    builder
        .max_concurrent_streams(STREAMS_MOST)
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(u32::try_from(HEAD_MOST).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(PENDING_RESETS_MOST)
        .max_local_error_reset_streams(LOCAL_RESETS_MOST);
    builder
}

/// A client's stream, of which it is noted when something came, and when the client does not read.
#[derive(Debug)]
struct Watched<S> {
    stream: S,
    early: Bytes,
    life: Arc<Life>,
    /// The last write found no room.
    blocked: bool,
}

impl<S> Watched<S> {
    fn wrote(&mut self, result: &Poll<io::Result<usize>>) {
        let blocked = result.is_pending();
        if blocked != self.blocked {
            self.blocked = blocked;
            self.life.waits(if blocked { Waits::Reader } else { Waits::Request });
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let size = self.early.len().min(buffer.remaining());
            buffer.put_slice(&self.early[..size]);
            self.early.advance(size);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.life.reads(read.is_pending());
        ready!(read)?;
        // Who does not read its answers does not mend that by sending more.
        if buffer.filled().len() > before && !self.blocked {
            self.life.waits(Waits::Request);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(&result);
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
