//! Is the head of an answer read as those who write it mean it?

use super::super::{Fault, Reader};

/// The head of an answer, to a request that was no `HEAD`.
#[track_caller]
fn check_answer(text: &str, expected: Result<(u16, Option<u64>, bool), Fault>) {
    for size in [1, text.len()] {
        let mut reader = Reader::default();
        let mut found = None;
        for piece in text.as_bytes().chunks(size) {
            reader.push(piece);
            found = found.or_else(|| reader.response(false).transpose());
        }
        let found = found.expect("a whole head");
        let found = found.map(|told| (told.status.as_u16(), told.body.missing(), told.lasts));
        assert_eq!(found, expected, "{text:?} in pieces of {size}");
    }
}

#[test]
fn an_answer_is_read_as_browsers_read_it() {
    check_answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Ok((200, Some(5), true)));
    check_answer("HTTP/1.1 200\nContent-Length: 5\n\n", Ok((200, Some(5), true)));
    check_answer("HTTP/1.1 404 Not \u{e9}\r\n\r\n", Ok((404, None, false)));
    check_answer("HTTP/1.1 204 No Content\r\n\r\n", Ok((204, Some(0), true)));
    check_answer("HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n", Ok((304, Some(0), true)));
    let coded = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
    check_answer(&format!("{coded}\r\n"), Ok((200, None, true)));
    check_answer(&format!("{coded}Content-Length: 5\r\n\r\n"), Ok((200, None, false)));
    let old = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n";
    check_answer(&format!("{old}\r\n"), Ok((200, Some(5), false)));
    check_answer(&format!("{old}Connection: Keep-Alive\r\n\r\n"), Ok((200, Some(5), true)));
    let close = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, Close\r\n\r\n";
    check_answer(close, Ok((200, Some(5), false)));
}

#[test]
fn an_answer_whose_end_is_in_doubt_is_none() {
    let with = |field: &str| format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n");
    check_answer("ICY 200 OK\r\n\r\n", Err(Fault::InvalidStatusLine));
    check_answer("HTTP/1.1 20 OK\r\n\r\n", Err(Fault::InvalidStatusLine));
    check_answer(&with("Content-Length: -1"), Err(Fault::InvalidLength));
    check_answer(&with("Content-Length: 1\r\nContent-Length: 2"), Err(Fault::DifferingLengths));
    check_answer(&with("Transfer-Encoding: gzip"), Err(Fault::UnknownCoding));
    check_answer(&with("X : y"), Err(Fault::SpaceBeforeColon));
    for line in ["X: a\0b", "X: a\u{7f}b", "X: a\r", "X: a\rY: b", "X: \r\r", "X: a\r\n\r"] {
        check_answer(&with(line), Err(Fault::ControlCharacter));
    }
}

#[test]
fn a_length_that_does_not_say_where_the_body_ends_is_not_passed_on() {
    for head in ["200 OK\r\nTransfer-Encoding: chunked", "204 No Content"] {
        let mut reader = Reader::default();
        reader.push(format!("HTTP/1.1 {head}\r\nContent-Length: 5\r\n\r\n").as_bytes());
        let told = reader.response(false).expect("an answer").expect("a whole head");
        assert!(!told.headers.contains("content-length"), "{head}");
    }
}
