//! How do lines become one answer while the leaves still speak? Leaf after leaf, in shard order.
//!
//! A leaf whose turn has not come waits: it is not read, so nothing is held for it. One that breaks
//! off loses its last, torn line, and the answer goes on as long as enough others are right; if they
//! are not, the answer breaks off too, so that nobody takes it for a whole one.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame};

use crate::merge::Lines;
use crate::model::Coverage;

type Cause = Box<dyn Error + Send + Sync>;

/// The longest line that is held.
const LINE_MOST: usize = 1 << 20;

/// How many pieces that are there already are still taken after the deadline. A leaf that always has
/// more to say must not outlast it for ever.
const PATIENCE: u32 = 64;

/// Fewer leaves than needed spoke to their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{coverage}; {least} are needed")]
pub struct BrokeOff {
    coverage: Coverage,
    least: usize,
}

/// The lines of several bodies, one body after another; a body itself.
pub struct Stream<B, D> {
    bodies: std::vec::IntoIter<B>,
    current: Option<(B, Lines)>,
    coverage: Coverage,
    least: usize,
    /// `None` when it has come.
    late: Option<Pin<Box<D>>>,
    trailer: HeaderName,
    patience: u32,
    ended: bool,
}

impl<B, D> fmt::Debug for Stream<B, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("coverage", &self.coverage).finish_non_exhaustive()
    }
}

impl<B: Body<Data = Bytes, Error = Cause> + Unpin, D: Future<Output = ()>> Stream<B, D> {
    /// The lines of `bodies`, which `coverage` counts as ok until they are not, while at least
    /// `least` are; ends when `late` is. Says the final coverage in `trailer`.
    #[must_use]
    pub fn new(
        bodies: Vec<B>,
        coverage: Coverage,
        least: usize,
        late: D,
        trailer: HeaderName,
    ) -> Self {
        let mut bodies = bodies.into_iter();
        let current = bodies.next().map(|body| (body, Lines::new(LINE_MOST)));
        let late = Some(Box::pin(late));
        Self { bodies, current, coverage, least, late, trailer, patience: PATIENCE, ended: false }
    }
}

impl<B: Body<Data = Bytes, Error = Cause> + Unpin, D: Future<Output = ()>> Stream<B, D> {
    /// The next lines of the leaf whose turn it is; `None` when all have spoken.
    fn poll_lines(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while let Some((body, lines)) = &mut self.current {
            let said = match ready!(Pin::new(body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // A line that is too long ends a leaf as a broken connection does.
                    lines.push(frame.into_data().unwrap_or_default()).ok()
                }
                Some(Err(_)) => None,
                None => {
                    let last = self.turn();
                    if let Some(last) = last.and_then(Lines::finish) {
                        return Poll::Ready(Some(last));
                    }
                    continue;
                }
            };
            match said {
                Some(whole) if whole.is_empty() => {}
                Some(whole) => return Poll::Ready(Some(whole)),
                None => {
                    self.coverage.ok -= 1;
                    self.coverage.failed += 1;
                    self.turn();
                }
            }
        }
        Poll::Ready(None)
    }

    /// It is the next leaf's turn; gives the lines of the one before.
    fn turn(&mut self) -> Option<Lines> {
        let next = self.bodies.next().map(|body| (body, Lines::new(LINE_MOST)));
        std::mem::replace(&mut self.current, next).map(|(_, lines)| lines)
    }

    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        if self.late.as_mut().is_some_and(|late| late.as_mut().poll(cx).is_ready()) {
            self.late = None;
        }
        self.late.is_none()
    }

    /// The deadline has come: whoever has not ended is late.
    fn cut_off(&mut self) {
        let late = usize::from(self.current.is_some()) + self.bodies.len();
        self.coverage.ok -= late;
        self.coverage.timed_out += late;
        self.current = None;
        self.bodies = Vec::new().into_iter();
    }

    fn end(&mut self) -> Result<Frame<Bytes>, Cause> {
        self.ended = true;
        let Self { coverage, least, .. } = *self;
        if coverage.ok < least {
            return Err(BrokeOff { coverage, least }.into());
        }
        let value = HeaderValue::try_from(coverage.to_string())?;
        Ok(Frame::trailers(HeaderMap::from_iter([(self.trailer.clone(), value)])))
    }
}

impl<B, D> Body for Stream<B, D>
where
    B: Body<Data = Bytes, Error = Cause> + Unpin,
    D: Future<Output = ()>,
{
    type Data = Bytes;
    type Error = Cause;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        let late = this.is_late(cx);
        if late && this.patience == 0 {
            this.cut_off();
        }
        match this.poll_lines(cx) {
            Poll::Ready(Some(lines)) => {
                this.patience -= u32::from(late);
                return Poll::Ready(Some(Ok(Frame::data(lines))));
            }
            Poll::Ready(None) => {}
            Poll::Pending if late => this.cut_off(),
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(Some(this.end()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    #[test]
    fn a_leaf_that_always_has_more_to_say_does_not_outlast_the_deadline() {
        let line = || Ok::<_, Cause>(Frame::data(Bytes::from_static(b"1\n")));
        let endless = StreamBody::new(futures::stream::repeat_with(line));
        let coverage = Coverage { total: 1, ok: 1, ..Coverage::default() };
        let trailer = HeaderName::from_static("coverage");
        let stream = Stream::new(vec![endless], coverage, 0, ready(()), trailer);
        let told = futures::executor::block_on(stream.collect()).expect("an answer");
        let trailers = told.trailers().expect("trailers").clone();
        assert_eq!(trailers["coverage"], "total=1, ok=0, failed=0, timed-out=1, hedged=0");
        assert_eq!(told.to_bytes().len(), 2 * PATIENCE as usize);
    }
}
