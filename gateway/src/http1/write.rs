//! How is a message written?

use std::io::Write as _;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, Method, StatusCode};

/// Room for a small message, so that its buffer does not grow.
const SMALL: usize = 1024;

/// The first line of a request.
pub fn request(out: &mut Vec<u8>, method: &Method, target: &str) {
    out.reserve(SMALL);
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// The first line of an answer.
pub fn status(out: &mut Vec<u8>, status: StatusCode) {
    out.reserve(SMALL);
    if status == StatusCode::OK {
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// One field.
pub fn field(out: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    let name = name.as_str().as_bytes();
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// How a body is told from what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none, or its length was said.
    Bare,
    /// In chunks.
    Chunked,
}

/// A field that says a number.
pub fn number(out: &mut Vec<u8>, name: &HeaderName, mut number: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b"0123456789"[(number % 10) as usize];
        number /= 10;
        if number == 0 {
            return field(out, name, &digits[first..]);
        }
    }
}

/// The field that says that a body comes in chunks.
pub fn chunked(out: &mut Vec<u8>) {
    field(out, &TRANSFER_ENCODING, b"chunked");
}

/// The end of a head.
pub fn blank(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

impl Framing {
    /// What stands before a piece of `length` bytes; none is empty.
    pub fn before(self, out: &mut Vec<u8>, length: usize) {
        if self == Self::Chunked {
            write!(out, "{length:x}\r\n").ok();
        }
    }

    /// What stands after a piece.
    #[must_use]
    pub fn after(self) -> &'static [u8] {
        match self {
            Self::Bare => b"",
            Self::Chunked => b"\r\n",
        }
    }

    /// What stands at the end, with `trailers` where they may be told.
    pub fn end(self, out: &mut Vec<u8>, trailers: Option<&HeaderMap>) {
        if self == Self::Chunked {
            out.extend_from_slice(b"0\r\n");
            // Those that came over HTTP/2 may say what must not be believed here.
            for (name, value) in trailers.into_iter().flatten() {
                if !matches!(*name, CONTENT_LENGTH | TRANSFER_ENCODING) {
                    field(out, name, value.as_bytes());
                }
            }
            blank(out);
        }
    }
}
