//! Is there only one way to read what was let through?

mod answer;
mod chunked;
mod written;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Decoder, Fault, HEAD_MOST, Piece, Reader, write};

/// All that was seen: the body of each request, whether more is awaited, and the first fault.
type View = (Vec<Vec<u8>>, bool, Option<(u64, Fault)>);

/// What a connection's reader sees.
#[derive(Default)]
pub(super) struct Observer {
    reader: Reader,
    body: Option<Decoder>,
    pub(super) bodies: Vec<Vec<u8>>,
    fault: Option<Fault>,
}

impl Observer {
    pub(super) fn observe(&mut self, bytes: &[u8]) {
        if self.fault.is_none() {
            self.reader.push(bytes);
            while self.steps() {}
        }
    }

    /// Whether there may be more to see.
    fn steps(&mut self) -> bool {
        match self.step() {
            Ok(step) => step.is_some(),
            Err(fault) => {
                self.fault = Some(fault);
                false
            }
        }
    }

    fn step(&mut self) -> Result<Option<()>, Fault> {
        let Some(decoder) = &mut self.body else {
            let asked = self.reader.request()?;
            return Ok(asked.map(|asked| {
                self.bodies.push(Vec::new());
                self.body = Some(asked.body);
            }));
        };
        match self.reader.body(decoder)? {
            None => return Ok(None),
            Some(Piece::Data(data)) => self.bodies.last_mut().expect("begun").extend(data),
            Some(Piece::Trailers(_)) => {}
            Some(Piece::End) => self.body = None,
        }
        Ok(Some(()))
    }

    /// The number of the request with a fault, from 1, and the fault.
    pub(super) fn fault(&self) -> Option<(u64, Fault)> {
        let before = self.bodies.len() as u64 + u64::from(self.body.is_none());
        self.fault.map(|fault| (before, fault))
    }

    fn view(self) -> View {
        let idle = self.body.is_none() && self.reader.is_idle();
        let fault = self.fault();
        (self.bodies, idle && fault.is_none(), fault)
    }
}

fn observed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Observer {
    let mut observer = Observer::default();
    for piece in pieces {
        observer.observe(piece);
    }
    observer
}

fn view<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> View {
    observed(pieces).view()
}

/// However the bytes are divided, these are the whole heads, or this is the fault.
#[track_caller]
fn check(bytes: impl AsRef<[u8]>, expected: Result<u64, (u64, Fault)>) {
    let bytes = bytes.as_ref();
    let whole = view([bytes]);
    let found = whole.2.map_or_else(|| Ok(whole.0.len() as u64), Err);
    assert_eq!(found, expected, "{}", bytes.escape_ascii());
    assert_eq!(view(bytes.chunks(1)), whole, "{}", bytes.escape_ascii());
    for at in 0..bytes.len() {
        let (before, after) = bytes.split_at(at);
        assert_eq!(view([before, after]), whole, "divided at {at}");
    }
}

/// A request with these fields is followed, or has this fault.
#[track_caller]
fn check_fields(fields: &str, expected: Result<(), Fault>) {
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
    check(head, expected.map(|()| 1).map_err(|fault| (1, fault)));
}

#[test]
fn a_length_beside_a_coding_is_a_fault_in_either_order() {
    let fault = Err(Fault::BothLengths);
    check_fields("Content-Length: 5\r\nTransfer-Encoding: chunked", fault);
    check_fields("Transfer-Encoding: chunked\r\nContent-Length: 5", fault);
    check_fields("Transfer-Encoding: chunked\r\nX: y\r\ncontent-LENGTH: 0", fault);
    check_fields("Content-Length: 5\r\nTransfer-Encoding: identity", fault);
    check("POST / HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", {
        Err((1, Fault::BothLengths))
    });
}

#[test]
fn a_length_is_one_plain_number() {
    for value in [
        "",
        "+5",
        "-0",
        "5 5",
        "5, 5",
        "5,5",
        "0x5",
        "5.0",
        "5;",
        "\"5\"",
        "５",
        "18446744073709551614",
    ] {
        check_fields(&format!("Content-Length: {value}"), Err(Fault::InvalidLength));
    }
    check_fields("Content-Length: 99999999999999999999999", Err(Fault::InvalidLength));
    check_fields("Content-Length: 18446744073709551613", Ok(()));
    check_fields("Content-Length:\t 005 \t", Ok(()));
}

#[test]
fn lengths_may_repeat_and_may_not_differ() {
    check_fields("Content-Length: 5\r\nContent-Length: 5", Ok(()));
    check_fields("Content-Length: 5\r\ncontent-length: 6", Err(Fault::DifferingLengths));
    check_fields("Content-Length: 5\r\nContent-Length: x", Err(Fault::InvalidLength));
}

#[test]
fn a_length_that_is_repeated_is_passed_on_once() {
    let mut reader = Reader::default();
    reader.push(b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n");
    let asked = reader.request().unwrap().unwrap();
    assert_eq!(asked.headers.all("content-length").count(), 1);
}

#[test]
fn chunked_is_the_only_coding() {
    for value in
        ["", "gzip", "gzip, chunked", "chunked, chunked", "chunked,", "xchunked", "identity"]
    {
        check_fields(&format!("Transfer-Encoding: {value}"), Err(Fault::UnknownCoding));
    }
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked";
    check_fields(twice, Err(Fault::UnknownCoding));
    check_fields("Transfer-Encoding: chunked\x0b", Err(Fault::ControlCharacter));
    check_fields("Transfer-Encoding: \u{a0}chunked", Err(Fault::UnknownCoding));
    check_fields("Transfer-Encoding:\tchunked", Ok(()));
    check_fields("transfer-encoding:CHUNKED \t ", Ok(()));
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(old, Err((1, Fault::TransferEncodingInHttp10)));
}

#[test]
fn a_field_has_one_line_and_a_name_before_its_colon() {
    check_fields("Transfer-Encoding : chunked", Err(Fault::SpaceBeforeColon));
    check_fields("Content-Length\t: 5", Err(Fault::SpaceBeforeColon));
    check_fields("X: y\r\n z", Err(Fault::FoldedHeader));
    check_fields("Content-Length: 5\r\n\tTransfer-Encoding: chunked", Err(Fault::FoldedHeader));
    check_fields("Transfer-Encoding:\r\n chunked\r\nContent-Length: 5", Err(Fault::UnknownCoding));
    check_fields(" Content-Length: 5", Err(Fault::FoldedHeader));
    check_fields(": y", Err(Fault::InvalidName));
    check_fields("X", Err(Fault::InvalidName));
    check_fields("X Y: z", Err(Fault::InvalidName));
    check_fields("X(Y): z", Err(Fault::InvalidName));
    check_fields("Content-Length\u{a0}: 5", Err(Fault::InvalidName));
    check_fields("X:\r\nY: \r\nContent_Length: a\r\n!#$%&'*+-.^_`|~9: é\tä", Ok(()));
}

#[test]
fn lines_end_in_one_way() {
    check("GET / HTTP/1.1\n\n", Err((1, Fault::BareLineFeed)));
    check("\nGET / HTTP/1.1\r\n\r\n", Err((1, Fault::BareLineFeed)));
    check("GET / HTTP/1.1\r\nX: y\n\r\n", Err((1, Fault::BareLineFeed)));
    check("GET / HTTP/1.1\r\nX: y\r\n\n", Err((1, Fault::BareLineFeed)));
    check_fields("X: y\nContent-Length: 5", Err(Fault::BareLineFeed));
    check_fields("X: y\rContent-Length: 5", Err(Fault::ControlCharacter));
    check_fields("X: y\r\r\nContent-Length: 5", Err(Fault::ControlCharacter));
    check_fields("X: \0", Err(Fault::ControlCharacter));
    check_fields("X\0: y", Err(Fault::ControlCharacter));
    check("GET /\r HTTP/1.1\r\n\r\n", Err((1, Fault::ControlCharacter)));
}

#[test]
fn a_request_line_is_method_target_and_version() {
    for line in [
        "GET /",
        "GET / HTTP/0.9",
        "GET / HTTP/1.2",
        "GET / http/1.1",
        "GET  / HTTP/1.1",
        "GET / a HTTP/1.1",
        "GET HTTP/1.1",
        "GET  HTTP/1.1",
        "GET\t/ HTTP/1.1",
        " / HTTP/1.1",
        " GET / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "G@T / HTTP/1.1",
        "GET / HTTP/2.0",
    ] {
        check(format!("{line}\r\n\r\n"), Err((1, Fault::InvalidRequestLine)));
    }
    check("\r\n\r\nOPTIONS * HTTP/1.1\r\n\r\n", Ok(1));
    check("CONNECT a:1 HTTP/1.1\r\nUpgrade: b\r\n\r\nGET /é HTTP/1.0\r\n\r\n", Ok(2));
}

#[test]
fn a_head_has_a_largest_size() {
    let head = |size: usize| {
        let around = "GET / HTTP/1.1\r\nX: \r\n\r\n";
        around.replace("X: ", &format!("X: {}", "y".repeat(size - around.len())))
    };
    let fault = |text: &str, size: usize| {
        let observer = observed(text.as_bytes().chunks(size));
        observer.fault().map_or_else(|| Ok(observer.bodies.len()), Err)
    };
    let too_large = Err((1, Fault::TooLarge));
    for size in [1000, HEAD_MOST * 3] {
        assert_eq!(fault(&head(HEAD_MOST), size), Ok(1));
        assert_eq!(fault(&head(HEAD_MOST + 1), size), too_large);
        assert_eq!(fault(&"y".repeat(HEAD_MOST + 1), size), too_large);
        assert_eq!(fault(&head(HEAD_MOST).repeat(2), size), Ok(2));
    }
}

#[test]
fn each_request_of_a_pipeline_has_its_number() {
    let get = "GET / HTTP/1.1\r\n\r\n";
    let post = "POST / HTTP/1.1\r\nContent-Length: 18\r\n\r\n";
    check(get.repeat(3), Ok(3));
    check(format!("{post}{get}{get}"), Ok(2));
    check(format!("{get}{post}{get}GET / HTTP/1.1\nX: y\n\n"), Err((3, Fault::BareLineFeed)));
    let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(format!("{get}{chunked}12\r\n{get}\r\n0\r\n\r\n{get}"), Ok(3));
    check(format!("{get}{chunked}x{get}"), Err((2, Fault::BadChunkSize)));
}

#[test]
fn a_request_within_a_body_is_no_request() {
    let inner = "GET /admin HTTP/1.1\r\nContent-Length: x\r\n\r\n";
    let length = inner.len();
    check(format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{inner}"), Ok(1));
    chunked::check_chunks(&format!("{length:x}\r\n{inner}\r\n0\r\n\r\n"), Ok(()));
}

#[test]
fn the_first_fault_is_kept() {
    let bad = "GET / HTTP/1.1\nX: y\n\n";
    check(format!("{bad}GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"), {
        Err((1, Fault::BareLineFeed))
    });
}

#[test]
fn http_2_is_known_by_its_preface_alone() {
    let speaks = |bytes: &[u8]| {
        let mut reader = Reader::default();
        reader.push(bytes);
        reader.is_http2()
    };
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    assert_eq!(speaks(preface), Some(true));
    assert_eq!(speaks(&[preface, &b"\0\0\x12"[..]].concat()), Some(true));
    assert_eq!((speaks(b"PRI * HT"), speaks(b"P")), (None, None));
    assert_eq!((speaks(b"POST"), speaks(b"GET / HTTP/1.1\r\n\r\n")), (Some(false), Some(false)));
    check("GET / HTTP/1.1\r\n\r\nPRI * HTTP/2.0\r\n\r\n", Err((2, Fault::InvalidRequestLine)));
}

#[test]
fn a_connection_is_idle_between_messages_only() {
    let idle = |bytes: &str| view([bytes.as_bytes()]).1;
    let post = "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n";
    assert!(idle("") && idle("\r") && idle("\r\n"));
    assert!(!idle("G") && !idle("\r\nG") && !idle("GET / HTTP/1.1\r\n"));
    assert!(!idle(post) && idle(&format!("{post}.")) && idle(&format!("{post}.\r\n")));
}

#[test]
fn a_connection_that_rests_keeps_nothing() {
    let mut reader = Reader::default();
    reader.push(b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n");
    let mut asked = reader.request().unwrap().unwrap();
    assert!(reader.is_empty());
    reader.push(b".");
    let Some(Piece::Data(data)) = reader.body(&mut asked.body).unwrap() else { panic!("no data") };
    assert!(data.is_unique() && asked.body.is_ended());
}

#[test]
fn what_is_written_in_chunks_is_read_again() {
    let mut out = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for piece in ["hello", " ", "world, sixteen bytes and more"] {
        write::Framing::Chunked.before(&mut out, piece.len());
        out.extend_from_slice(piece.as_bytes());
        out.extend_from_slice(write::Framing::Chunked.after());
    }
    write::Framing::Chunked.end(&mut out, None);
    let expected = b"hello world, sixteen bytes and more".to_vec();
    assert_eq!(view([&out[..]]), (vec![expected], true, None));
}

#[test]
fn trailers_are_written_without_lengths() {
    let fields = ["content-length", "x-sum"].map(|name| (name.parse().unwrap(), 5.into()));
    let mut out = Vec::new();
    write::Framing::Chunked.end(&mut out, Some(&fields.into_iter().collect()));
    assert_eq!(out, b"0\r\nx-sum: 5\r\n\r\n");
}

const WORDS: [&[u8]; 10] = [
    b"GET / HTTP/1.1\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"X: y\r\n",
    b"\r\n",
    b"\n",
    b"2;a\r\n..\r\n",
    b"0\r\n",
    b"\0",
    b"\xff 5",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_division_of_any_bytes_gives_the_same_view(
        words in vec(select(&WORDS[..]), 0..30),
        mut cuts in vec(0..400_usize, 0..12),
    ) {
        let bytes = words.concat();
        cuts.extend([0, bytes.len()]);
        cuts.retain(|&cut| cut <= bytes.len());
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
        prop_assert_eq!(view(pieces), view([&bytes[..]]));
    }

    #[test]
    fn random_bytes_are_survived(bytes in vec(any::<u8>(), 0..300)) {
        observed([&bytes[..]]);
        observed([b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", &bytes[..]]);
    }
}
