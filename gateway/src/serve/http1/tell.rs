//! How is an answer told? Its head at once, its body as it comes, and in as few writes as can be.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use http::header::{CONNECTION, CONTENT_LENGTH, DATE};
use http::{HeaderValue, StatusCode, Version};
use http_body::Body as _;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Asking, Conversation, Gone, Next, Upload};
use crate::fields::Name;
use crate::http1::Piece;
use crate::http1::write::{self, Framing};
use crate::model::Answer;
use crate::respond::Body;
use crate::send::Carrier;
use crate::serve::life::Waits;

/// So much of a body that nobody wanted is read and thrown away, so that its connection can go on.
const UNWANTED_MOST: u64 = 64 << 10;
/// A client that is still sending when it was refused has so long to read why, before the connection
/// is closed under it (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_secs(2);

/// How far an answer is told.
struct Telling {
    framing: Framing,
    /// All of it is queued.
    ended: bool,
}

impl<S, C> Conversation<'_, S, C>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    C: Carrier,
{
    /// Tells `answer`, head and body.
    pub(super) async fn tell(&mut self, answer: Answer<Body>, mut asking: Asking) -> Next {
        let mut telling = self.head(&answer, &mut asking);
        // What it stands in is not kept while a long body goes by.
        let Answer { headers, mut body, .. } = answer;
        drop(headers);
        let told = std::future::poll_fn(|cx| {
            self.poll_tell(cx, Pin::new(&mut body), &mut telling, &mut asking)
        });
        let told = told.await;
        drop(body);
        if told.is_err() {
            return Next::End { sending: false };
        }
        let leaves = self.connection.life.leaves() && self.wire.reader.is_empty();
        if asking.lasts && !leaves && self.discard(&mut asking.upload).await {
            return Next::Request;
        }
        Next::End { sending: !asking.upload.decoder.is_ended() || !self.wire.reader.is_empty() }
    }

    /// Tells that something else is spoken from now on.
    pub(super) fn switch(&mut self, answer: &Answer<Body>) {
        let out = self.wire.queue();
        write::status(out, answer.status);
        answer.headers.write(out);
        write::blank(out);
    }

    /// Queues the head of `answer`, and says how its body is told.
    fn head(&mut self, answer: &Answer<Body>, asking: &mut Asking) -> Telling {
        let Answer { status, headers, body } = answer;
        let bodiless =
            asking.to_head || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(status);
        let out = self.wire.queue();
        write::status(out, *status);
        headers.write(out);
        let seen = headers.seen();
        let (measured, closes) = (seen.has(Name::ContentLength), seen.has(Name::Connection));
        if !seen.has(Name::Date) {
            write::field(out, &DATE, date().as_bytes());
        }
        let mut framing = Framing::Bare;
        if !bodiless && !measured {
            match body.size_hint().exact() {
                Some(length) => write::number(out, &CONTENT_LENGTH, length),
                None if asking.version == Version::HTTP_11 => {
                    framing = Framing::Chunked;
                    write::chunked(out);
                }
                // HTTP/1.0 knows a body's end by that of its connection.
                None => asking.lasts = false,
            }
        }
        // Whoever waits to be told to go on is not told any more, and may send its body or not.
        asking.lasts &= !std::mem::take(&mut asking.upload.expects);
        asking.lasts &= !closes && !self.connection.life.leaves();
        match (asking.lasts, asking.version) {
            (false, Version::HTTP_11) if !closes => write::field(out, &CONNECTION, b"close"),
            (true, Version::HTTP_10) => write::field(out, &CONNECTION, b"keep-alive"),
            _ => {}
        }
        write::blank(out);
        Telling { framing, ended: bodiless || body.is_end_stream() && framing == Framing::Bare }
    }

    fn poll_tell(
        &mut self,
        cx: &mut Context<'_>,
        mut body: Pin<&mut Body>,
        telling: &mut Telling,
        asking: &mut Asking,
    ) -> Poll<Result<(), Gone>> {
        loop {
            while !telling.ended && self.wire.has_room() {
                let Poll::Ready(frame) = body.as_mut().poll_frame(cx) else { break };
                let Ok(frame) = frame.transpose() else {
                    // What was told so far is; that there is no end shows that it broke off.
                    drop(self.wire.poll_flush(cx));
                    return Poll::Ready(Err(Gone));
                };
                let mut trailers = None;
                match frame.map(http_body::Frame::into_data) {
                    Some(Ok(data)) if !data.is_empty() => {
                        self.wire.queue_piece(data, telling.framing);
                    }
                    Some(Ok(_)) => {}
                    Some(Err(frame)) => trailers = frame.into_trailers().ok(),
                    None => telling.ended = true,
                }
                telling.ended |= trailers.is_some() || body.is_end_stream();
                if telling.ended {
                    let trailers = trailers.as_ref().filter(|_| asking.trailers);
                    self.wire.queue_end(telling.framing, trailers);
                }
            }
            let full = !self.wire.has_room();
            let flushed = self.wire.poll_flush(cx);
            self.blocked(flushed.is_pending().then(|| self.wire.written()));
            match flushed {
                Poll::Ready(Ok(())) if telling.ended => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) if full => continue,
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Gone)),
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            ready!(self.poll_meanwhile(cx, &mut asking.upload))?;
        }
    }

    /// Says whether the client reads what it is told; who reads some of it does.
    fn blocked(&mut self, blocked: Option<usize>) {
        if blocked != self.blocked {
            self.blocked = blocked;
            let waits = if blocked.is_some() { Waits::Reader } else { Waits::Request };
            self.connection.life.waits(waits);
        }
    }

    /// Throws away what nobody wanted of a request's body, so that the next request can be read; says
    /// whether it can.
    async fn discard(&mut self, upload: &mut Upload) -> bool {
        let mut left = UNWANTED_MOST;
        self.connection.life.waits(Waits::Body);
        while !upload.decoder.is_ended() {
            if upload.decoder.missing().is_some_and(|missing| missing > left) {
                return false;
            }
            let piece = std::future::poll_fn(|cx| {
                let piece = self.wire.poll_body(cx, &mut upload.decoder);
                self.connection.life.reads(piece.is_pending());
                piece
            });
            match piece.await {
                Ok(Piece::Data(data)) if data.len() as u64 <= left => left -= data.len() as u64,
                Ok(Piece::Trailers(_) | Piece::End) => {}
                Ok(Piece::Data(_)) | Err(_) => return false,
            }
        }
        true
    }

    /// Ends the connection. Bytes that nobody reads would make the kernel take back what was said: where
    /// the client is still `sending`, they are read for a moment.
    pub(super) async fn end(&mut self, sending: bool) {
        let shut = std::future::poll_fn(|cx| self.wire.poll_shutdown(cx)).await;
        if shut.is_err() || !sending {
            return;
        }
        let reading = std::future::poll_fn(|cx| {
            while let 1.. = ready!(self.wire.poll_fill(cx)).unwrap_or(0) {
                drop(self.wire.reader.take());
            }
            Poll::Ready(())
        });
        // Whoever goes on sending is cut off.
        tokio::time::timeout(LINGER, reading).await.ok();
    }
}

/// Now, as a `Date` says it (RFC 9110 §6.6.1).
#[allow(clippy::disallowed_methods, reason = "a date is what the clock on the wall says")]
fn date() -> HeaderValue {
    let now = httpdate::HttpDate::from(SystemTime::now());
    HeaderValue::try_from(now.to_string()).expect("letters and digits")
}
