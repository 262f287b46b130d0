//! Is a client slow, or does it merely rest? Between two requests it may rest for long, but a request that it
//! has begun must come in time, and an answer must be read.

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

/// How far a connection's request has come, and whether its answer is read. All clones are one.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    phase: watch::Sender<Phase>,
    /// Nothing more can be written, because nobody reads.
    stuck: watch::Sender<bool>,
}

impl Default for Pace {
    fn default() -> Self {
        // Whoever connects wants to ask.
        Self { phase: watch::Sender::new(Phase::Asking), stuck: watch::Sender::new(false) }
    }
}

impl Pace {
    /// The request has come; until `rests` what is read is its body.
    pub(super) fn asked(&self) {
        self.phase.send_replace(Phase::Answered);
    }

    pub(super) fn rests(&self) {
        self.phase.send_replace(Phase::Resting);
    }

    /// Until a request does not come within that time, or an answer is not read within it.
    pub(super) async fn until_slow(&self, within: Duration) {
        tokio::select! {
            () = lasts(self.phase.subscribe(), |phase| *phase == Phase::Asking, within) => {}
            () = lasts(self.stuck.subscribe(), |stuck| *stuck, within) => {}
        }
    }

    fn read(&self) {
        self.phase.send_if_modified(|phase| {
            let begins = *phase == Phase::Resting;
            if begins {
                *phase = Phase::Asking;
            }
            begins
        });
    }

    fn wrote<T>(&self, written: &Poll<T>) {
        let now = written.is_pending();
        self.stuck.send_if_modified(|stuck| std::mem::replace(stuck, now) != now);
    }
}

/// Until it has been so for that long.
async fn lasts<T>(mut told: watch::Receiver<T>, is_so: impl Fn(&T) -> bool, within: Duration) {
    while told.wait_for(&is_so).await.is_ok() {
        if timeout(within, told.wait_for(|now| !is_so(now))).await.is_err() {
            return;
        }
    }
}

/// A stream that says when something is read, and when nothing can be written.
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
        let written = Pin::new(&mut self.stream).poll_write(context, from);
        self.pace.wrote(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
