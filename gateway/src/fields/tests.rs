//! Is what is read, taken out, added and written the same as a map would say?

use http::header::{ACCEPT, CONNECTION, HOST};
use proptest::prelude::*;

use super::*;

/// The fields of `text`, as a reader finds them.
fn read(text: &'static str) -> Fields {
    let mut fields = Fields::over(Bytes::from_static(text.as_bytes()), 4);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\r', '\n']);
        let colon = bare.find(':').expect("a field");
        let value = bare[colon + 1..].trim();
        let start = at + line.find(value).expect("its value");
        let start = if value.is_empty() { at + colon + 1 } else { start };
        fields.found(at..at + colon, start..start + value.len()).expect("a short head");
        at += line.len();
    }
    fields
}

#[track_caller]
fn check(fields: &Fields, expected: &str) {
    let mut out = Vec::new();
    fields.write(&mut out);
    assert_eq!(String::from_utf8_lossy(&out), expected);
}

#[test]
fn what_came_is_written_as_it_came() {
    let text = "Host: a\r\nUser-Agent: b c\r\nX-Empty: \r\n";
    check(&read(text), text);
}

#[test]
fn a_line_that_is_written_unusually_is_written_usually() {
    check(
        &read("A:b\r\nC:   d\r\nE:\tf\r\nG: h  \r\nI: j\nK: l\r\n"),
        "A: b\r\nC: d\r\nE: f\r\nG: h\r\nI: j\r\nK: l\r\n",
    );
}

#[test]
fn what_was_taken_out_is_not_written_and_the_rest_is() {
    let mut fields = read("A: 1\r\nHost: x\r\nB: 2\r\nhOST: y\r\nC: 3\r\n");
    assert!(fields.seen().has(Name::Host));
    fields.remove(HOST);
    assert!(!fields.seen().has(Name::Host) && !fields.contains("host"));
    check(&fields, "A: 1\r\nB: 2\r\nC: 3\r\n");
    fields.retain(|name| name != b"A");
    check(&fields, "B: 2\r\nC: 3\r\n");
}

#[test]
fn known_names_are_taken_out_together() {
    let mut fields = read("TE: trailers\r\nA: 1\r\nUpgrade: x\r\nConnection: te\r\n");
    fields.remove_known(Known::of(&[Name::Te, Name::Upgrade]));
    check(&fields, "A: 1\r\nConnection: te\r\n");
    assert_eq!(fields.seen(), Known::of(&[Name::Connection]));
}

#[test]
fn what_is_added_follows_what_came_and_an_insertion_replaces_all_of_its_name() {
    let mut fields = read("A: 1\r\nAccept: x\r\naccept: y\r\n");
    fields.append(CONNECTION, HeaderValue::from_static("close"));
    fields.insert(ACCEPT, HeaderValue::from_static("z"));
    check(&fields, "A: 1\r\nconnection: close\r\naccept: z\r\n");
    assert_eq!((fields.get("a"), fields.text(ACCEPT)), (Some(&b"1"[..]), Some("z")));
    assert_eq!(fields.len(), 3);
}

#[test]
fn a_list_is_all_its_lines_without_what_is_empty() {
    let fields = read("TE: a,, b\r\nte: trailers ;q=1 , C\r\nX: d\r\n");
    assert_eq!(fields.list("te").collect::<Vec<_>>(), ["a", "b", "trailers ;q=1", "C"]);
    assert!(fields.lists("te", "c") && !fields.lists("te", "d"));
}

#[test]
fn what_no_table_of_http_2_may_keep_is_told_so_wherever_it_goes() {
    let mut secret = HeaderValue::from_static("secret");
    secret.set_sensitive(true);
    let map = HeaderMap::from_iter([(HOST, HeaderValue::from_static("a")), (ACCEPT, secret)]);
    let came = Fields::from(&map);
    let mut copied = Fields::default();
    copied.append_all(&came, &HOST);
    copied.append_all(&came, &ACCEPT);
    for fields in [came, copied] {
        let back = HeaderMap::from(&fields);
        assert!(back[ACCEPT].is_sensitive() && !back[HOST].is_sensitive(), "{fields:?}");
    }
}

#[derive(Debug, Clone)]
enum Change {
    Append(u8, u8),
    Insert(u8, u8),
    Remove(u8),
}

fn name(number: u8) -> HeaderName {
    let names = ["host", "te", "x-a", "x-b", "upgrade"];
    HeaderName::from_static(names[usize::from(number) % names.len()])
}

proptest! {
    /// A map is the judge: whatever is done, both say the same, also after the way there and back.
    #[test]
    fn a_map_says_the_same(changes in proptest::collection::vec(
        prop_oneof![
            (any::<u8>(), any::<u8>()).prop_map(|(name, value)| Change::Append(name, value)),
            (any::<u8>(), any::<u8>()).prop_map(|(name, value)| Change::Insert(name, value)),
            any::<u8>().prop_map(Change::Remove),
        ],
        0..24,
    )) {
        let (mut map, mut fields) = (HeaderMap::new(), Fields::default());
        for (step, change) in changes.into_iter().enumerate() {
            match change {
                Change::Append(which, value) => {
                    map.append(name(which), u64::from(value).into());
                    fields.append(name(which), HeaderValue::from(u64::from(value)));
                }
                Change::Insert(which, value) => {
                    map.insert(name(which), u64::from(value).into());
                    fields.insert(name(which), HeaderValue::from(u64::from(value)));
                }
                Change::Remove(which) => {
                    map.remove(name(which));
                    fields.remove(name(which));
                }
            }
            if step == 8 {
                // From here on what there is has come, and only what follows is added.
                fields = Fields::from(&HeaderMap::from(&fields));
            }
            prop_assert_eq!(&HeaderMap::from(&fields), &map);
            for which in 0..5 {
                let known = Name::of(name(which).as_str().as_bytes());
                let there = map.contains_key(name(which));
                prop_assert_eq!(known.is_none_or(|known| fields.seen().has(known) == there), true);
            }
        }
        let mut out = Vec::new();
        fields.write(&mut out);
        let lines = out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        prop_assert_eq!(lines, map.len());
    }
}
