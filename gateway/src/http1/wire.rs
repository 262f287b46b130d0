//! How do bytes come from a stream, and go to it? In as few calls as can be, and without a buffer
//! while nothing happens.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::decode::{Decoder, Piece};
use super::reader::Reader;
use super::upgrade::Upgraded;
use super::write::Framing;

/// Read at a time where it is not known how much will come; it lies on the stack.
const READ_MOST: usize = 8 << 10;
/// Read at a time of a body that is known to be long.
const BODY_READ: usize = 64 << 10;
/// A piece of a body up to this size goes with what stands before it, in one write: to copy it costs
/// less than a second slice.
const COPY_MOST: usize = 16 << 10;
/// More is not queued before some was written.
const QUEUE_MOST: usize = 64 << 10;

/// One end of a connection.
#[derive(Debug)]
pub struct Wire<S> {
    stream: S,
    /// What came and was not read yet.
    pub reader: Reader,
    /// To be written, then `piece`, then what stands `after` it; so much of the three was.
    queue: Vec<u8>,
    piece: Bytes,
    after: &'static [u8],
    written: usize,
    /// Where the rest of a long body is read to.
    room: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// A wire over `stream`.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            reader: Reader::default(),
            queue: Vec::new(),
            piece: Bytes::new(),
            after: &[],
            written: 0,
            room: BytesMut::new(),
        }
    }

    /// The stream itself.
    pub fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// What HTTP is done with.
    pub fn into_parts(mut self) -> (S, Bytes) {
        (self.stream, self.reader.take())
    }

    /// The stream, for those who speak something else over it.
    pub fn upgrade(self) -> Upgraded
    where
        S: Send + 'static,
    {
        let (stream, early) = self.into_parts();
        Upgraded::new(stream, early)
    }

    /// Reads once; gives how many bytes came, 0 at the end.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [MaybeUninit::uninit(); READ_MOST];
        let mut space = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut space))?;
        if !space.filled().is_empty() {
            self.reader.push(space.filled());
        }
        Poll::Ready(Ok(space.filled().len()))
    }

    /// The next piece of the body that `decoder` follows.
    pub fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        decoder: &mut Decoder,
    ) -> Poll<io::Result<Piece>> {
        loop {
            let piece = self.reader.body(decoder);
            if let Some(piece) = piece.map_err(io::Error::other)? {
                if decoder.is_ended() {
                    self.room = BytesMut::new();
                }
                return Poll::Ready(Ok(piece));
            }
            let long = decoder.missing().is_none_or(|missing| missing > READ_MOST as u64);
            let came = match long && self.reader.is_empty() {
                true => ready!(self.poll_read_long(cx))?,
                false => ready!(self.poll_fill(cx))?,
            };
            if came == 0 {
                let whole = decoder.end();
                let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, "it ended too early");
                return Poll::Ready(if whole { Ok(Piece::End) } else { Err(cut()) });
            }
        }
    }

    fn poll_read_long(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.room.capacity() < READ_MOST {
            self.room = BytesMut::with_capacity(BODY_READ);
        }
        let reading = std::pin::pin!(self.stream.read_buf(&mut self.room));
        let came = ready!(reading.poll(cx))?;
        self.reader.add(self.room.split().freeze());
        Poll::Ready(Ok(came))
    }

    /// Where a head, or what else is small, is written to.
    pub fn queue(&mut self) -> &mut Vec<u8> {
        debug_assert!(self.piece.is_empty(), "what follows a piece waits until it was written");
        &mut self.queue
    }

    /// Queues a piece of a body, as `framing` wants it.
    pub fn queue_piece(&mut self, piece: Bytes, framing: Framing) {
        framing.before(self.queue(), piece.len());
        let after = framing.after();
        if piece.len() <= COPY_MOST {
            self.queue.extend_from_slice(&piece);
            self.queue.extend_from_slice(after);
        } else {
            (self.piece, self.after) = (piece, after);
        }
    }

    /// Queues what ends a body, as `framing` wants it.
    pub fn queue_end(&mut self, framing: Framing, trailers: Option<&HeaderMap>) {
        if framing == Framing::Chunked && !self.piece.is_empty() {
            // Only data was queued since there was room: no trailers.
            self.after = b"\r\n0\r\n\r\n";
        } else {
            framing.end(&mut self.queue, trailers);
        }
    }

    /// Whether more may be queued.
    pub fn has_room(&self) -> bool {
        self.piece.is_empty() && self.queue.len() < QUEUE_MOST
    }

    /// Whether all that was queued was written.
    pub fn is_flushed(&self) -> bool {
        self.queue.is_empty() && self.piece.is_empty()
    }

    /// How much was written of what is queued.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Writes all that is queued.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.is_flushed() {
            let (parts, count) = unwritten([&self.queue, &self.piece, self.after], self.written);
            let stream = Pin::new(&mut self.stream);
            let wrote = match count {
                1 => stream.poll_write(cx, &parts[0]),
                _ => stream.poll_write_vectored(cx, &parts[..count]),
            };
            let wrote = ready!(wrote)?;
            if wrote == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += wrote;
            if self.written == self.queue.len() + self.piece.len() + self.after.len() {
                (self.queue, self.piece) = (Vec::new(), Bytes::new());
                (self.after, self.written) = (&[], 0);
            }
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Says that nothing more will be written.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Those of `parts` that are left when `written` bytes of them were, and how many they are.
fn unwritten<'p>(parts: [&'p [u8]; 3], mut written: usize) -> ([IoSlice<'p>; 3], usize) {
    let mut left = [IoSlice::new(&[]); 3];
    let mut count = 0;
    for part in parts {
        let from = written.min(part.len());
        written -= from;
        if from < part.len() {
            left[count] = IoSlice::new(&part[from..]);
            count += 1;
        }
    }
    (left, count)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn the_room_of_a_long_body_is_let_go_at_its_end() {
        let (mut client, server) = tokio::io::duplex(BODY_READ);
        let mut wire = Wire::new(server);
        let mut decoder = Decoder::length(2 * READ_MOST as u64);
        client.write_all(&[b'x'; 2 * READ_MOST]).await.unwrap();
        while !decoder.is_ended() {
            std::future::poll_fn(|cx| wire.poll_body(cx, &mut decoder)).await.unwrap();
        }
        assert_eq!(wire.room.capacity(), 0);
    }
}
