//! What becomes of a connection that speaks something else from now on? It is handed over.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A stream that HTTP is done with.
pub struct Upgraded {
    stream: Box<dyn Stream>,
    /// What came of the new speech with the last of the old.
    early: Bytes,
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded").field("early", &self.early.len()).finish_non_exhaustive()
    }
}

impl Upgraded {
    pub(super) fn new<S>(stream: S, early: Bytes) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Self { stream: Box::new(stream), early }
    }
}

/// Where a stream will be handed over.
#[derive(Debug)]
pub struct OnUpgrade(oneshot::Receiver<Upgraded>);

impl OnUpgrade {
    /// The place, and who hands it over.
    #[must_use]
    pub fn new() -> (Self, oneshot::Sender<Upgraded>) {
        let (sender, receiver) = oneshot::channel();
        (Self(receiver), sender)
    }

    /// The stream, once it is handed over; `None` where it never will be.
    pub async fn stream(self) -> Option<Upgraded> {
        self.0.await.ok()
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let size = self.early.len().min(buffer.remaining());
        buffer.put_slice(&self.early[..size]);
        self.early.advance(size);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
