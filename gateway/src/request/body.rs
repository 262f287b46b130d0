//! What does a request carry? Nothing, a stream, or what was read of it to be sent more than once.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::http1;
use crate::memory::{Full, Held};
use crate::request::causes;

type Cause = Box<dyn Error + Send + Sync>;

/// A request's body, on its way to a leaf.
#[derive(Debug, Default)]
pub enum Body {
    /// There is none.
    #[default]
    Empty,
    /// All of it; can be sent again.
    Whole(Bytes),
    /// As it comes, with what is left of its cap; can be sent once.
    Incoming(Inbound, Cap),
}

/// What comes over a connection.
#[derive(Debug)]
pub enum Inbound {
    /// Over HTTP/1.
    Http1(http1::Inbound),
    /// From hyper: over HTTP/2, or to an embedding program's own server.
    Hyper(Incoming),
}

/// How many bytes a stream may still bring, of how many.
#[derive(Debug, Clone, Copy)]
pub struct Cap {
    left: u64,
    most: u64,
}

/// Why a body did not come whole.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is larger than its cap, in bytes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    /// It broke off.
    #[error("the body broke off")]
    Broken(#[source] Cause),
    /// It must be held, and there is no room.
    #[error(transparent)]
    Full(#[from] Full),
}

impl Cap {
    const NONE: Self = Self { left: u64::MAX, most: u64::MAX };
}

impl BodyError {
    /// The body error among `error` and its causes: whether a failed request was its sender's fault.
    #[must_use]
    pub fn among<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        causes(error).find_map(|cause| cause.downcast_ref::<Self>())
    }
}

impl Body {
    /// The body that comes in, without a cap yet.
    #[must_use]
    pub fn incoming(body: Incoming) -> Self {
        if body.is_end_stream() {
            return Self::Empty;
        }
        Self::Incoming(Inbound::Hyper(body), Cap::NONE)
    }

    /// The body that comes in over HTTP/1, without a cap yet.
    #[must_use]
    pub fn inbound(body: http1::Inbound) -> Self {
        Self::Incoming(Inbound::Http1(body), Cap::NONE)
    }

    /// Caps what may still come at `most` bytes.
    pub fn limit(&mut self, most: u64) {
        if let Self::Incoming(_, cap) = self {
            *cap = Cap { left: most, most };
        }
    }

    /// Reads all of it, counted by `held`. Trailers are let go.
    ///
    /// # Errors
    /// When it is over its cap, breaks off, or there is no room.
    pub async fn hold(&mut self, held: &mut Held) -> Result<(), BodyError> {
        if let Self::Incoming(..) = self {
            let mut body = std::mem::take(self);
            let mut whole = BytesMut::new();
            while let Some(frame) = body.frame().await {
                if let Ok(data) = frame?.into_data() {
                    held.grow(data.len())?;
                    whole.extend_from_slice(&data);
                }
            }
            *self = if whole.is_empty() { Self::Empty } else { Self::Whole(whole.freeze()) };
        }
        Ok(())
    }

    /// What was read of it, where all was.
    #[must_use]
    pub fn whole(&self) -> Option<&[u8]> {
        match self {
            Self::Empty => Some(&[]),
            Self::Whole(bytes) => Some(bytes),
            Self::Incoming(..) => None,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// A second one that can be sent besides, where there can be one.
    #[must_use]
    pub fn again(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Whole(bytes) => Some(Self::Whole(bytes.clone())),
            Self::Incoming(..) => None,
        }
    }
}

impl Inbound {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        match self {
            Self::Http1(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|frame| Ok(frame?)))
            }
            Self::Hyper(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|frame| Ok(frame?)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Hyper(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Hyper(body) => body.size_hint(),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Incoming(body, cap) => {
                let frame = std::task::ready!(body.poll_frame(cx));
                Poll::Ready(frame.map(|frame| cap.pass(frame.map_err(BodyError::Broken)?)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(_) => false,
            Self::Incoming(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Incoming(body, _) => body.size_hint(),
        }
    }
}

impl Cap {
    fn pass(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BodyError> {
        let size = frame.data_ref().map_or(0, |data| data.len() as u64);
        self.left = self.left.checked_sub(size).ok_or(BodyError::TooLarge(self.most))?;
        Ok(frame)
    }
}
