//! What passes over the wire? Every byte read is shown to [`Framing`], and every wait to [`Life`].

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::{Fault, Framing};
use super::life::{Life, Waits};
use crate::request::HEAD_MOST;

/// What the door knows of a connection's bytes.
#[derive(Debug)]
pub(super) struct Sight {
    /// The number of the first request at fault, from 1, and what is wrong with it.
    fault: Mutex<Option<(u64, Fault)>>,
    faulty: AtomicBool,
    /// The connection became something else: nobody looks any more.
    upgraded: AtomicBool,
}

impl Sight {
    /// What is wrong with the connection's request number `request`, from 1, or one before it.
    pub(super) fn fault(&self, request: u64) -> Option<Fault> {
        if !self.faulty.load(Relaxed) {
            return None;
        }
        let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.filter(|(first, _)| request >= *first).map(|(_, fault)| fault)
    }

    /// Looks no more.
    pub(super) fn rest(&self) {
        self.upgraded.store(true, Relaxed);
    }
}

/// A client's stream that is looked at.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    framing: Framing,
    sight: Arc<Sight>,
    life: Arc<Life>,
    /// The last write found no room.
    blocked: bool,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, life: Arc<Life>) -> Self {
        let sight = Arc::new(Sight {
            fault: Mutex::new(None),
            faulty: AtomicBool::new(false),
            upgraded: AtomicBool::new(false),
        });
        Self { stream, framing: Framing::new(HEAD_MOST), sight, life, blocked: false }
    }

    pub(super) fn sight(&self) -> Arc<Sight> {
        Arc::clone(&self.sight)
    }

    fn saw(&mut self, bytes: &[u8]) {
        if self.sight.upgraded.load(Relaxed) {
            return self.life.waits(Waits::Nothing);
        }
        self.framing.observe(bytes);
        let framing = &self.framing;
        if framing.is_over() {
            self.life.speaks_http2();
        }
        if self.blocked {
            // Who does not read its answer does not mend that by sending more.
            return self.note_fault();
        }
        self.life.waits(match () {
            () if framing.is_idle() || framing.is_over() => Waits::Request,
            () if framing.is_in_body() => Waits::Body,
            () => Waits::Head,
        });
        self.note_fault();
    }

    fn note_fault(&self) {
        if let Some(fault) = self.framing.fault() {
            *self.sight.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
            self.sight.faulty.store(true, Relaxed);
        }
    }

    fn wrote(&mut self, result: &Poll<io::Result<usize>>) {
        let blocked = result.is_pending();
        if blocked != self.blocked {
            self.blocked = blocked;
            self.life.waits(if blocked { Waits::Reader } else { Waits::Request });
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.life.reads(read.is_pending());
        ready!(read)?;
        if buffer.filled().len() > before {
            self.saw(&buffer.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
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
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::task::noop_waker;

    use super::*;
    use crate::serve::life::{Lives, Wish};

    #[tokio::test]
    async fn a_client_that_sends_more_and_reads_nothing_is_not_waited_for() {
        let (lives, waker) = (Lives::default(), noop_waker());
        let mut cx = Context::from_waker(&waker);
        let (mut client, stream) = tokio::io::duplex(16);
        let life = lives.begin();
        let mut wire = Wire::new(stream, Arc::clone(&life));
        let answering = life.request();
        while Pin::new(&mut wire).poll_write(&mut cx, &[0; 16]).is_ready() {}
        assert!(Pin::new(&mut client).poll_write(&mut cx, b"\r\n").is_ready());
        let mut space = [0; 16];
        assert!(Pin::new(&mut wire).poll_read(&mut cx, &mut ReadBuf::new(&mut space)).is_ready());
        lives.sweep(Duration::from_secs(61));
        assert_eq!(life.wish(&cx), Wish::End);
        drop(answering);
    }
}
