//! How does a body get from the connection that reads it to whoever wants it? Piece by piece, and only
//! when asked: what nobody asks for is not read, and the client stands still.
//!
//! Both ends are usually polled by one task, the connection's; then nobody needs to be woken.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::decode::Piece;

#[derive(Debug, Default)]
struct Slot {
    /// What was read and not taken.
    piece: Option<io::Result<Piece>>,
    wanted: bool,
    /// Nothing more comes, or nobody is there to take it.
    ended: bool,
    /// The connection reads no more of it.
    left: bool,
    /// Bytes that are missing, where that is known.
    missing: Option<u64>,
    /// Who waits for a piece, and who waits for one to be wanted.
    taker: Option<Waker>,
    giver: Option<Waker>,
}

/// The connection's end.
#[derive(Debug)]
pub struct Inlet(Arc<Mutex<Slot>>);

/// The end of who wants the body.
#[derive(Debug)]
pub struct Inbound(Arc<Mutex<Slot>>);

/// Both ends of a body, of which `missing` bytes will come, where that is known.
#[must_use]
pub fn inlet(missing: Option<u64>) -> (Inlet, Inbound) {
    let slot = Arc::new(Mutex::new(Slot { missing, ..Slot::default() }));
    (Inlet(Arc::clone(&slot)), Inbound(slot))
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    // A panic while it was held left a slot that is still a slot.
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait(waker: &mut Option<Waker>, cx: &Context<'_>) {
    if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        *waker = Some(cx.waker().clone());
    }
}

impl Inlet {
    /// Whether a piece is wanted; who asks is woken once one is.
    pub fn poll_wanted(&self, cx: &Context<'_>) -> bool {
        let mut slot = lock(&self.0);
        wait(&mut slot.giver, cx);
        slot.wanted && !slot.ended
    }

    /// Gives what was wanted.
    pub fn give(&self, piece: io::Result<Piece>) {
        let mut slot = lock(&self.0);
        slot.wanted = false;
        slot.piece = Some(piece);
        if let Some(taker) = slot.taker.take() {
            // The connection polls who wants it anyway.
            if !slot.giver.as_ref().is_some_and(|giver| giver.will_wake(&taker)) {
                taker.wake();
            }
        }
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        let mut slot = lock(&self.0);
        slot.left = true;
        // A stream of HTTP/2 outlives the connection that its body comes from.
        if let Some(taker) = slot.taker.take() {
            taker.wake();
        }
    }
}

impl Body for Inbound {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut slot = lock(&self.0);
        match slot.piece.take() {
            _ if slot.ended => Poll::Ready(None),
            Some(Ok(Piece::Data(data))) => {
                slot.missing =
                    slot.missing.map(|missing| missing.saturating_sub(data.len() as u64));
                slot.ended = slot.missing == Some(0);
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Some(Ok(Piece::Trailers(trailers))) => {
                slot.ended = true;
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Some(Ok(Piece::End)) => {
                slot.ended = true;
                Poll::Ready(None)
            }
            Some(Err(error)) => {
                slot.ended = true;
                Poll::Ready(Some(Err(error)))
            }
            None if slot.left => {
                slot.ended = true;
                let gone = "its connection reads no more of it";
                Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::ConnectionAborted, gone))))
            }
            None => {
                slot.wanted = true;
                wait(&mut slot.taker, cx);
                if let Some(giver) = slot.giver.take_if(|giver| !giver.will_wake(cx.waker())) {
                    giver.wake();
                }
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.0).ended
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.0).missing.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        lock(&self.0).ended = true;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt as _;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_body_learns_that_nobody_reads_it_any_more() {
        let (inlet, mut inbound) = inlet(None);
        inlet.give(Ok(Piece::Data(Bytes::from_static(b"some"))));
        let waiting = async {
            assert_eq!(inbound.frame().await.unwrap().unwrap().into_data().unwrap(), "some");
            inbound.frame().await
        };
        let both = async { tokio::join!(waiting, async { drop(inlet) }).0 };
        let start = Instant::now();
        let told = tokio::time::timeout(Duration::from_secs(1), both).await;
        assert!(matches!(told, Ok(Some(Err(_)))));
        assert!(start.elapsed().is_zero(), "it was not woken");
    }
}
