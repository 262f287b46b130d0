//! What do the lines of a head say of the body's length?

use memchr::memchr2;

use super::Fault;

/// What hyper keeps for its own use at the end of the range.
const MAX_LENGTH: u64 = u64::MAX - 2;

/// The lengths given so far in one head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lengths {
    content_length: Option<u64>,
    chunked: bool,
    http10: bool,
}

/// Reads the first line of a head.
pub(super) fn request_line(line: &[u8]) -> Result<Lengths, Fault> {
    no_control(line)?;
    let (before, version) = line.split_last_chunk().ok_or(Fault::InvalidRequestLine)?;
    let http10 = match version {
        b" HTTP/1.1" => false,
        b" HTTP/1.0" => true,
        _ => return Err(Fault::InvalidRequestLine),
    };
    let (method, target) = before.split_at(token(before));
    match target {
        [b' ', target @ ..]
            if !method.is_empty()
                && !target.is_empty()
                && memchr2(b' ', b'\t', target).is_none() =>
        {
            Ok(Lengths { content_length: None, chunked: false, http10 })
        }
        _ => Err(Fault::InvalidRequestLine),
    }
}

/// Reads a field after the body, where lengths have no place.
pub(super) fn trailer(line: &[u8]) -> Result<(), Fault> {
    let (name, _) = split(line)?;
    if is_content_length(name) || is_transfer_encoding(name) {
        return Err(Fault::LengthInTrailers);
    }
    Ok(())
}

impl Lengths {
    /// Reads a field of the head.
    pub(super) fn field(&mut self, line: &[u8]) -> Result<(), Fault> {
        let (name, value) = split(line)?;
        if is_content_length(name) {
            self.add_length(trim(value))
        } else if is_transfer_encoding(name) {
            self.add_coding(trim(value))
        } else {
            Ok(())
        }
    }

    pub(super) fn is_chunked(&self) -> bool {
        self.chunked
    }

    pub(super) fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    fn add_length(&mut self, value: &[u8]) -> Result<(), Fault> {
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

    fn add_coding(&mut self, value: &[u8]) -> Result<(), Fault> {
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

/// The name of a field and what stands after its colon.
fn split(line: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let (name, after) = line.split_at(token(line));
    match after {
        [b' ' | b'\t', ..] if name.is_empty() => Err(Fault::FoldedHeader),
        [b':', value @ ..] if !name.is_empty() => {
            no_control(value)?;
            Ok((name, value))
        }
        [b' ' | b'\t', ..] if trim(after).starts_with(b":") => Err(Fault::SpaceBeforeColon),
        _ => {
            no_control(after)?;
            Err(Fault::InvalidName)
        }
    }
}

fn is_content_length(name: &[u8]) -> bool {
    name.len() == 14 && name.eq_ignore_ascii_case(b"content-length")
}

fn is_transfer_encoding(name: &[u8]) -> bool {
    name.len() == 17 && name.eq_ignore_ascii_case(b"transfer-encoding")
}

/// Without the blanks around, which are these two and no others.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Digits only: no sign, no list, no other base.
fn number(value: &[u8]) -> Option<u64> {
    let add = |number: u64, digit: &u8| match digit {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    };
    let number = value.iter().try_fold(0, add)?;
    (!value.is_empty() && number <= MAX_LENGTH).then_some(number)
}

/// Looks at every byte without stopping, which is quicker than to stop at the first.
fn no_control(bytes: &[u8]) -> Result<(), Fault> {
    let is_control = |byte: u8| (byte < b' ') & (byte != b'\t') | (byte == 0x7f);
    match bytes.iter().fold(false, |found, &byte| found | is_control(byte)) {
        false => Ok(()),
        true => Err(Fault::ControlCharacter),
    }
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
