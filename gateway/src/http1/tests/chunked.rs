//! Is the end of a chunked body found where its sender meant it, or not at all?

use super::super::{Fault, HEAD_MOST, Piece, Reader};
use super::{check, observed};

/// A chunked body is followed to its end, where another request begins, or has this fault.
#[track_caller]
pub(super) fn check_chunks(body: &str, expected: Result<(), Fault>) {
    let bytes = format!(
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}GET / HTTP/1.1\r\n\r\n"
    );
    check(bytes, expected.map(|()| 2).map_err(|fault| (1, fault)));
}

#[test]
fn a_chunk_has_a_size_in_plain_hexadecimal() {
    for size in
        ["", "0x5", " 5", "5 ", "5\t", "-5", "+5", "5g", "5 5", "00000000000000005", "5;a\0", "5\r"]
    {
        check_chunks(&format!("{size}\r\nhello\r\n0\r\n\r\n"), Err(Fault::BadChunkSize));
    }
    check_chunks("fffffffffffffffff\r\nhello\r\n0\r\n\r\n", Err(Fault::BadChunkSize));
    check_chunks("5\nhello\r\n0\r\n\r\n", Err(Fault::BadChunkSize));
    check_chunks("5;a\nhello\r\n0\r\n\r\n", Err(Fault::BadChunkSize));
    check_chunks("5;a\rb\r\nhello\r\n0\r\n\r\n", Err(Fault::BadChunkSize));
    check_chunks("5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n", Ok(()));
    check_chunks("0000000000000005;ext=1\r\nhello\r\n00\r\n\r\n", Ok(()));
    check_chunks("5 \t;a; b=\"\té \"\r\nhello\r\n0;last\r\n\r\n", Ok(()));
}

#[test]
fn a_chunk_ends_where_its_size_says() {
    check_chunks("5\r\nhello0\r\n\r\n", Err(Fault::BadChunkEnd));
    check_chunks("5\r\nhello!\r\n0\r\n\r\n", Err(Fault::BadChunkEnd));
    check_chunks("5\r\nhello\n0\r\n\r\n", Err(Fault::BadChunkEnd));
    check_chunks("5\r\nhello\r0\r\n\r\n", Err(Fault::BadChunkEnd));
}

#[test]
fn extensions_are_bounded_over_a_whole_body() {
    let chunks = |extension: &str| {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut observer = observed([head.as_bytes()]);
        for _ in 0..100 {
            observer.observe(format!("1;{extension}\r\n.\r\n").as_bytes());
        }
        observer.fault()
    };
    assert_eq!(chunks(&"a".repeat(160)), None);
    assert_eq!(chunks(&"a".repeat(170)), Some((1, Fault::LongExtensions)));
}

#[test]
fn trailers_are_fields_without_lengths() {
    check_chunks("0\r\nDigest: a\r\nX:\r\n\r\n", Ok(()));
    check_chunks("0\r\nContent-Length: 5\r\n\r\n", Err(Fault::LengthInTrailers));
    check_chunks("0\r\ntransfer-encoding: chunked\r\n\r\n", Err(Fault::LengthInTrailers));
    check_chunks("0\r\nX: y\n\r\n", Err(Fault::BareLineFeed));
    check_chunks("0\r\n\n", Err(Fault::BareLineFeed));
    check_chunks("0\r\nX : y\r\n\r\n", Err(Fault::SpaceBeforeColon));
    check_chunks("0\r\nX: y\r\n z\r\n\r\n", Err(Fault::FoldedHeader));
    let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ";
    let long = format!("{head}{}", "y".repeat(HEAD_MOST));
    assert_eq!(observed(long.as_bytes().chunks(1000)).fault(), Some((1, Fault::TooLarge)));
}

#[test]
fn a_fault_stays_one() {
    let mut reader = Reader::default();
    let chunks = "5\r\nhello\r\n5;\0ab\r\n0\r\n\r\n";
    let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    reader.push(format!("{head}{chunks}").as_bytes());
    let mut body = reader.request().unwrap().unwrap().body;
    assert!(matches!(reader.body(&mut body), Ok(Some(Piece::Data(_)))));
    for _ in 0..3 {
        assert_eq!(reader.body(&mut body).unwrap_err(), Fault::BadChunkSize);
    }
}
