//! Where does one request end and the next begin, and is there only one way to read it?
//!
//! hyper reads with some lenience and removes what it resolved: of `Content-Length` beside
//! `Transfer-Encoding` a handler sees only one, and of a bare line feed nothing. The next server
//! may resolve it differently, which is how a request is smuggled inside another. So the
//! connection shows [`Framing`] every byte it reads; it follows the messages beside hyper and
//! says which request has more than one reading, before that request is sent on.

mod chunk;
mod head;

#[cfg(test)]
mod against_hyper;
#[cfg(test)]
mod tests;

use memchr::memchr;

use chunk::Chunks;
use head::Lengths;

/// Follows the messages of one HTTP/1 connection.
///
/// ```
/// use metaparticle_gateway::serve::framing::{Fault, Framing};
///
/// let mut framing = Framing::new(65_536);
/// framing.observe(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 5\r\n");
/// assert_eq!((framing.heads(), framing.fault()), (1, None));
///
/// framing.observe(b"Transfer-Encoding: chunked\r\n\r\n");
/// assert_eq!(framing.fault(), Some((2, Fault::BothLengths)));
/// ```
#[derive(Debug)]
pub struct Framing {
    place: Place,
    heads: u64,
    /// The line that has begun and not ended; there is one only while a sender is slow.
    partial: Option<Box<Partial>>,
    /// Bytes of this head, or of these trailers, in whole lines.
    used: u32,
    max_head: u32,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// Before a request line, where blank lines mean nothing.
    Between,
    Fields(Lengths),
    /// In a body of known length, of which so much is missing.
    Body(u64),
    Chunked(Chunks),
    Trailers,
    /// No longer a matter of HTTP/1.
    Over,
    Faulty {
        request: u64,
        fault: Fault,
    },
}

#[derive(Debug, Default)]
struct Partial {
    line: Vec<u8>,
}

impl Framing {
    /// A connection on which nothing was read yet, whose heads may have `max_head` bytes.
    #[must_use]
    pub fn new(max_head: usize) -> Self {
        let max_head = u32::try_from(max_head).unwrap_or(u32::MAX);
        Self { place: Place::Between, heads: 0, partial: None, used: 0, max_head }
    }

    /// Sees what was read, in the order and division in which it came.
    pub fn observe(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.step(bytes) {
                Ok(eaten) => bytes = &bytes[eaten..],
                Err(fault) => {
                    let request = self.heads + u64::from(self.is_before_body());
                    self.end(Place::Faulty { request, fault });
                }
            }
        }
    }

    /// The first fault: which request of this connection, counted from one, and what it is.
    #[must_use]
    pub fn fault(&self) -> Option<(u64, Fault)> {
        match self.place {
            Place::Faulty { request, fault } => Some((request, fault)),
            _ => None,
        }
    }

    /// The connection became something else, as after an upgrade: looks no more.
    pub fn rest(&mut self) {
        if self.fault().is_none() {
            self.end(Place::Over);
        }
    }

    /// How many requests had a whole head without fault.
    #[must_use]
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether the last message has ended and nothing of the next was seen but blank lines.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let only_blank = self.partial.as_ref().is_none_or(|partial| partial.line == b"\r");
        matches!(self.place, Place::Between) && only_blank
    }

    /// Whether a body is under way: its head was seen, its end was not.
    #[must_use]
    pub fn is_in_body(&self) -> bool {
        matches!(self.place, Place::Body(_) | Place::Chunked(_) | Place::Trailers)
    }

    /// Whether this is no longer, or never was, a matter of HTTP/1.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.place, Place::Over)
    }

    fn is_before_body(&self) -> bool {
        matches!(self.place, Place::Between | Place::Fields(_))
    }

    fn end(&mut self, place: Place) {
        self.place = place;
        self.partial = None;
    }

    /// Takes some of the bytes, at least one, and tells how many.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        match &mut self.place {
            Place::Between | Place::Fields(_) | Place::Trailers => self.line(bytes),
            Place::Body(missing) => {
                let eaten = bytes.len().min(usize::try_from(*missing).unwrap_or(usize::MAX));
                *missing -= eaten as u64;
                if *missing == 0 {
                    self.place = Place::Between;
                }
                Ok(eaten)
            }
            Place::Chunked(chunks) => {
                let eaten = chunks.step(bytes)?;
                if chunks.is_last() {
                    self.place = Place::Trailers;
                }
                Ok(eaten)
            }
            Place::Over | Place::Faulty { .. } => Ok(bytes.len()),
        }
    }

    fn line(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let end = memchr(b'\n', bytes);
        let eaten = end.map_or(bytes.len(), |end| end + 1);
        let begun = self.partial.as_ref().map_or(0, |partial| partial.line.len());
        let used = self.used as usize + begun + eaten;
        if used > self.max_head as usize {
            return Err(Fault::TooLarge);
        }
        let Some(end) = end else {
            self.partial.get_or_insert_default().line.extend_from_slice(bytes);
            return Ok(eaten);
        };
        self.used = u32::try_from(used).unwrap_or(u32::MAX);
        match self.partial.take() {
            None => self.whole_line(&bytes[..end])?,
            Some(mut partial) => {
                partial.line.extend_from_slice(&bytes[..end]);
                self.whole_line(&partial.line)?;
            }
        }
        Ok(eaten)
    }

    /// Reads a line that came without its line feed.
    fn whole_line(&mut self, line: &[u8]) -> Result<(), Fault> {
        let line = line.strip_suffix(b"\r").ok_or(Fault::BareLineFeed)?;
        match self.place {
            Place::Between if line.is_empty() => {}
            Place::Between if self.is_preface(line) => self.place = Place::Over,
            Place::Between => self.place = Place::Fields(head::request_line(line)?),
            Place::Fields(lengths) if line.is_empty() => {
                self.place = body(&lengths);
                self.heads += 1;
                self.used = 0;
            }
            Place::Fields(mut lengths) => {
                lengths.field(line)?;
                self.place = Place::Fields(lengths);
            }
            Place::Trailers if line.is_empty() => {
                self.place = Place::Between;
                self.used = 0;
            }
            Place::Trailers => head::trailer(line)?,
            Place::Body(_) | Place::Chunked(_) | Place::Over | Place::Faulty { .. } => {}
        }
        Ok(())
    }

    /// HTTP/2 begins with a line like a request, which must be the very first.
    fn is_preface(&self, line: &[u8]) -> bool {
        self.heads == 0 && self.used == 16 && line == b"PRI * HTTP/2.0"
    }
}

fn body(lengths: &Lengths) -> Place {
    if lengths.is_chunked() {
        return Place::Chunked(Chunks::default());
    }
    lengths.content_length().filter(|&length| length > 0).map_or(Place::Between, Place::Body)
}

/// What gives a request more than one reading, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A length stands beside a coding that has its own end.
    #[error("both Content-Length and Transfer-Encoding are given")]
    BothLengths,
    /// Lengths that contradict each other.
    #[error("several values of Content-Length differ")]
    DifferingLengths,
    /// A length that is not one plain decimal number.
    #[error("the value of Content-Length is not a number of bytes")]
    InvalidLength,
    /// Any other coding than `chunked`, named once and alone.
    #[error("the value of Transfer-Encoding is not `chunked`")]
    UnknownCoding,
    /// HTTP/1.0 has no transfer codings, so its servers look for the length only.
    #[error("Transfer-Encoding is given in HTTP/1.0")]
    TransferEncodingInHttp10,
    /// Trailers come too late to say where the body ends.
    #[error("a trailer gives a length or a coding")]
    LengthInTrailers,
    /// The first line is not method, target and a version of HTTP/1.
    #[error("the request line is malformed")]
    InvalidRequestLine,
    /// A line feed without carriage return, where some see the end of a line.
    #[error("a line ends without carriage return")]
    BareLineFeed,
    /// A carriage return within a line, NUL or the like, where some see the end of a line.
    #[error("a line has a control character")]
    ControlCharacter,
    /// A line that some read as a part of the field before.
    #[error("a header field is folded")]
    FoldedHeader,
    /// Some read the name without the space, others do not know the name.
    #[error("a space stands between a header's name and its colon")]
    SpaceBeforeColon,
    /// A field without name, without colon, or with a name that is no token.
    #[error("a header's name is malformed")]
    InvalidName,
    /// A head, or trailers, beyond what the connection allows.
    #[error("the head or the trailers are too large")]
    TooLarge,
    /// The line before a chunk is not its size in hexadecimal and, perhaps, extensions.
    #[error("the size of a chunk is malformed")]
    BadChunkSize,
    /// The extensions of a body are longer than anyone has use for.
    #[error("the extensions of the chunks are too long")]
    LongExtensions,
    /// A chunk is longer than its size says.
    #[error("a chunk does not end where its size says")]
    BadChunkEnd,
}
