//! Is a head that was read, and of which something was taken out or added, written as what is left?

use http::{HeaderName, HeaderValue};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::Reader;
use crate::fields::Fields;

const LINES: [&str; 12] = [
    "Host: a\r\n",
    "HOST:b\r\n",
    "Accept:   text/html \r\n",
    "accept:\tx\r\n",
    "X-Empty:\r\n",
    "X-Empty:  \r\n",
    "TE: trailers\r\n",
    "User-Agent: c d  e\r\n",
    "traceparent: \u{e9}\r\n",
    "X-Bare: f\n",
    "X-Long: gggggggggggggggggggggggggggggggggggggggg\r\n",
    "Date: h\r\n",
];

/// What comes behind the head, and never belongs to it.
const BEHIND: &str = "Host: behind\r\n\r\nHTTP/1.1 200 OK\r\n";

#[derive(Debug, Clone)]
enum Change {
    Remove(&'static str),
    Append(&'static str),
}

fn change() -> impl Strategy<Value = Change> {
    let names = select(&["host", "accept", "x-empty", "te", "user-agent", "x-bare", "date"][..]);
    let remove = names.clone().prop_map(Change::Remove);
    prop_oneof![remove, names.prop_map(Change::Append)]
}

/// The fields of the answer with these `lines`, and what a plain reading of them says.
fn read(lines: &[&str]) -> (Fields, Vec<(String, Vec<u8>)>) {
    let text = format!("HTTP/1.1 204 No Content\r\n{}\r\n{BEHIND}", lines.concat());
    let mut reader = Reader::default();
    reader.push(text.as_bytes());
    let told = reader.response(false).expect("without fault").expect("whole");
    let plain = lines.iter().map(|line| {
        let (name, value) = line.split_once(':').expect("a field");
        let value = value.trim_matches(['\r', '\n', ' ', '\t']);
        (name.to_ascii_lowercase(), value.as_bytes().to_vec())
    });
    (told.headers, plain.collect())
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_left(
        lines in vec(select(&LINES[..]), 0..10),
        changes in vec(change(), 0..6),
    ) {
        let (mut fields, mut plain) = read(&lines);
        for change in changes {
            match change {
                Change::Remove(name) => {
                    fields.remove(name);
                    plain.retain(|(found, _)| found != name);
                }
                Change::Append(name) => {
                    fields.append(HeaderName::from_static(name), HeaderValue::from_static("new"));
                    plain.push((name.to_owned(), b"new".to_vec()));
                }
            }
        }
        let mut written = Vec::new();
        fields.write(&mut written);
        let expected = plain.iter().flat_map(|(name, value)| {
            [name.as_bytes(), b": ", &value[..], b"\r\n"].concat()
        });
        // Names are told as they came, and mean the same however they are written.
        let lower = |text: Vec<u8>| {
            let lines = text.split_inclusive(|byte| *byte == b'\n');
            let lower = |line: &[u8]| {
                let colon = line.iter().position(|byte| *byte == b':').unwrap_or(0);
                [line[..colon].to_ascii_lowercase(), line[colon..].to_vec()].concat()
            };
            lines.map(lower).collect::<Vec<_>>()
        };
        prop_assert_eq!(lower(written), lower(expected.collect()));
    }
}
