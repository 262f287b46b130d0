//! How does a request go over an HTTP/1.1 connection, and its answer come back?
//!
//! The request's own task writes and reads: nobody else need be woken. An answer that has come whole
//! with its head gives its connection back at once; any other keeps it to its end.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{Method, StatusCode};
use http_body::{Body as _, Frame, SizeHint};

use super::Pools;
use super::stream::Stream;
use crate::fields::Name;
use crate::http1::write::{self, Framing};
use crate::http1::{Decoder, OnUpgrade, Piece, Told, Wire};
use crate::model::Answer;
use crate::request::{Body, BodyError};
use crate::send::carry::{Letter, milliseconds};
use crate::send::{DEADLINE, LeafBody, SHARD, SHARDS};
use crate::snapshot::Replica;

type Cause = Box<dyn Error + Send + Sync>;

/// A connection to a replica, which carries one request at a time.
#[derive(Debug)]
pub(super) struct Link(Wire<Stream>);

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection ended before anything of the answer came.
    Cut(Cause),
    /// Anything else: a wrong answer, or a body that broke off.
    Other(Cause),
}

impl Broken {
    pub(super) fn into_cause(self) -> Cause {
        match self {
            Self::Cut(cause) | Self::Other(cause) => cause,
        }
    }
}

/// What is left of a request to be sent while its answer is awaited, or comes.
#[derive(Debug)]
pub(super) struct Upload {
    body: Body,
    framing: Framing,
}

impl Link {
    pub(super) fn new(stream: Stream) -> Self {
        Self(Wire::new(stream))
    }

    /// Whether the other end has said nothing while the connection rested.
    pub(super) fn is_fresh(&mut self) -> bool {
        self.0.stream().is_silent()
    }

    /// Sends `letter` with `body` to `replica`, and reads the head of its answer.
    pub(super) async fn exchange(
        &mut self,
        replica: &Replica,
        letter: &Letter<'_>,
        body: Body,
    ) -> Result<(Told, Option<Upload>), Broken> {
        let mut upload = self.begin(replica, letter, body);
        let to_head = *letter.method == Method::HEAD;
        let told = std::future::poll_fn(|cx| self.poll_told(cx, &mut upload, to_head)).await?;
        Ok((told, upload))
    }

    /// Queues the request's head, and its body where that is there already.
    fn begin(&mut self, replica: &Replica, letter: &Letter<'_>, body: Body) -> Option<Upload> {
        let out = self.0.queue();
        let target = letter.uri.path_and_query().map_or("/", |target| target.as_str());
        write::request(out, letter.method, target);
        letter.headers.write(out);
        letter.added.each(letter.headers, |name, value| write::field(out, name, value));
        if letter.hostless {
            write::field(out, &HOST, replica.host().as_bytes());
        }
        write::number(out, &DEADLINE, milliseconds(letter.left));
        if let Some((shard, shards)) = letter.shard {
            write::field(out, &SHARD, shard.as_bytes());
            write::field(out, &SHARDS, shards.as_bytes());
        }
        let is_asking = matches!(*letter.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let measured =
            || is_asking && body.is_empty() || letter.headers.seen().has(Name::ContentLength);
        match body {
            Body::Empty | Body::Whole(_) => {
                let whole =
                    if let Body::Whole(bytes) = &body { bytes.clone() } else { Bytes::new() };
                if !measured() {
                    write::number(out, &CONTENT_LENGTH, whole.len() as u64);
                }
                write::blank(out);
                self.0.queue_piece(whole, Framing::Bare);
                None
            }
            Body::Incoming(..) => {
                let framing = if measured() { Framing::Bare } else { Framing::Chunked };
                if framing == Framing::Chunked {
                    write::chunked(out);
                }
                write::blank(out);
                Some(Upload { body, framing })
            }
        }
    }

    /// Writes what there is to write, until the head of the answer is there.
    fn poll_told(
        &mut self,
        cx: &mut Context<'_>,
        upload: &mut Option<Upload>,
        to_head: bool,
    ) -> Poll<Result<Told, Broken>> {
        // What cannot be written may have been answered before.
        let unwritten = match poll_upload(&mut self.0, cx, upload) {
            Poll::Ready(Err(Stopped::Client(error))) => {
                return Poll::Ready(Err(Broken::Other(error.into())));
            }
            Poll::Ready(Err(Stopped::Wire(error))) => Some(error),
            Poll::Ready(Ok(())) | Poll::Pending => None,
        };
        loop {
            let told = self.0.reader.response(to_head);
            match told.map_err(|fault| Broken::Other(fault.into()))? {
                Some(told) if told.status == StatusCode::SWITCHING_PROTOCOLS => {
                    return Poll::Ready(Ok(told));
                }
                // What comes before the answer is not for the client (RFC 9110 §15.2).
                Some(told) if told.status.is_informational() => continue,
                Some(told) => return Poll::Ready(Ok(told)),
                None => {}
            }
            let cut = match ready!(self.0.poll_fill(cx)) {
                Ok(0) => unwritten.unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => continue,
                Err(error) => error,
            };
            let begun = !self.0.reader.is_empty();
            let broken = if begun { Broken::Other } else { Broken::Cut };
            return Poll::Ready(Err(broken(cut.into())));
        }
    }

    /// The answer whose head was `told`. Its body may still be on its way; what comes with the head
    /// gives the connection back.
    pub(super) fn finish(
        mut self,
        (told, upload): (Told, Option<Upload>),
        replica: u64,
        pools: &Arc<Pools>,
    ) -> Answer<LeafBody> {
        let Told { status, headers, mut body, lasts } = told;
        let answer = |body| Answer { status, headers, body };
        if status == StatusCode::SWITCHING_PROTOCOLS {
            let (place, hand) = OnUpgrade::new();
            // Nobody wants it: then it ends here.
            hand.send(self.0.upgrade()).ok();
            return answer(LeafBody::switched(place));
        }
        let length = body.missing();
        let whole = if upload.is_none() { self.0.reader.whole(&mut body) } else { None };
        if upload.is_none() && body.is_ended() {
            // It may have been answered before all of it was written.
            if lasts && self.0.is_flushed() && self.0.reader.is_empty() {
                pools.rest(replica, self);
            }
            return answer(LeafBody::whole(whole.unwrap_or_default()));
        }
        let coming = Coming {
            link: Some(self),
            body,
            length,
            upload,
            lasts,
            replica,
            pools: Arc::clone(pools),
        };
        answer(LeafBody::coming(Box::new(coming)))
    }
}

/// Why no more of a request is sent.
enum Stopped {
    Wire(io::Error),
    Client(BodyError),
}

/// Sends what can be sent; ready when all was.
fn poll_upload(
    wire: &mut Wire<Stream>,
    cx: &mut Context<'_>,
    upload: &mut Option<Upload>,
) -> Poll<Result<(), Stopped>> {
    loop {
        while let (Some(Upload { body, framing }), true) = (&mut *upload, wire.has_room()) {
            let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) else { break };
            match frame.transpose().map_err(Stopped::Client)?.map(Frame::into_data) {
                Some(Ok(data)) if data.is_empty() => {}
                Some(Ok(data)) => wire.queue_piece(data, *framing),
                Some(Err(other)) => {
                    wire.queue_end(*framing, other.trailers_ref());
                    *upload = None;
                }
                None => {
                    wire.queue_end(*framing, None);
                    *upload = None;
                }
            }
        }
        let full = !wire.has_room();
        ready!(wire.poll_flush(cx)).map_err(Stopped::Wire)?;
        match upload {
            None => return Poll::Ready(Ok(())),
            Some(_) if full => {}
            Some(_) => return Poll::Pending,
        }
    }
}

/// An answer's body as it comes; its connection rests again once it was read to its end.
#[derive(Debug)]
pub(in crate::send) struct Coming {
    link: Option<Link>,
    body: Decoder,
    length: Option<u64>,
    upload: Option<Upload>,
    lasts: bool,
    replica: u64,
    pools: Arc<Pools>,
}

impl Coming {
    /// The next frame.
    pub(in crate::send) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        let Some(Link(wire)) = &mut self.link else { return Poll::Ready(None) };
        if (self.upload.is_some() || !wire.is_flushed())
            && let Poll::Ready(Err(stopped)) = poll_upload(wire, cx, &mut self.upload)
        {
            // The answer may still come to its end; the connection carries no other.
            self.lasts = false;
            self.upload = None;
            if let Stopped::Client(error) = stopped {
                self.link = None;
                return Poll::Ready(Some(Err(error.into())));
            }
        }
        let piece = match ready!(wire.poll_body(cx, &mut self.body)) {
            Ok(piece) => piece,
            Err(error) => {
                self.link = None;
                return Poll::Ready(Some(Err(error.into())));
            }
        };
        if self.body.is_ended() {
            self.rest();
        }
        Poll::Ready(match piece {
            Piece::Data(data) => Some(Ok(Frame::data(data))),
            Piece::Trailers(trailers) => Some(Ok(Frame::trailers(trailers))),
            Piece::End => None,
        })
    }

    /// All was read: the connection may carry another request, if all of this one was sent.
    fn rest(&mut self) {
        if let Some(link) = self.link.take()
            && self.lasts
            && self.upload.is_none()
            && link.0.is_flushed()
            && link.0.reader.is_empty()
        {
            self.pools.rest(self.replica, link);
        }
    }

    pub(in crate::send) fn is_end_stream(&self) -> bool {
        self.link.is_none()
    }

    pub(in crate::send) fn size_hint(&self) -> SizeHint {
        match (self.length, self.body.missing()) {
            (Some(_), Some(missing)) => SizeHint::with_exact(missing),
            _ => SizeHint::default(),
        }
    }
}
