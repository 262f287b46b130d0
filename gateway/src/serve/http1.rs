//! How is HTTP/1 spoken with a client? One request after the other, each answered before the next is
//! read.
//!
//! While it is answered the connection does what its request's body asks for, and watches whether the
//! client is still there.

mod tell;

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Method, StatusCode, Uri, Version};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use super::connection::Connection;
use super::life::Waits;
use crate::fields::Fields;
use crate::http1::{Asked, Decoder, Fault, Inlet, OnUpgrade, Upgraded, Wire, inlet};
use crate::request::{Arrived, Body as RequestBody, Rejected};
use crate::send::Carrier;

const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What a connection came to.
#[derive(Debug)]
pub(super) enum Over<S> {
    /// Its end.
    Ended,
    /// HTTP/2, of which these bytes came already.
    Http2(S, Bytes),
}

/// What is heard next.
#[expect(clippy::large_enum_variant, reason = "nearly always a request, and never kept")]
enum Heard {
    Request(Asked),
    Fault(Fault),
    Http2,
    /// Nothing more: the client is gone, or we are leaving.
    Nothing,
}

/// What comes after an answer.
enum Next {
    /// The next request.
    Request,
    /// The end; where the client may still be sending, it has a moment to read the answer.
    End { sending: bool },
    /// Something else than HTTP, and who takes it.
    Tunnel(Option<Hand>),
}

/// Who takes a connection that speaks something else.
type Hand = oneshot::Sender<Upgraded>;

/// The client is gone, or cannot be understood any more.
struct Gone;

/// A connection that speaks HTTP/1.
#[derive(Debug)]
pub(super) struct Conversation<'c, S, C> {
    wire: Wire<S>,
    connection: &'c Connection<C>,
    /// The first request may be HTTP/2's preface.
    first: bool,
    /// How much was written of what is queued, where the last write found no room.
    blocked: Option<usize>,
}

/// What is known of the request that is being answered.
struct Asking {
    to_head: bool,
    version: Version,
    /// Whether another may follow.
    lasts: bool,
    /// Whether the client takes trailers.
    trailers: bool,
    upload: Upload,
    /// Who asked to speak something else after it.
    hand: Option<Hand>,
}

/// The request's body, on its way to who wants it.
struct Upload {
    inlet: Option<Inlet>,
    decoder: Decoder,
    /// The client waits to be told to go on.
    expects: bool,
    /// A piece is waited for.
    waits: bool,
}

impl<'c, S, C> Conversation<'c, S, C>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    C: Carrier,
{
    pub(super) fn new(stream: S, connection: &'c Connection<C>) -> Self {
        Self { wire: Wire::new(stream), connection, first: true, blocked: None }
    }

    /// Speaks to the end.
    pub(super) async fn run(mut self) -> Over<S> {
        loop {
            let next = match std::future::poll_fn(|cx| self.poll_heard(cx)).await {
                Heard::Request(asked) => self.request(asked).await,
                Heard::Fault(fault) => self.fault(fault).await,
                Heard::Http2 => {
                    self.connection.life.speaks_http2();
                    let (stream, early) = self.wire.into_parts();
                    return Over::Http2(stream, early);
                }
                Heard::Nothing => Next::End { sending: false },
            };
            self.first = false;
            match next {
                Next::Request => {}
                Next::End { sending } => {
                    Box::pin(self.end(sending)).await;
                    return Over::Ended;
                }
                Next::Tunnel(hand) => {
                    self.connection.life.waits(Waits::Nothing);
                    if let Some(hand) = hand {
                        // Nobody wants it: then it ends here.
                        hand.send(self.wire.upgrade()).ok();
                    }
                    return Over::Ended;
                }
            }
        }
    }

    fn poll_heard(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        let life = &self.connection.life;
        loop {
            if self.first && !self.wire.reader.is_empty() {
                match self.wire.reader.is_http2() {
                    Some(true) => return Poll::Ready(Heard::Http2),
                    Some(false) => self.first = false,
                    None => {}
                }
            }
            if !self.first {
                match self.wire.reader.request() {
                    Ok(Some(asked)) => return Poll::Ready(Heard::Request(asked)),
                    Err(fault) => return Poll::Ready(Heard::Fault(fault)),
                    Ok(None) => {}
                }
            }
            let idle = self.wire.reader.is_idle();
            life.waits(if idle { Waits::Request } else { Waits::Head });
            match self.wire.poll_fill(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Heard::Nothing),
                Poll::Pending if idle && life.leaves() => return Poll::Ready(Heard::Nothing),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Answers what cannot be understood; nothing after it can be.
    async fn fault(&mut self, fault: Fault) -> Next {
        // For the log: what was asked is not known for sure.
        let (method, uri) = (Method::GET, Uri::from_static("*"));
        let (headers, body) = (Fields::default(), RequestBody::Empty);
        let came = Arrived::new(method, uri, Version::HTTP_11, headers, body);
        let asking = Asking {
            to_head: false,
            version: Version::HTTP_11,
            lasts: false,
            trailers: false,
            upload: Upload { inlet: None, decoder: Decoder::none(), expects: false, waits: false },
            hand: None,
        };
        match self.answer(came, Some(rejected(fault)), asking).await {
            Next::End { .. } => Next::End { sending: true },
            next => next,
        }
    }

    async fn request(&mut self, asked: Asked) -> Next {
        let Asked {
            method,
            uri,
            version,
            headers,
            body: mut decoder,
            lasts,
            upgrades,
            expects,
            trailers,
        } = asked;
        let fault = self.wire.reader.check(&decoder).err().map(rejected);
        let to_head = method == Method::HEAD;
        let (body, inlet) = self.body(&mut decoder);
        let mut came = Arrived::new(method, uri, version, headers, body);
        let hand = upgrades.then(|| {
            let (place, hand) = OnUpgrade::new();
            came.upgrades(place, self.connection.keep());
            hand
        });
        // Who has sent its body with the head does not wait for anything.
        let expects = expects && inlet.is_some();
        let upload = Upload { inlet, decoder, expects, waits: false };
        let asking = Asking { to_head, version, lasts, trailers, upload, hand };
        self.answer(came, fault, asking).await
    }

    /// The request's body: what came of it with the head need not be asked for.
    fn body(&mut self, decoder: &mut Decoder) -> (RequestBody, Option<Inlet>) {
        if decoder.is_ended() {
            return (RequestBody::Empty, None);
        }
        if let Some(whole) = self.wire.reader.whole(decoder) {
            return (RequestBody::Whole(whole), None);
        }
        let (inlet, inbound) = inlet(decoder.missing());
        if let Ok(Some(piece)) = self.wire.reader.body(decoder) {
            inlet.give(Ok(piece));
        }
        (RequestBody::inbound(inbound), Some(inlet).filter(|_| !decoder.is_ended()))
    }

    async fn answer(
        &mut self,
        mut came: Arrived,
        fault: Option<Rejected>,
        mut asking: Asking,
    ) -> Next {
        let connection = self.connection;
        // Boxed, so that a connection that rests does not keep the room of a request; and with what came,
        // so that nobody keeps it while the answer is told.
        let mut answering = Box::pin(async move { connection.answer(&mut came, fault).await });
        let answer = std::future::poll_fn(|cx| {
            loop {
                if let Poll::Ready(answer) = answering.as_mut().poll(cx) {
                    return Poll::Ready(Ok(answer));
                }
                ready!(self.poll_meanwhile(cx, &mut asking.upload))?;
            }
        });
        let answer = match answer.await {
            Ok(answer) => answer,
            Err(Gone) => return Next::End { sending: false },
        };
        drop(answering);
        if answer.status != StatusCode::SWITCHING_PROTOCOLS {
            return self.tell(answer, asking).await;
        }
        self.switch(&answer);
        match std::future::poll_fn(|cx| self.wire.poll_flush(cx)).await {
            Ok(()) => Next::Tunnel(asking.hand),
            Err(_) => Next::End { sending: false },
        }
    }

    /// Does what the request's body asks for; ready when something of it came. Without one, watches
    /// whether the client goes away.
    fn poll_meanwhile(
        &mut self,
        cx: &mut Context<'_>,
        upload: &mut Upload,
    ) -> Poll<Result<(), Gone>> {
        let Some(inlet) = &upload.inlet else { return self.poll_gone(cx) };
        if !inlet.poll_wanted(cx) {
            return Poll::Pending;
        }
        if std::mem::take(&mut upload.expects) && self.wire.reader.is_empty() {
            self.wire.queue().extend_from_slice(GO_ON);
            if let Poll::Ready(Err(_)) = self.wire.poll_flush(cx) {
                return Poll::Ready(Err(Gone));
            }
        }
        let life = &self.connection.life;
        if !std::mem::replace(&mut upload.waits, true) && self.blocked.is_none() {
            life.waits(Waits::Body);
        }
        let piece = self.wire.poll_body(cx, &mut upload.decoder);
        life.reads(piece.is_pending());
        let piece = ready!(piece);
        upload.waits = false;
        let ended = piece.is_err() || upload.decoder.is_ended();
        inlet.give(piece);
        if ended {
            upload.inlet = None;
            if self.blocked.is_none() {
                life.waits(Waits::Request);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the client is gone. What it sends meanwhile is the beginning of its next request,
    /// and is kept; more of it is not read.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        while self.wire.reader.is_empty() {
            match ready!(self.wire.poll_fill(cx)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Poll::Ready(Err(Gone)),
            }
        }
        Poll::Pending
    }
}

fn rejected(fault: Fault) -> Rejected {
    match fault {
        Fault::TooLarge | Fault::TooManyFields => Rejected::HeadTooLarge(fault.to_string().into()),
        _ => Rejected::Framing(fault.to_string().into()),
    }
}
