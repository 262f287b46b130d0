//! Do the merges agree with a plain model of them, for anything?

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{bodies, leaves, ok, pointer, says};
use crate::merge::{LineTooLong, Lines, parts};
use crate::words::{Conflict, Direction, Merge, Pointer, Require};

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-4_i64..4).prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec(("[ab\"\\\\é]{0,2}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// As one program writes JSON, or as another does.
fn written(value: &Value, pretty: bool) -> String {
    if pretty { format!("\n{value:#} \r\n") } else { value.to_string() }
}

/// The merge of these documents, read again.
fn merged(merge: &Merge, documents: &[(Value, bool)]) -> Value {
    let texts: Vec<String> =
        documents.iter().map(|(value, pretty)| written(value, *pretty)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let said = says(merge, Require::All, bodies(&texts));
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn arrays() -> impl Strategy<Value = Vec<(Vec<Value>, bool)>> {
    vec((vec(anything(), 0..5), any::<bool>()), 1..5)
}

/// Text that is nearly JSON, and bytes that are nothing.
fn rubbish() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..40),
        "[\\[\\]{}:,\"\\\\ntrue0-9.eE+\\- \nak]{0,24}".prop_map(String::into_bytes),
        (anything(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(value, at, byte)| {
            let mut text = value.to_string().into_bytes();
            let at = at.index(text.len());
            text[at] = byte;
            text
        }),
    ]
}

fn every_merge() -> Vec<Merge> {
    let at = |text| pointer(text);
    let conflicts = [Conflict::First, Conflict::Last, Conflict::Error, Conflict::Array];
    let mut all: Vec<Merge> = conflicts.into_iter().map(Merge::Object).collect();
    for text in ["", "/a", "/0", "/k/0"] {
        all.extend([Merge::Concat(at(text)), Merge::Union(at(text))]);
        all.extend([Merge::Sum(at(text)), Merge::Avg(at(text))]);
        all.extend([Merge::Min(at(text)), Merge::Max(at(text))]);
        all.push(Merge::Sorted(at(text), Direction::Ascending));
        all.push(Merge::Sorted(at(text), Direction::Descending));
    }
    all.extend([Merge::Map, Merge::Ndjson, Merge::First, Merge::Quorum]);
    all.extend([Merge::Multipart, Merge::Status]);
    all
}

/// Cuts `text` at these places.
fn chunks(text: &[u8], cuts: &[prop::sample::Index]) -> Vec<Bytes> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    places.extend([0, text.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| Bytes::copy_from_slice(&text[pair[0]..pair[1]])).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn concat_is_the_concatenation(arrays in arrays()) {
        let all: Vec<Value> = arrays.iter().flat_map(|(array, _)| array.clone()).collect();
        let documents: Vec<(Value, bool)> = arrays
            .into_iter()
            .map(|(array, pretty)| (json!({ "é\"": [0, { "x": array, "y": 1 }], "z": 2 }), pretty))
            .collect();
        let at = Pointer::new(["é\"", "1", "x"].map(str::to_owned).into());
        let expected = json!({ "é\"": [0, { "x": all, "y": 1 }], "z": 2 });
        prop_assert_eq!(merged(&Merge::Concat(at), &documents), expected);
    }

    #[test]
    fn sorted_is_the_stable_sort_of_the_concatenation(
        arrays in vec((vec(-9_i64..9, 0..9), any::<bool>()), 1..6),
        descending in any::<bool>(),
    ) {
        let direction = if descending { Direction::Descending } else { Direction::Ascending };
        let sort = |array: &mut Vec<Value>| array.sort_by_key(|element| {
            let key = element["k"].as_i64().expect("a number");
            if descending { -key } else { key }
        });
        let mut all = Vec::new();
        let mut documents = Vec::new();
        for (shard, (keys, pretty)) in arrays.iter().enumerate() {
            let element = |(at, key)| json!({ "at": at, "shard": shard, "k": key });
            let mut array: Vec<Value> = keys.iter().enumerate().map(element).collect();
            sort(&mut array);
            all.extend(array.clone());
            documents.push((Value::from(array), *pretty));
        }
        sort(&mut all);
        let merge = Merge::Sorted(pointer("/k"), direction);
        prop_assert_eq!(merged(&merge, &documents), Value::from(all));
    }

    #[test]
    fn object_is_one_map(
        objects in vec((vec(("[ab\"\\\\é]{0,2}", anything()), 0..6), any::<bool>()), 1..5),
        conflict in prop_oneof![Just(Conflict::First), Just(Conflict::Last), Just(Conflict::Array)],
    ) {
        let mut all: Vec<(String, Vec<Value>)> = Vec::new();
        let mut documents = Vec::new();
        for (members, pretty) in objects {
            let object: Map<String, Value> = members.into_iter().collect();
            for (name, value) in &object {
                match all.iter_mut().find(|(known, _)| known == name) {
                    Some((_, values)) => values.push(value.clone()),
                    None => all.push((name.clone(), vec![value.clone()])),
                }
            }
            documents.push((Value::Object(object), pretty));
        }
        let chosen = |mut values: Vec<Value>| match conflict {
            Conflict::First => values.swap_remove(0),
            Conflict::Array if values.len() > 1 => Value::from(values),
            _ => values.pop().expect("one at least"),
        };
        let expected: Map<String, Value> =
            all.into_iter().map(|(name, values)| (name, chosen(values))).collect();
        let found = merged(&Merge::Object(conflict), &documents);
        let names = |object: &Map<String, Value>| object.keys().cloned().collect::<Vec<_>>();
        prop_assert_eq!(names(found.as_object().expect("an object")), names(&expected));
        prop_assert_eq!(found, Value::Object(expected));
    }

    #[test]
    fn union_keeps_the_first_of_each(arrays in arrays()) {
        let mut all: Vec<Value> = Vec::new();
        let mut documents = Vec::new();
        for (array, pretty) in arrays {
            // Compound values are told apart by how they are written: here only plain ones.
            let array: Vec<Value> = array.into_iter().filter(|value| !value.is_array() && !value.is_object()).collect();
            for value in &array {
                if !all.contains(value) {
                    all.push(value.clone());
                }
            }
            documents.push((Value::from(array), pretty));
        }
        prop_assert_eq!(merged(&Merge::Union(pointer("")), &documents), Value::from(all));
    }

    #[test]
    fn integers_are_summed_exactly(numbers in vec(any::<i64>(), 1..20)) {
        let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let sum: i128 = numbers.iter().map(|number| i128::from(*number)).sum();
        let said = says(&Merge::Sum(pointer("")), Require::All, bodies(&texts));
        prop_assert_eq!(said, sum.to_string());
        let said = says(&Merge::Max(pointer("")), Require::All, bodies(&texts));
        prop_assert_eq!(said, numbers.iter().max().expect("one at least").to_string());
    }

    #[test]
    fn lines_are_the_same_however_they_are_cut(
        text in "\u{feff}?[ab \r\n\u{feff}]{0,60}",
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut lines = Lines::new(200);
        let mut streamed = Vec::new();
        for chunk in chunks(text.as_bytes(), &cuts) {
            let given = lines.push(chunk).expect("no line is too long");
            prop_assert!(given.is_empty() || given.ends_with(b"\n"));
            streamed.extend_from_slice(&given);
        }
        streamed.extend_from_slice(&lines.finish().unwrap_or_default());
        let buffered = says(&Merge::Ndjson, Require::All, vec![ok(text)]);
        prop_assert_eq!(String::from_utf8(streamed).expect("text"), buffered);
    }

    #[test]
    fn a_line_that_is_too_long_is_found_however_it_is_cut(
        before in "[a\n]{0,9}",
        cuts in vec(any::<prop::sample::Index>(), 0..12),
        ended in any::<bool>(),
    ) {
        let text = format!("{before}\nbbbbbbbbbbbbb{}", if ended { "\n" } else { "" });
        let mut lines = Lines::new(12);
        let found = chunks(text.as_bytes(), &cuts).into_iter().find_map(|it| lines.push(it).err());
        prop_assert_eq!(found, Some(LineTooLong { most: 12 }));
    }

    #[test]
    fn rubbish_is_never_a_panic_and_never_makes_bad_json(bodies in vec(rubbish(), 1..4)) {
        for merge in every_merge() {
            let outcomes = bodies.iter().map(|body| ok(body.clone())).collect();
            let Ok(merged) = parts(&merge, leaves(outcomes), Require::Any) else { continue };
            let json = merged.headers.get("content-type").is_some_and(|it| it == b"application/json");
            if json && !matches!(merge, Merge::First | Merge::Quorum) {
                let body = merged.body.concat();
                let read = serde_json::from_slice::<&serde_json::value::RawValue>(&body);
                prop_assert!(read.is_ok(), "{:?} made {}", merge, String::from_utf8_lossy(&body));
            }
        }
    }
}

#[test]
fn a_chunk_of_whole_lines_is_not_copied() {
    let chunk = Bytes::from_static(b"one\ntwo\n");
    let mut lines = Lines::new(8);
    let given = lines.push(chunk.clone()).unwrap();
    assert_eq!((given.as_ptr(), given.len()), (chunk.as_ptr(), chunk.len()));
    assert_eq!(lines.push(Bytes::from_static(b"three\nfo")).unwrap(), "three\n");
    assert_eq!(lines.finish().unwrap(), "fo\n");
}
