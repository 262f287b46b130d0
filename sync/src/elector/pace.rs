//! Is a client slow, or does it merely rest? Between two requests it may rest for long, but a request that it
//! has begun must come in time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::timeout;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Resting,
    Asking,
    Answered,
}

/// How far a connection's request has come. All clones are one.
#[derive(Debug, Clone)]
pub(super) struct Pace(watch::Sender<Phase>);

impl Default for Pace {
    fn default() -> Self {
        // Whoever connects wants to ask.
        Self(watch::Sender::new(Phase::Asking))
    }
}

impl Pace {
    /// The request has come; until `rests` what is read is its body.
    pub(super) fn asked(&self) {
        self.0.send_replace(Phase::Answered);
    }

    pub(super) fn rests(&self) {
        self.0.send_replace(Phase::Resting);
    }

    /// Until a request does not come within that time.
    pub(super) async fn until_slow(&self, within: Duration) {
        let mut phase = self.0.subscribe();
        while phase.wait_for(|phase| *phase == Phase::Asking).await.is_ok() {
            let came = timeout(within, phase.wait_for(|phase| *phase != Phase::Asking)).await;
            if came.is_err() {
                return;
            }
        }
    }

    fn read(&self) {
        self.0.send_if_modified(|phase| {
            let begins = *phase == Phase::Resting;
            if begins {
                *phase = Phase::Asking;
            }
            begins
        });
    }
}

/// A stream that says when something is read.
#[derive(Debug)]
pub(super) struct Paced<S> {
    pub(super) stream: S,
    pub(super) pace: Pace,
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, into);
        if into.filled().len() > before {
            self.pace.read();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
