//! What does a leaf answer with? A body that counts as in flight, and keeps its connection, to its
//! end.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::time::Sleep;

use crate::http1::OnUpgrade;
use crate::send::pool::{Coming, Shared};
use crate::snapshot::InFlight;

type Cause = Box<dyn Error + Send + Sync>;

/// An answer's body.
#[derive(Debug)]
pub struct LeafBody {
    kind: Kind,
    in_flight: Option<InFlight>,
    /// Set while nothing comes.
    silence: Option<Pin<Box<Sleep>>>,
}

/// How long a leaf may be silent in the midst of its answer (Envoy's stream idle timeout).
const SILENCE_MOST: Duration = Duration::from_secs(300);

/// A leaf stopped in the midst of its answer.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("nothing came for 300 s")]
struct Silent;

enum Kind {
    Whole(Bytes),
    /// Over HTTP/1.1; the connection goes back to its pool once the body was read to its end.
    Http1(Box<Coming>),
    /// Over HTTP/2, as a stream that counts to its end.
    Http2(Incoming, Option<Shared>),
    Other(UnsyncBoxBody<Bytes, Cause>),
    /// None: something else is spoken from now on.
    Switched(OnUpgrade),
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole(_) => "Whole",
            Self::Http1(_) => "Http1",
            Self::Http2(..) => "Http2",
            Self::Other(_) => "Other",
            Self::Switched(_) => "Switched",
        })
    }
}

impl LeafBody {
    /// A body of these bytes.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Whole(bytes.into()), in_flight: None, silence: None }
    }

    /// Any other body, as an embedding program makes it.
    pub fn other<B>(body: B) -> Self
    where
        B: Body<Data = Bytes, Error: Into<Cause>> + Send + 'static,
    {
        let body = body.map_err(Into::into).boxed_unsync();
        Self { kind: Kind::Other(body), in_flight: None, silence: None }
    }

    /// What an answer that switches protocols has instead of a body: `other` will be its stream.
    pub fn switched(other: OnUpgrade) -> Self {
        Self { kind: Kind::Switched(other), in_flight: None, silence: None }
    }

    /// The other end, where the answer switches protocols.
    pub fn switch(&mut self) -> Option<OnUpgrade> {
        match std::mem::replace(&mut self.kind, Kind::Whole(Bytes::new())) {
            Kind::Switched(other) => Some(other),
            other => {
                self.kind = other;
                None
            }
        }
    }

    pub(super) fn coming(coming: Box<Coming>) -> Self {
        Self { kind: Kind::Http1(coming), in_flight: None, silence: None }
    }

    pub(super) fn stream(body: Incoming, stream: Shared) -> Self {
        let stream = (!body.is_end_stream()).then_some(stream);
        Self { kind: Kind::Http2(body, stream), in_flight: None, silence: None }
    }

    /// Counts as in flight to its end.
    pub(super) fn count(&mut self, in_flight: InFlight, tunnel: bool) {
        self.in_flight = (tunnel || !self.is_end_stream()).then_some(in_flight);
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Silent> {
        let new = || Box::pin(tokio::time::sleep(SILENCE_MOST));
        self.silence.get_or_insert_with(new).as_mut().poll(cx).map(|()| Silent)
    }

    fn ended(&mut self) {
        self.in_flight = None;
        if let Kind::Http2(_, stream) = &mut self.kind {
            *stream = None;
        }
    }
}

impl Body for LeafBody {
    type Data = Bytes;
    type Error = Cause;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        let frame = match &mut self.kind {
            Kind::Whole(bytes) if bytes.is_empty() => None,
            Kind::Switched(_) => None,
            Kind::Whole(bytes) => Some(Ok(Frame::data(std::mem::take(bytes)))),
            Kind::Http1(body) => match body.poll_frame(cx) {
                Poll::Ready(frame) => frame,
                Poll::Pending => Some(Err(ready!(self.poll_silence(cx)).into())),
            },
            Kind::Http2(body, _) => match Pin::new(body).poll_frame(cx) {
                Poll::Ready(frame) => frame.map(|frame| frame.map_err(Into::into)),
                Poll::Pending => Some(Err(ready!(self.poll_silence(cx)).into())),
            },
            Kind::Other(body) => match Pin::new(body).poll_frame(cx) {
                Poll::Ready(frame) => frame,
                Poll::Pending => Some(Err(ready!(self.poll_silence(cx)).into())),
            },
        };
        self.silence = None;
        match &frame {
            Some(Err(_)) => self.in_flight = None,
            None => self.ended(),
            // Nobody asks again after the last frame of a known length.
            Some(Ok(_)) if self.is_end_stream() => self.ended(),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Http1(body) => body.is_end_stream(),
            Kind::Http2(body, _) => body.is_end_stream(),
            Kind::Other(body) => body.is_end_stream(),
            Kind::Switched(_) => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Http1(body) => body.size_hint(),
            Kind::Http2(body, _) => body.size_hint(),
            Kind::Other(body) => body.size_hint(),
            Kind::Switched(_) => SizeHint::with_exact(0),
        }
    }
}
