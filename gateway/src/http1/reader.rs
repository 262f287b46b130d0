//! Which messages are there in what has come? One after the other, out of bytes that come in pieces.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

use super::HEAD_MOST;
use super::decode::{Decoder, Piece};
use super::fault::Fault;
use super::head::{self, Asked, Told};

/// What an HTTP/2 connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What came over one connection and was not read yet.
///
/// ```
/// use metaparticle_gateway::http1::{Fault, Reader};
///
/// let mut reader = Reader::default();
/// reader.push(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 5\r\n");
/// assert_eq!(reader.request().unwrap().unwrap().method, "GET");
/// assert!(reader.request().unwrap().is_none());
///
/// reader.push(b"Transfer-Encoding: chunked\r\n\r\n");
/// assert_eq!(reader.request().unwrap_err(), Fault::BothLengths);
/// ```
#[derive(Debug, Default)]
pub struct Reader {
    pending: Bytes,
    /// How much of it was read already, of a head that is not whole.
    looked: usize,
}

impl Reader {
    /// This came.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.pending.is_empty() {
            self.pending = Bytes::copy_from_slice(bytes);
            return;
        }
        let mut both = BytesMut::with_capacity(self.pending.len() + bytes.len());
        both.extend_from_slice(&self.pending);
        both.extend_from_slice(bytes);
        self.pending = both.freeze();
    }

    /// This came; what came before it was read.
    pub(super) fn add(&mut self, bytes: Bytes) {
        self.pending = bytes;
    }

    /// Whether nothing came that was not read, but blank lines.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.pending.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
    }

    /// Whether all that came was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// All that came and was not read.
    pub fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.pending)
    }

    /// Whether HTTP/2 is what came; `None` where that cannot be said yet.
    #[must_use]
    pub fn is_http2(&self) -> Option<bool> {
        match self.pending.len().cmp(&PREFACE.len()) {
            std::cmp::Ordering::Less if PREFACE.starts_with(&self.pending) => None,
            _ => Some(self.pending.starts_with(PREFACE)),
        }
    }

    /// The next request; `None` while its head is not whole.
    ///
    /// # Errors
    /// When it has more than one reading, or none.
    pub fn request(&mut self) -> Result<Option<Asked>, Fault> {
        // Blank lines before a request mean nothing (RFC 9112 §2.2).
        while self.pending.starts_with(b"\r\n") {
            self.pending.advance(2);
            self.looked = self.looked.saturating_sub(2);
        }
        self.head(head::request)
    }

    /// The next answer, to a request whose method was `HEAD` or not; `None` while its head is not
    /// whole.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn response(&mut self, to_head: bool) -> Result<Option<Told>, Fault> {
        self.head(|bytes| head::response(bytes, to_head))
    }

    fn head<T>(
        &mut self,
        read: impl Fn(&Bytes) -> Result<Option<(T, usize)>, Fault>,
    ) -> Result<Option<T>, Fault> {
        // A head that trickles in is read again with each line, not with each byte.
        if memchr(b'\n', &self.pending[self.looked..]).is_none() {
            self.looked = self.pending.len();
            return if self.looked > HEAD_MOST { Err(Fault::TooLarge) } else { Ok(None) };
        }
        match read(&self.pending)? {
            Some((_, end)) if end > HEAD_MOST => Err(Fault::TooLarge),
            Some((head, end)) => {
                self.looked = 0;
                // What is shared is let go with the message: a connection that rests keeps nothing.
                self.pending.advance(end);
                if self.pending.is_empty() {
                    self.pending = Bytes::new();
                }
                Ok(Some(head))
            }
            None if self.pending.len() > HEAD_MOST => Err(Fault::TooLarge),
            None => {
                self.looked = self.pending.len();
                Ok(None)
            }
        }
    }

    /// The next piece of the body that `decoder` follows; `None` where more must come first.
    ///
    /// # Errors
    /// When its end is in doubt.
    pub fn body(&mut self, decoder: &mut Decoder) -> Result<Option<Piece>, Fault> {
        let piece = decoder.next(&mut self.pending);
        if self.pending.is_empty() {
            self.pending = Bytes::new();
        }
        piece
    }

    /// The whole body that `decoder` follows, where its length is known and all of it has come.
    pub fn whole(&mut self, decoder: &mut Decoder) -> Option<Bytes> {
        decoder.missing().filter(|missing| (1..=self.pending.len() as u64).contains(missing))?;
        // A length is without doubt.
        let Ok(Some(Piece::Data(whole))) = self.body(decoder) else { return None };
        Some(whole)
    }

    /// Whether what came of the body that `decoder` follows is without fault.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(&self, decoder: &Decoder) -> Result<(), Fault> {
        let (mut decoder, mut pending) = (*decoder, self.pending.clone());
        while let Some(piece) = decoder.next(&mut pending)? {
            if matches!(piece, Piece::End | Piece::Trailers(_)) {
                break;
            }
        }
        Ok(())
    }
}
