//! What does a head say? Its fields stay where they came.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri, Version};
use memchr::memchr;

use super::FIELDS_MOST;
use super::decode::Decoder;
use super::fault::Fault;
use super::line;
use crate::fields::{FIELD_USUAL, Fields, Name};

/// What an answer's status allows no body.
const BODILESS: [StatusCode; 3] =
    [StatusCode::SWITCHING_PROTOCOLS, StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];

/// A request's head.
#[derive(Debug)]
pub struct Asked {
    /// Its method.
    pub method: Method,
    /// Its target, as it stands there.
    pub uri: Uri,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// Its fields.
    pub headers: Fields,
    /// Where its body ends.
    pub body: Decoder,
    /// Whether another may follow it on the connection (RFC 9112 §9.3).
    pub lasts: bool,
    /// Whether the client waits to be told to go on (RFC 9110 §10.1.1).
    pub expects: bool,
    /// Whether it asks to speak something else.
    pub upgrades: bool,
    /// Whether the client takes trailers (RFC 9110 §10.1.4).
    pub trailers: bool,
}

/// An answer's head.
#[derive(Debug)]
pub struct Told {
    /// Its status.
    pub status: StatusCode,
    /// Its fields.
    pub headers: Fields,
    /// Where its body ends.
    pub body: Decoder,
    /// Whether another may follow it on the connection.
    pub lasts: bool,
}

/// The head of a request at the beginning of `bytes`, and its length; `None` while it is not whole.
pub(super) fn request(bytes: &Bytes) -> Result<Option<(Asked, usize)>, Fault> {
    let Some(first) = strict(bytes, 0)? else { return Ok(None) };
    let (mut lengths, method) = line::request(&bytes[..first.end])?;
    let target = bytes.slice(method + 1..first.end - b" HTTP/1.1".len());
    let Some((mut headers, end)) = fields(bytes, first.next, strict, |name, value| match name {
        Name::ContentLength => lengths.length(value),
        Name::TransferEncoding => lengths.coding(value),
        _ => Ok(()),
    })?
    else {
        return Ok(None);
    };
    // A length that is repeated is the same, and passed on once (RFC 9110 §8.6).
    headers.keep_first(Name::ContentLength);
    let version = if lengths.is_http10() { Version::HTTP_10 } else { Version::HTTP_11 };
    let asked = Asked {
        method: Method::from_bytes(&bytes[..method]).map_err(|_| Fault::InvalidRequestLine)?,
        uri: Uri::from_maybe_shared(target).map_err(|_| Fault::InvalidTarget)?,
        version,
        body: lengths.decoder(),
        lasts: lasts(&headers, version),
        upgrades: headers.seen().has(Name::Upgrade),
        expects: version == Version::HTTP_11 && expects(&headers),
        trailers: headers.seen().has(Name::Te) && headers.lists("te", "trailers"),
        headers,
    };
    Ok(Some((asked, end)))
}

/// The head of an answer at the beginning of `bytes`, to a request whose method was `HEAD` or not,
/// and its length; `None` while it is not whole.
pub(super) fn response(bytes: &Bytes, to_head: bool) -> Result<Option<(Told, usize)>, Fault> {
    let Some(first) = lenient(bytes, 0)? else { return Ok(None) };
    let (version, status) = line::status(&bytes[..first.end])?;
    let (mut length, mut coded) = (None, None);
    let Some((mut headers, end)) = fields(bytes, first.next, lenient, |name, value| {
        if name == Name::ContentLength {
            let more = line::number(value).ok_or(Fault::InvalidLength)?;
            if length.is_some_and(|before| before != more) {
                return Err(Fault::DifferingLengths);
            }
            length = Some(more);
        } else if name == Name::TransferEncoding {
            if coded.is_some() || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Fault::UnknownCoding);
            }
            coded = Some(());
        }
        Ok(())
    })?
    else {
        return Ok(None);
    };
    // A length that is repeated is the same, and passed on once (RFC 9110 §8.6).
    headers.keep_first(Name::ContentLength);
    // Passed on, it would say where the body ends, and be wrong (RFC 9112 §6.3, RFC 9110 §8.6).
    if length.is_some() && (coded.is_some() || status == StatusCode::NO_CONTENT) {
        headers.remove_known(Name::ContentLength);
    }
    let bodiless = to_head || status.is_informational() || BODILESS.contains(&status);
    let body = match (coded, length) {
        _ if bodiless => Decoder::none(),
        (Some(()), _) => Decoder::chunked(),
        (None, Some(length)) => Decoder::length(length),
        (None, None) => Decoder::to_end(),
    };
    // A length beside a coding may be somebody's mistake or attack: what follows is not believed
    // (RFC 9112 §6.3).
    let believed = !(coded.is_some() && (length.is_some() || version == Version::HTTP_10));
    let lasts = lasts(&headers, version) && believed && !body.is_to_end();
    Ok(Some((Told { status, headers, body, lasts }, end)))
}

/// The trailers at the beginning of `bytes`, and their length; `None` while they are not whole.
pub(super) fn trailers(bytes: &Bytes) -> Result<Option<(HeaderMap, usize)>, Fault> {
    let read = fields(bytes, 0, strict, |name, _| match name {
        Name::ContentLength | Name::TransferEncoding => Err(Fault::LengthInTrailers),
        _ => Ok(()),
    })?;
    Ok(read.map(|(fields, end)| (HeaderMap::from(&fields), end)))
}

/// What came over HTTP/2 may go on over HTTP/1: its length is said once there, and is a number.
///
/// # Errors
/// When it is none.
pub fn length_once(headers: &mut Fields) -> Result<(), Fault> {
    headers.keep_first(Name::ContentLength);
    let length = headers.known(Name::ContentLength).next();
    if length.is_some_and(|length| line::number(length).is_none()) {
        return Err(Fault::InvalidLength);
    }
    Ok(())
}

/// Where a line ends, and where the next begins.
#[derive(Debug, Clone, Copy)]
struct Line {
    end: usize,
    next: usize,
}

/// The line at `start`, which ends in a carriage return and a line feed.
fn strict(bytes: &[u8], start: usize) -> Result<Option<Line>, Fault> {
    let Some(length) = memchr(b'\n', &bytes[start..]) else { return Ok(None) };
    match length.checked_sub(1).map(|end| bytes[start + end]) {
        Some(b'\r') => Ok(Some(Line { end: start + length - 1, next: start + length + 1 })),
        _ => Err(Fault::BareLineFeed),
    }
}

/// The line at `start`, which ends in a line feed (RFC 9112 §2.2).
fn lenient(bytes: &[u8], start: usize) -> Result<Option<Line>, Fault> {
    let Some(length) = memchr(b'\n', &bytes[start..]) else { return Ok(None) };
    let line = &bytes[start..start + length];
    let end = start + line.strip_suffix(b"\r").unwrap_or(line).len();
    Ok(Some(Line { end, next: start + length + 1 }))
}

/// The fields from `start` to the blank line, those with a known name shown to `look`; and where what
/// follows begins.
fn fields(
    bytes: &Bytes,
    start: usize,
    line: impl Fn(&[u8], usize) -> Result<Option<Line>, Fault>,
    mut look: impl FnMut(Name, &[u8]) -> Result<(), Fault>,
) -> Result<Option<(Fields, usize)>, Fault> {
    // Six fields take little memory; a longer head has more of them.
    let count = (bytes.len() / FIELD_USUAL).clamp(6, 24);
    let mut fields = Fields::over(bytes.clone(), count);
    let (mut at, mut ends) = (start, 0);
    loop {
        let Some(Line { end, next }) = line(bytes, at)? else { return Ok(None) };
        ends += next - end;
        if end == at {
            // All at once costs less than line by line: only the lines' ends may be control characters.
            let right = line::controls(&bytes[start..next]) == ends;
            return if right { Ok(Some((fields, next))) } else { Err(Fault::ControlCharacter) };
        }
        if fields.len() == FIELDS_MOST {
            return Err(Fault::TooManyFields);
        }
        let (colon, value) = line::field(&bytes[at..end])?;
        let value = at + value.start..at + value.end;
        let found = fields.found(at..at + colon, value.clone());
        if let Some(name) = found.map_err(|_| Fault::TooLarge)? {
            let value = &bytes[value];
            // Of two faults the one is told that says more.
            let plainer = |fault| line::no_control(value).err().unwrap_or(fault);
            look(name, value).map_err(plainer)?;
        }
        at = next;
    }
}

fn lasts(fields: &Fields, version: Version) -> bool {
    if !fields.seen().has(Name::Connection) {
        return version == Version::HTTP_11;
    }
    let by_version = version == Version::HTTP_11 || fields.lists("connection", "keep-alive");
    by_version && !fields.lists("connection", "close")
}

fn expects(fields: &Fields) -> bool {
    let expected = fields.known(Name::Expect).next();
    expected.is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
}
