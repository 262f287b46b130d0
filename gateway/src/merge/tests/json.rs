//! What is JSON, and where in it is what the pointer says?

use bytes::Bytes;

use super::{answer, check, check_misfit, pointer, says};
use crate::model::Outcome;
use crate::words::{Conflict, Direction, Merge, Pointer, Require};

/// `text` is no answer for any merge that looks into it.
fn check_never(text: impl Into<Bytes> + Clone, why: &str) {
    check_misfit(&Merge::Concat(pointer("")), "[]", text.clone(), why);
    check_misfit(&Merge::Union(pointer("")), "[]", text.clone(), why);
    check_misfit(&Merge::Object(Conflict::Last), "{}", text.clone(), why);
    check_misfit(&Merge::Sum(pointer("")), "1", text.clone(), why);
    check_misfit(&Merge::Sorted(pointer(""), Direction::Ascending), "[]", text, why);
}

#[test]
fn what_is_not_json_is_told_with_its_place() {
    check_never("", "not JSON: the body is empty");
    check_never(" \n", "not JSON: the body is empty");
    check_never("[1]\n x", "not JSON at line 2 column 2: expected the end");
    check_never("[1,\n 2,]", "not JSON at line 2 column 4: expected value");
    check_never("[1, 01]", "not JSON at line 1 column 6: invalid number");
    check_never(&b"[\"\xff\"]"[..], "not UTF-8 at byte 2");
    check_never(
        "[\"\t\"]",
        "not JSON at line 1 column 2: control character (\\u0000-\\u001F) found while parsing a string",
    );
}

#[test]
fn truncated_arrays_and_objects_are_not_json() {
    let merge = Merge::Sorted(pointer(""), Direction::Ascending);
    check_misfit(&merge, "[]", "[1", "not JSON at line 1 column 3: expected `,` or `]`");
    check_misfit(&merge, "[]", "[1 2]", "not JSON at line 1 column 4: expected `,` or `]`");
    let merge = Merge::Concat(pointer("/a"));
    let fit = "{\"a\":[]}";
    check_misfit(&merge, fit, "{\"a\"", "not JSON at line 1 column 5: expected `:`");
    check_misfit(&merge, fit, "{a:1}", "not JSON at line 1 column 2: expected a member's name");
    check_misfit(
        &merge,
        fit,
        "{\"a\":[],}",
        "not JSON at line 1 column 9: expected a member's name",
    );
}

#[test]
fn what_is_of_another_kind_is_told_with_the_pointer() {
    let merge = Merge::Concat(pointer("/n"));
    let fit = "{\"n\":[]}";
    check_misfit(&merge, fit, "{\"n\":{}}", "not a JSON array at /n: found an object");
    check_misfit(&merge, fit, "{\"m\":1}", "not a JSON array at /n: nothing is there");
    check_misfit(&merge, fit, "1e400", "not a JSON array at /n: nothing is there");
    check_misfit(
        &Merge::Concat(pointer("")),
        "[]",
        "{}",
        "not a JSON array at the root: found an object",
    );
    check_misfit(
        &Merge::Object(Conflict::Last),
        "{}",
        "[]",
        "not a JSON object at the root: found an array",
    );
    check_misfit(
        &Merge::Max(pointer("/n")),
        "{\"n\":1}",
        "{\"n\":\"1\"}",
        "not a JSON number at /n: found a string",
    );
}

#[test]
fn what_is_not_sorted_is_told_with_its_place() {
    let up = Merge::Sorted(pointer("/k"), Direction::Ascending);
    check_misfit(&up, "[]", "[{\"k\":2},{\"k\":1}]", "not sorted at /1: not ascending by /k");
    check_misfit(&up, "[]", "[{\"k\":2},{}]", "not sorted at /1: not ascending by /k");
    check_misfit(&up, "[]", "[{\"k\":[]}]", "cannot sort /0 by /k: found an array");
    check_misfit(&up, "[]", "{}", "not a JSON array at the root: found an object");
    let down = Merge::Sorted(pointer(""), Direction::Descending);
    check_misfit(&down, "[]", "[2,1,3]", "not sorted at /2: not descending by the root");
}

#[test]
fn a_body_with_a_coding_cannot_be_looked_into() {
    let gzip = || Outcome::Answered(answer(200, &[("content-encoding", "gzip")], "[]"));
    let why = "0 of 1 leaves answered, 1 are needed; s-0: content-encoding gzip cannot be merged";
    for merge in [Merge::Concat(pointer("")), Merge::Map, Merge::Ndjson] {
        assert_eq!(says(&merge, Require::All, vec![gzip()]), why);
    }
    let identity = Outcome::Answered(answer(200, &[("content-encoding", "Identity")], "[1]"));
    assert_eq!(says(&Merge::Concat(pointer("")), Require::All, vec![identity]), "[1]");
}

#[test]
fn a_pointer_meets_members_however_they_are_escaped() {
    let slash = Merge::Concat(Pointer::new(vec!["a/b~é".to_owned()]));
    check(&slash, &["{\"a/b~é\":[1]}", "{\"a\\/b~\\u00E9\":[2]}"], "{\"a/b~é\":[1,2]}");
    let empty = Merge::Concat(Pointer::new(vec![String::new()]));
    check(&empty, &["{\"\":[1]}", "{\"\":[2]}"], "{\"\":[1,2]}");
    check_misfit(
        &slash,
        "{\"a/b~é\":[]}",
        "{\"a\":[]}",
        "not a JSON array at /a~1b~0é: nothing is there",
    );
    check_misfit(
        &empty,
        "{\"\":[]}",
        "{\"\\ud800\":[]}",
        "not a JSON array at /: nothing is there",
    );
}

#[test]
fn a_pointer_meets_elements_by_their_index() {
    let merge = Merge::Sum(pointer("/1/n"));
    check(&merge, &["[0,{\"n\":1}]", "[9,{\"n\":2},7]"], "[0,{\"n\":3}]");
    check_misfit(
        &merge,
        "[0,{\"n\":1}]",
        "[{\"n\":1}]",
        "not a JSON number at /1/n: nothing is there",
    );
    let leading = Merge::Sum(pointer("/01"));
    check(&leading, &["{\"01\":1}"], "{\"01\":1}");
    check_misfit(&leading, "{\"01\":1}", "[1,2]", "not a JSON number at /01: nothing is there");
}

#[test]
fn the_last_of_two_members_counts() {
    let merge = Merge::Concat(pointer("/a"));
    check(&merge, &["{\"a\":[1],\"a\":[2]}", "{\"a\":0,\"a\":[3]}"], "{\"a\":[1],\"a\":[2,3]}");
    let deep = Merge::Sum(pointer("/a/n"));
    check_misfit(
        &deep,
        "{\"a\":{\"n\":1}}",
        "{\"a\":{\"n\":1},\"a\":{}}",
        "not a JSON number at /a/n: nothing is there",
    );
}

#[test]
fn a_byte_order_mark_is_ignored() {
    check(&Merge::Concat(pointer("")), &["\u{feff}[1]", "\u{feff} [2]"], "[1,2]");
    check(&Merge::Ndjson, &["\u{feff}1\n", "\u{feff}2", "\u{feff}"], "1\n2\n");
    check(&Merge::Map, &["\u{feff}[1]"], "{\"s-0\":{\"status\":200,\"body\":[1]}}");
}

#[test]
fn depth_costs_no_stack() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let inside = &deep[1..deep.len() - 1];
    check(&Merge::Concat(pointer("")), &["[1]", &deep], &format!("[1,{inside}]"));
    check(&Merge::Union(pointer("/a/b")), &[&deep], &deep);
    check(&Merge::Object(Conflict::Last), &[&objects], &objects);
    check(&Merge::Map, &[&deep], &format!("{{\"s-0\":{{\"status\":200,\"body\":{deep}}}}}"));
    let open = "[".repeat(100_000);
    let why = "not JSON at line 1 column 100000: EOF while parsing a list";
    check_misfit(&Merge::Concat(pointer("")), "[]", open, why);
}
