//! Where does a body end, and what is in it?

use bytes::{Buf, Bytes};
use http::HeaderMap;

use super::HEAD_MOST;
use super::chunk::Chunks;
use super::fault::Fault;
use super::head;

/// Follows one body to its end.
#[derive(Debug, Clone, Copy)]
pub struct Decoder(Place);

#[derive(Debug, Clone, Copy)]
enum Place {
    /// So many bytes are missing.
    Length(u64),
    Chunked(Chunks),
    Trailers,
    /// The body ends with the connection.
    ToEnd,
    Ended,
}

/// A piece of a body.
#[derive(Debug)]
pub enum Piece {
    /// Some of its bytes, at least one.
    Data(Bytes),
    /// What follows the bytes, where something does.
    Trailers(HeaderMap),
    /// Nothing more.
    End,
}

impl Decoder {
    /// There is no body.
    #[must_use]
    pub fn none() -> Self {
        Self(Place::Ended)
    }

    pub(super) fn length(length: u64) -> Self {
        Self(if length == 0 { Place::Ended } else { Place::Length(length) })
    }

    pub(super) fn chunked() -> Self {
        Self(Place::Chunked(Chunks::default()))
    }

    pub(super) fn to_end() -> Self {
        Self(Place::ToEnd)
    }

    /// Whether nothing more comes.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self.0, Place::Ended)
    }

    pub(super) fn is_to_end(&self) -> bool {
        matches!(self.0, Place::ToEnd)
    }

    /// How many bytes are missing, where that is known.
    #[must_use]
    pub fn missing(&self) -> Option<u64> {
        match self.0 {
            Place::Length(missing) => Some(missing),
            Place::Ended => Some(0),
            Place::Chunked(_) | Place::Trailers | Place::ToEnd => None,
        }
    }

    /// The next piece, out of what has come; `None` where more must come first.
    pub(super) fn next(&mut self, pending: &mut Bytes) -> Result<Option<Piece>, Fault> {
        match &mut self.0 {
            Place::Ended => Ok(Some(Piece::End)),
            _ if pending.is_empty() => Ok(None),
            Place::Length(missing) => {
                let size = pending.len().min(usize::try_from(*missing).unwrap_or(usize::MAX));
                *missing -= size as u64;
                if *missing == 0 {
                    self.0 = Place::Ended;
                }
                Ok(Some(Piece::Data(pending.split_to(size))))
            }
            Place::Chunked(chunks) => {
                if let Some(data) = chunk(chunks, pending)? {
                    return Ok(Some(Piece::Data(data)));
                }
                if chunks.is_last() {
                    self.0 = Place::Trailers;
                    return self.next(pending);
                }
                Ok(None)
            }
            Place::Trailers => {
                let Some((trailers, end)) = head::trailers(pending)? else {
                    return if pending.len() > HEAD_MOST { Err(Fault::TooLarge) } else { Ok(None) };
                };
                if end > HEAD_MOST {
                    return Err(Fault::TooLarge);
                }
                pending.advance(end);
                self.0 = Place::Ended;
                Ok(Some(if trailers.is_empty() { Piece::End } else { Piece::Trailers(trailers) }))
            }
            Place::ToEnd => Ok(Some(Piece::Data(std::mem::take(pending)))),
        }
    }

    /// The connection ended: whether the body did with it.
    pub(super) fn end(&mut self) -> bool {
        let ends = matches!(self.0, Place::ToEnd | Place::Ended);
        self.0 = Place::Ended;
        ends
    }
}

/// The data of a chunk, as far as it has come.
fn chunk(chunks: &mut Chunks, pending: &mut Bytes) -> Result<Option<Bytes>, Fault> {
    let mut at = 0;
    // Where there is a fault nothing is taken: who looks again finds it again.
    let mut ahead = *chunks;
    while at < pending.len() && !ahead.is_last() {
        let is_data = ahead.is_in_data();
        let size = ahead.step(&pending[at..])?;
        if is_data {
            *chunks = ahead;
            pending.advance(at);
            return Ok(Some(pending.split_to(size)));
        }
        at += size;
    }
    *chunks = ahead;
    pending.advance(at);
    Ok(None)
}
