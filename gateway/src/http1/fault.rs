//! What is wrong with a message?

use super::FIELDS_MOST;

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
    /// A target with bytes that none has.
    #[error("the target is malformed")]
    InvalidTarget,
    /// The first line of an answer is not a version of HTTP/1 and a status.
    #[error("the status line is malformed")]
    InvalidStatusLine,
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
    /// More fields than anyone has use for.
    #[error("a head has more than {FIELDS_MOST} fields")]
    TooManyFields,
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
