//! Is the answer what a plain model makes of the same parts?

mod json;
mod model;
mod truth;

use std::num::NonZeroU32;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode};

use crate::merge::{Merged, Unmerged, parts};
use crate::model::{Answer, Outcome, Part, ShardName};
use crate::words::{Conflict, Direction, Merge, Pointer, Require};

/// `/a/b`, without escapes.
fn pointer(text: &str) -> Pointer {
    Pointer::new(text.split('/').skip(1).map(str::to_owned).collect())
}

fn answer(status: u16, headers: &[(&'static str, &str)], body: impl Into<Bytes>) -> Answer {
    let headers = headers
        .iter()
        .map(|(name, value)| {
            let value = HeaderValue::from_str(value).expect("a header's value");
            (HeaderName::from_static(name), value)
        })
        .collect();
    let status = StatusCode::from_u16(status).expect("a status");
    Answer { status, headers, body: body.into() }
}

fn ok(body: impl Into<Bytes>) -> Outcome {
    Outcome::Answered(answer(200, &[("content-type", "application/json")], body))
}

fn failed(why: &str) -> Outcome {
    Outcome::Failed(why.into())
}

/// Parts of shards `s-0`, `s-1`, …
fn leaves(outcomes: Vec<Outcome>) -> Vec<Part> {
    let part =
        |(at, outcome)| Part { shard: ShardName::new(&format!("s-{at}")), outcome, hedged: false };
    outcomes.into_iter().enumerate().map(part).collect()
}

fn bodies(bodies: &[&str]) -> Vec<Outcome> {
    bodies.iter().map(|body| ok(body.to_string())).collect()
}

fn body(merged: &Merged) -> String {
    String::from_utf8_lossy(&merged.body.concat()).into_owned()
}

/// The merge of these leaves, whatever is there, says this: its body, or why there is none and what
/// was wrong with each leaf that failed.
fn says(merge: &Merge, require: Require, outcomes: Vec<Outcome>) -> String {
    match parts(merge, leaves(outcomes), require) {
        Ok(merged) => body(&merged),
        Err(unmerged) => {
            let mut said = unmerged.to_string();
            for Part { shard, outcome, .. } in unmerged.parts() {
                if let Outcome::Failed(why) = outcome {
                    said.push_str(&format!("; {shard}: {why}"));
                }
            }
            said
        }
    }
}

/// Every leaf answered one of `texts`, and all are required.
fn check(merge: &Merge, texts: &[&str], expected: &str) {
    assert_eq!(says(merge, Require::All, bodies(texts)), expected, "{merge:?} of {texts:?}");
}

/// The second of two leaves gives `misfit`; its part says `why`.
fn check_misfit(merge: &Merge, fitting: &str, misfit: impl Into<Bytes>, why: &str) {
    let said = says(merge, Require::All, vec![ok(fitting.to_owned()), ok(misfit)]);
    assert_eq!(said, format!("1 of 2 leaves answered, 2 are needed; s-1: {why}"), "{merge:?}");
}

#[test]
fn concat_puts_arrays_one_after_the_other_in_shard_order() {
    let merge = Merge::Concat(pointer(""));
    check(&merge, &["[1, 2]", "[3]", "[ 4 ]"], "[1, 2,3,4]");
    check(&merge, &["[]", " [ ] ", "[1]", "[]", "[2]"], "[1,2]");
    check(&merge, &["[]", "[\n]"], "[]");
}

#[test]
fn concat_keeps_the_first_document_byte_for_byte() {
    check(
        &Merge::Concat(pointer("/r/items")),
        &[
            "{ \"n\" : 1e400, \"r\":{\"items\" :[1] ,\"x\":\"\\u00e9\"} }\n",
            "{\"r\":{\"items\":[2]}}",
        ],
        "{ \"n\" : 1e400, \"r\":{\"items\" :[1,2] ,\"x\":\"\\u00e9\"} }\n",
    );
}

#[test]
fn large_pieces_are_shared_and_not_copied() {
    let large = format!("[{}]", vec!["12345"; 4000].join(","));
    let leaf = Bytes::from(large);
    let inside = leaf.slice(1..leaf.len() - 1);
    let merged =
        parts(&Merge::Concat(pointer("")), leaves(vec![ok("[1]"), ok(leaf)]), Require::All)
            .unwrap();
    assert!(merged.body.iter().any(|segment| segment.as_ptr() == inside.as_ptr()));
}

#[test]
fn object_has_the_members_of_all_where_they_first_appeared() {
    let texts = ["{\"a\": 1, \"b\":2}", "{\"c\":[3 ],\"a\":\"x\"}", "{}"];
    check(&Merge::Object(Conflict::Last), &texts, "{\"a\":\"x\",\"b\":2,\"c\":[3 ]}");
    check(&Merge::Object(Conflict::First), &texts, "{\"a\":1,\"b\":2,\"c\":[3 ]}");
    check(&Merge::Object(Conflict::Array), &texts, "{\"a\":[1,\"x\"],\"b\":2,\"c\":[3 ]}");
    let why = "leaves s-0 and s-1 both have the member \"a\"";
    check(&Merge::Object(Conflict::Error), &texts, why);
    check(&Merge::Object(Conflict::Error), &["{\"a\":1}", "{\"b\":2}"], "{\"a\":1,\"b\":2}");
}

#[test]
fn a_name_is_the_same_however_it_is_escaped_and_twice_in_a_leaf_is_no_conflict() {
    check(&Merge::Object(Conflict::Array), &["{\"é\":1}", "{\"\\u00e9\":2}"], "{\"é\":[1,2]}");
    check(&Merge::Object(Conflict::Error), &["{\"a\":1,\"a\":2}"], "{\"a\":2}");
    let texts = ["{\"a\":1,\"a\":2}", "{\"a\":3,\"a\":4}"];
    check(&Merge::Object(Conflict::Array), &texts, "{\"a\":[2,4]}");
    check(&Merge::Object(Conflict::First), &texts, "{\"a\":2}");
}

#[test]
fn half_a_surrogate_pair_is_not_the_text_that_spells_it() {
    let (half, spelt) = ("\"\\ud800\"", "\"\\\\ud800\"");
    let texts = [&*format!("{{{half}:1}}"), &format!("{{{spelt}:2}}")];
    let both = format!("{{{half}:1,{spelt}:2}}");
    check(&Merge::Object(Conflict::Error), &texts, &both);
    let texts = [&*format!("[{half}]"), &format!("[{spelt},\"\\uD800\"]")];
    check(&Merge::Union(pointer("")), &texts, &format!("[{half},{spelt}]"));
}

#[test]
fn ndjson_has_whole_lines_and_no_blank_ones() {
    let texts = ["1\n\n2\n", "", "\n \r\n3", "4\r\n"];
    check(&Merge::Ndjson, &texts, "1\n2\n3\n4\r\n");
}

#[test]
fn sorted_merges_and_equal_ones_stand_in_shard_order() {
    let up = Merge::Sorted(pointer("/k"), Direction::Ascending);
    let texts = ["[{\"k\":1,\"s\":0},{\"k\":3}]", "[]", "[{\"k\":1.0,\"s\":2},{\"k\":2}]"];
    check(&up, &texts, "[{\"k\":1,\"s\":0},{\"k\":1.0,\"s\":2},{\"k\":2},{\"k\":3}]");
    let down = Merge::Sorted(pointer(""), Direction::Descending);
    check(&down, &["[9,1]", "[10, 9.0]"], "[10,9,9.0,1]");
    check(&up, &["[]", "[ ]"], "[]");
}

#[test]
fn sorted_puts_null_before_booleans_before_numbers_before_strings() {
    let merge = Merge::Sorted(pointer(""), Direction::Ascending);
    let texts = ["[true,\"a\"]", "[null,7,\"Z\"]", "[false,-1e400,9007199254740993,1e400]"];
    let all = "[null,false,true,-1e400,7,9007199254740993,1e400,\"Z\",\"a\"]";
    check(&merge, &texts, all);
    let big = ["[9007199254740993]", "[9007199254740992.0]", "[9007199254740992]"];
    check(&merge, &big, "[9007199254740992.0,9007199254740992,9007199254740993]");
}

#[test]
fn numbers_are_counted_in_the_first_document() {
    let texts = ["{\"x\":1,\"n\": 4 }", "{\"n\":2}", "{\"n\":6}"];
    check(&Merge::Sum(pointer("/n")), &texts, "{\"x\":1,\"n\": 12 }");
    check(&Merge::Min(pointer("/n")), &texts, "{\"x\":1,\"n\": 2 }");
    check(&Merge::Max(pointer("/n")), &texts, "{\"x\":1,\"n\": 6 }");
    check(&Merge::Avg(pointer("/n")), &texts, "{\"x\":1,\"n\": 4 }");
    check(&Merge::Sum(pointer("")), &["1", "0.5"], "1.5");
    check(&Merge::Avg(pointer("")), &["1", "2"], "1.5");
    check(&Merge::Max(pointer("")), &["1e400", "2"], "1e400");
    check(&Merge::Min(pointer("")), &["1.0", "1"], "1.0");
}

#[test]
fn integers_are_counted_without_rounding() {
    let sum = Merge::Sum(pointer(""));
    check(&sum, &["18446744073709551615", "18446744073709551615"], "36893488147419103230");
    check(&sum, &["9007199254740993", "0"], "9007199254740993");
    let most = "170141183460469231731687303715884105727";
    check(&sum, &[most, "1"], "1.7014118346046923e+38");
    check(&sum, &["1e308", "1e308"], "the sum is greater than a number can be");
    let mean = Merge::Avg(pointer(""));
    check(&mean, &["1e308", "1e308"], "1e+308");
    check(&mean, &["-1.7976931348623157e308"; 3], "-1.7976931348623157e+308");
    check_misfit(&sum, "1", "1e400", "1e400 at the root is too great to be counted");
}

#[test]
fn union_leaves_out_what_was_seen() {
    let merge = Merge::Union(pointer("/id"));
    let texts = ["[{\"id\":1,\"s\":0},{\"x\":1}]", "[{\"id\":1.0},{\"x\":1},{\"id\":\"1\"}]"];
    check(&merge, &texts, "[{\"id\":1,\"s\":0},{\"x\":1},{\"x\":1},{\"id\":\"1\"}]");
    let root = Merge::Union(pointer(""));
    check(&root, &["[\"a\",null]", "[\"\\u0061\",null,[1]]", "[[1]]"], "[\"a\",null,[1]]");
    let huge = ["[1000000000000000000000000000000000000000001]"; 2];
    check(&root, &huge, huge[0]);
}

#[test]
fn a_number_with_an_exponent_is_the_nearest_double() {
    let full = "100000000000000000000000";
    let near = "99999999999999991611392";
    let texts = [&*format!("[{full}]"), "[1e23]", &format!("[{near}]")];
    let sorted = Merge::Sorted(pointer(""), Direction::Ascending);
    check(&sorted, &texts, &format!("[1e23,{near},{full}]"));
    check(&Merge::Union(pointer("")), &texts, &format!("[{full},1e23]"));
    check(&Merge::Union(pointer("")), &["[1e39]", "[1e39,1.0e39]"], "[1e39,1.0e39]");
}

#[test]
fn map_says_what_each_leaf_said() {
    let text = Outcome::Answered(answer(201, &[("content-type", "text/plain")], "5 \"x\""));
    let binary = Outcome::Answered(answer(200, &[], &b"\xff\x00\x01\x02"[..]));
    let refused = Outcome::Refused(answer(503, &[], "[1 ]"));
    let silent = Outcome::Answered(answer(204, &[], ""));
    let broken = ok("{\"a\":");
    let all = vec![
        ok(" {\"a\":1}\n"),
        text,
        binary,
        refused,
        Outcome::TimedOut,
        failed("reset"),
        silent,
        broken,
    ];
    assert_eq!(
        says(&Merge::Map, Require::Any, all),
        "{\"s-0\":{\"status\":200,\"body\":{\"a\":1}},\
          \"s-1\":{\"status\":201,\"body\":\"5 \\\"x\\\"\"},\
          \"s-2\":{\"status\":200,\"body\":{\"base64\":\"/wABAg==\"}},\
          \"s-3\":{\"status\":503,\"body\":[1 ]},\
          \"s-4\":{\"error\":\"timed out\"},\
          \"s-5\":{\"error\":\"reset\"},\
          \"s-6\":{\"status\":204},\
          \"s-7\":{\"status\":200,\"body\":\"{\\\"a\\\":\"}}"
    );
}

#[test]
fn status_says_how_each_leaf_fared() {
    let all =
        vec![ok("x"), Outcome::Refused(answer(503, &[], "")), Outcome::TimedOut, failed("no")];
    let said = says(&Merge::Status, Require::Count(NonZeroU32::MIN), all);
    assert_eq!(said, "{\"s-0\":200,\"s-1\":503,\"s-2\":\"timed out\",\"s-3\":\"no\"}");
}

#[test]
fn multipart_has_a_part_for_each_right_answer() {
    let text = Outcome::Answered(answer(200, &[("content-type", "text/plain")], "hello"));
    let raw = Outcome::Answered(answer(200, &[("content-encoding", "gzip")], &b"\x1f\x8b"[..]));
    let outcomes = vec![text, failed("no"), raw];
    let merged = parts(&Merge::Multipart, leaves(outcomes), Require::Any).unwrap();
    let kind = merged.headers.text(CONTENT_TYPE).unwrap();
    let boundary = kind.strip_prefix("multipart/mixed; boundary=").unwrap();
    assert_eq!(
        body(&merged),
        format!(
            "--{boundary}\r\nmetaparticle-shard: s-0\r\ncontent-type: text/plain\r\n\r\nhello\r\n\
             --{boundary}\r\nmetaparticle-shard: s-2\r\ncontent-type: application/octet-stream\r\n\
             content-encoding: gzip\r\n\r\n\x1f\u{fffd}\r\n--{boundary}--\r\n"
        )
    );
}

#[test]
fn first_passes_the_whole_answer_of_the_first_right_one() {
    let headers = [("content-type", "text/plain"), ("etag", "\"1\""), ("content-encoding", "gzip")];
    let right = Outcome::Answered(answer(201, &headers, "one"));
    let merged = parts(&Merge::First, leaves(vec![right, ok("two")]), Require::All).unwrap();
    assert_eq!((merged.status, body(&merged)), (StatusCode::CREATED, "one".to_owned()));
    assert_eq!(merged.headers.len(), 3);
    assert!(merged.coverage.is_whole());
    let none = says(&Merge::First, Require::All, vec![Outcome::TimedOut, failed("no")]);
    assert_eq!(none, "0 of 2 leaves answered, 1 are needed; s-1: no");
}

#[test]
fn quorum_gives_what_more_than_half_of_all_leaves_gave() {
    let said = |outcomes| says(&Merge::Quorum, Require::All, outcomes);
    assert_eq!(said(vec![ok("b"), ok("a"), ok("a")]), "a");
    assert_eq!(said(vec![ok("a"), ok("a"), Outcome::TimedOut]), "a");
    let none = "no answer was given by more than half of";
    assert_eq!(said(vec![ok("a"), ok("a"), ok("b"), ok("b")]), format!("{none} 4 leaves"));
    assert_eq!(said(vec![ok("a"), Outcome::TimedOut]), format!("{none} 2 leaves"));
    let other = Outcome::Answered(answer(201, &[], "a"));
    assert_eq!(said(vec![ok("a"), other]), format!("{none} 2 leaves"));
    let merged =
        parts(&Merge::Quorum, leaves(vec![ok("b"), ok("a"), ok("a")]), Require::All).unwrap();
    assert_eq!(merged.coverage.to_string(), "total=3, ok=2, failed=1, timed-out=0, hedged=0");
    assert_eq!(merged.headers.text("cache-control"), Some("no-store"));
}

#[test]
fn an_error_gives_back_every_part() {
    let merge = Merge::Concat(pointer(""));
    let Err(Unmerged::TooFew { parts, least }) =
        parts(&merge, leaves(vec![ok("[]"), ok("{}"), Outcome::TimedOut]), Require::Quorum)
    else {
        panic!("one array of three is too few");
    };
    assert_eq!((parts.len(), least), (3, 2));
    let names: Vec<&str> = parts.iter().map(|part| part.shard.as_str()).collect();
    assert_eq!(names, ["s-0", "s-1", "s-2"]);
}
