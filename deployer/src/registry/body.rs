//! How is it told how far an upload is? Its body counts what it gives away.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// What is called with the bytes that were given to the network since the last call.
pub(super) type Count = Arc<dyn Fn(usize) + Send + Sync>;

/// So much at a time.
const PIECE: usize = 64 << 10;

/// A body in memory, sent in pieces.
pub(super) struct Counted {
    rest: Bytes,
    count: Option<Count>,
}

impl Counted {
    pub(super) fn new(content: Bytes, count: Option<Count>) -> Self {
        Self { rest: content, count }
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let size = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(size);
        if let Some(count) = &self.count {
            count(size);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
