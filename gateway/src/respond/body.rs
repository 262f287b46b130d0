//! What goes back to the client? A leaf's body as it comes, segments of a merged one, or lines.

use std::collections::VecDeque;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;

use crate::http1::OnUpgrade;
use crate::log::Record;
use crate::memory::Held;
use crate::merge::Stream;
use crate::send::LeafBody;
use crate::snapshot::Places;
use crate::tasks::{Counted, Progress};

/// An answer's body. What it keeps (its places, its memory, its line in the log) is let go at its end.
#[derive(Debug, Default)]
pub struct Body {
    kind: Kind,
    kept: Option<Box<Kept>>,
    counted: Option<Counted>,
    progress: Option<Progress>,
}

#[derive(Debug, Default)]
enum Kind {
    #[default]
    Empty,
    Leaf(LeafBody),
    Segments(VecDeque<Bytes>),
    Lines(Pin<Box<Stream<LeafBody, Sleep>>>),
}

/// What is let go when the body was sent, or will not be.
#[derive(Debug)]
pub struct Kept {
    /// The places that its leaves take.
    pub places: Option<Places>,
    /// The memory that its parts take.
    pub held: Vec<Held>,
    /// Its line in the log.
    pub record: Record,
}

impl Body {
    pub(super) fn leaf(body: LeafBody) -> Self {
        Self { kind: Kind::Leaf(body), kept: None, counted: None, progress: None }
    }

    /// These bytes, one after the other. Their memory is let go with them.
    #[must_use]
    pub fn segments(segments: Vec<Bytes>, held: Vec<Held>) -> Self {
        let filled = segments.into_iter().filter(|segment| !segment.is_empty());
        let kind = Kind::Segments(filled.collect());
        let mut body = Self { kind, kept: None, counted: None, progress: None };
        if !held.is_empty() {
            body.keep(Kept { places: None, held, record: Record::default() });
        }
        body
    }

    /// Says nothing of its own; a leaf's body has been made for the method that was asked.
    pub(super) fn keep_silent(&mut self) {
        if let Kind::Segments(_) | Kind::Lines(_) = self.kind {
            self.kind = Kind::Empty;
        }
    }

    pub(super) fn lines(stream: Stream<LeafBody, Sleep>) -> Self {
        Self { kind: Kind::Lines(Box::pin(stream)), kept: None, counted: None, progress: None }
    }

    /// The other end, where a leaf's answer switches protocols.
    pub fn switch(&mut self) -> Option<OnUpgrade> {
        if let Kind::Leaf(body) = &mut self.kind { body.switch() } else { None }
    }

    /// Keeps `kept` until it was sent, besides the memory that it has.
    pub fn keep(&mut self, mut kept: Kept) {
        if let Some(before) = self.kept.take() {
            kept.held.extend(before.held);
        }
        self.kept = Some(Box::new(kept));
        if http_body::Body::is_end_stream(self) {
            self.ended(true);
        }
    }

    /// Is counted until it was sent, or will not be.
    pub fn count(&mut self, counted: Counted) {
        self.counted = Some(counted);
    }

    /// Says in `progress` when it is read.
    pub fn watch(&mut self, progress: Progress) {
        self.progress = Some(progress);
    }

    fn ended(&mut self, whole: bool) {
        if let Some(mut kept) = self.kept.take() {
            kept.record.ended(whole);
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(progress) = &self.progress {
            progress.touch();
        }
        let frame = match &mut self.kind {
            Kind::Empty => None,
            Kind::Leaf(body) => ready!(Pin::new(body).poll_frame(cx)),
            Kind::Segments(segments) => segments.pop_front().map(|bytes| Ok(Frame::data(bytes))),
            Kind::Lines(stream) => ready!(stream.as_mut().poll_frame(cx)),
        };
        if let (Some(Ok(frame)), Some(kept)) = (&frame, &mut self.kept)
            && let Some(data) = frame.data_ref()
        {
            kept.record.sent(data.len());
        }
        match &frame {
            Some(Err(_)) => self.ended(false),
            None => self.ended(true),
            // Trailers are the last: nobody asks again, as nobody does at the end of a known length.
            Some(Ok(frame)) if frame.is_trailers() || http_body::Body::is_end_stream(&*self) => {
                self.ended(true);
            }
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty => true,
            Kind::Leaf(body) => body.is_end_stream(),
            Kind::Segments(segments) => segments.is_empty(),
            Kind::Lines(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Leaf(body) => body.size_hint(),
            Kind::Segments(segments) => {
                SizeHint::with_exact(segments.iter().map(|bytes| bytes.len() as u64).sum())
            }
            Kind::Lines(_) => SizeHint::default(),
        }
    }
}
