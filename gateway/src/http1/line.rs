//! What do the lines of a head say of the body's length, and what is wrong with one that says nothing?

use std::ops::Range;

use http::{StatusCode, Version};
use memchr::memchr2;

use super::decode::Decoder;
use super::fault::Fault;

/// What hyper keeps for its own use at the end of the range.
const MAX_LENGTH: u64 = u64::MAX - 2;

/// The lengths given so far in one head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lengths {
    content_length: Option<u64>,
    chunked: bool,
    http10: bool,
}

/// Reads the first line of a request: what it says of lengths, and how long the method is.
pub(super) fn request(line: &[u8]) -> Result<(Lengths, usize), Fault> {
    let (before, version) = line.split_last_chunk().ok_or_else(|| malformed(line))?;
    let http10 = match version {
        b" HTTP/1.1" => false,
        b" HTTP/1.0" => true,
        _ => return Err(malformed(line)),
    };
    let method = token(before);
    match before.split_at(method) {
        (_, [b' ', target @ ..])
            if method > 0 && !target.is_empty() && memchr2(b' ', b'\t', target).is_none() =>
        {
            no_control(target)?;
            Ok((Lengths { content_length: None, chunked: false, http10 }, method))
        }
        _ => Err(malformed(line)),
    }
}

fn malformed(line: &[u8]) -> Fault {
    no_control(line).err().unwrap_or(Fault::InvalidRequestLine)
}

/// Reads the first line of an answer; its reason says nothing (RFC 9112 §4).
pub(super) fn status(line: &[u8]) -> Result<(Version, StatusCode), Fault> {
    let (version, rest) = match line {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ (b'0' | b'1'), b' ', rest @ ..] => {
            (if *minor == b'1' { Version::HTTP_11 } else { Version::HTTP_10 }, rest)
        }
        _ => return Err(Fault::InvalidStatusLine),
    };
    let (digits, reason) = rest.split_at(rest.len().min(3));
    let status = StatusCode::from_bytes(digits).map_err(|_| Fault::InvalidStatusLine)?;
    match reason {
        [] | [b' ', ..] => Ok((version, status)),
        _ => Err(Fault::InvalidStatusLine),
    }
}

impl Lengths {
    /// Where the body ends.
    pub(super) fn decoder(&self) -> Decoder {
        if self.chunked {
            return Decoder::chunked();
        }
        self.content_length.map_or_else(Decoder::none, Decoder::length)
    }

    pub(super) fn is_http10(&self) -> bool {
        self.http10
    }

    /// Reads the value of a `Content-Length`.
    pub(super) fn length(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.chunked {
            return Err(Fault::BothLengths);
        }
        let length = number(value).ok_or(Fault::InvalidLength)?;
        if self.content_length.is_some_and(|before| before != length) {
            return Err(Fault::DifferingLengths);
        }
        self.content_length = Some(length);
        Ok(())
    }

    /// Reads the value of a `Transfer-Encoding`.
    pub(super) fn coding(&mut self, value: &[u8]) -> Result<(), Fault> {
        if self.content_length.is_some() {
            return Err(Fault::BothLengths);
        }
        if self.http10 {
            return Err(Fault::TransferEncodingInHttp10);
        }
        if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Fault::UnknownCoding);
        }
        self.chunked = true;
        Ok(())
    }
}

/// Where the name of the field that `line` is ends, and where its value stands, in which no control
/// character was looked for.
pub(super) fn field(line: &[u8]) -> Result<(usize, Range<usize>), Fault> {
    let colon = token(line);
    if colon == 0 || line.get(colon) != Some(&b':') {
        return Err(fault(line));
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = line[colon + 1..].iter().position(|byte| !is_blank(byte));
    let start = start.map_or(line.len(), |blanks| colon + 1 + blanks);
    let last = line[start..].iter().rposition(|byte| !is_blank(byte));
    let end = last.map_or(start, |last| start + last + 1);
    Ok((colon, start..end))
}

/// What is wrong with a line that is no field.
fn fault(line: &[u8]) -> Fault {
    let (name, after) = line.split_at(token(line));
    match after {
        [b' ' | b'\t', ..] if name.is_empty() => Fault::FoldedHeader,
        [b' ' | b'\t', ..] if trim(after).starts_with(b":") => Fault::SpaceBeforeColon,
        _ => no_control(after).err().unwrap_or(Fault::InvalidName),
    }
}

/// Without the blanks around, which are these two and no others.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Digits only: no sign, no list, no other base.
pub(super) fn number(value: &[u8]) -> Option<u64> {
    let add = |number: u64, digit: &u8| match digit {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    };
    let number = value.iter().try_fold(0, add)?;
    (!value.is_empty() && number <= MAX_LENGTH).then_some(number)
}

pub(super) fn no_control(bytes: &[u8]) -> Result<(), Fault> {
    if controls(bytes) == 0 { Ok(()) } else { Err(Fault::ControlCharacter) }
}

/// How many control characters there are, but for tabs: counted many at a time, in bytes that cannot
/// overflow.
pub(super) fn controls(bytes: &[u8]) -> usize {
    let is_control = |byte: u8| (byte < b' ') & (byte != b'\t') | (byte == 0x7f);
    let count =
        |piece: &[u8]| piece.iter().fold(0, |count, &byte| count + u8::from(is_control(byte)));
    bytes.chunks(128).map(|piece| usize::from(count(piece))).sum()
}

/// How many bytes at the beginning may stand in a name.
fn token(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| !IS_TOKEN[usize::from(byte)]).unwrap_or(bytes.len())
}

static IS_TOKEN: [bool; 256] = {
    let others = b"!#$%&'*+-.^_`|~";
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
};
