//! What may an answer claim? Its leaves, its status, and how long it may be kept.

use std::num::NonZeroU32;

use http::StatusCode;
use http::header::{CACHE_CONTROL, VARY};

use super::{answer, bodies, failed, leaves, ok, pointer, says};
use crate::merge::{Merged, parts};
use crate::model::Outcome;
use crate::words::{Merge, Require};

const HEADERS: [&str; 4] = ["cache-control", "vary", "age", "etag"];

fn concat(outcomes: Vec<Outcome>) -> Merged {
    parts(&Merge::Concat(pointer("")), leaves(outcomes), Require::Any).expect("one is enough")
}

fn with(name: &'static str, value: &str) -> Outcome {
    Outcome::Answered(answer(200, &[(name, value)], "[]"))
}

/// Leaves that say `values` for the header (`-` is nothing) make the answer say `expected`.
fn check_header(name: &'static str, values: &[&str], expected: Option<&str>) {
    assert!(HEADERS.contains(&name));
    let say = |value: &&str| if *value == "-" { ok("[]") } else { with(name, value) };
    let merged = concat(values.iter().map(say).collect());
    let found = merged.headers.text(name);
    assert_eq!(found, expected, "{name}: {values:?}");
}

/// Of four leaves, this many answer; the rest fail in every way there is.
fn check_require(require: Require, answered: usize, enough: bool) {
    for merge in [Merge::Map, Merge::Status, Merge::Multipart, Merge::Ndjson] {
        let mut outcomes = vec![
            Outcome::TimedOut,
            Outcome::Refused(answer(503, &[], "")),
            failed("reset"),
            Outcome::TimedOut,
        ];
        outcomes.truncate(4 - answered);
        outcomes.extend(bodies(&vec!["[1]\n"; answered]));
        let merged = parts(&merge, leaves(outcomes), require);
        assert_eq!(merged.is_ok(), enough, "{require:?} with {answered} of 4: {merged:?}");
        if let Ok(merged) = merged {
            assert_eq!((merged.coverage.total, merged.coverage.ok), (4, answered));
            let kept = merged.headers.get(CACHE_CONTROL);
            assert_eq!(kept, (answered < 4).then_some(&b"no-store"[..]));
        }
    }
}

#[test]
fn require_says_how_many_leaves_are_enough() {
    let two = NonZeroU32::new(2).unwrap();
    for (require, least) in [
        (Require::All, 4),
        (Require::Quorum, 3),
        (Require::Any, 1),
        (Require::Count(two), 2),
        (Require::Percent(75), 3),
        (Require::Percent(1), 1),
    ] {
        for answered in 0..=4 {
            check_require(require, answered, answered >= least);
        }
    }
}

#[test]
fn no_leaves_are_too_few() {
    let none = "0 of 0 leaves answered, 1 are needed";
    assert_eq!(says(&Merge::Concat(pointer("")), Require::All, vec![]), none);
    assert_eq!(says(&Merge::First, Require::Any, vec![]), none);
}

#[test]
fn a_leaf_that_does_not_fit_is_not_claimed() {
    let merged = concat(vec![ok("{}"), ok("[1]"), Outcome::TimedOut, ok("[2]")]);
    assert_eq!(super::body(&merged), "[1,2]");
    assert_eq!(merged.coverage.to_string(), "total=4, ok=2, failed=1, timed-out=1, hedged=0");
    assert_eq!(merged.headers.text(CACHE_CONTROL), Some("no-store"));
}

#[test]
fn a_partial_answer_is_not_kept_whatever_the_leaves_say() {
    let merged = concat(vec![with("cache-control", "public, max-age=60"), failed("no")]);
    assert_eq!(merged.headers.text(CACHE_CONTROL), Some("no-store"));
    let first = vec![failed("no"), with("cache-control", "max-age=60")];
    let merged = parts(&Merge::First, leaves(first), Require::All).unwrap();
    assert_eq!(merged.headers.text(CACHE_CONTROL), Some("no-store"));
}

#[test]
fn cache_control_is_as_strict_as_the_strictest() {
    let check = |values: &[&str], expected| check_header("cache-control", values, expected);
    check(&["public, max-age=60", "public,max-age=60"], Some("public, max-age=60"));
    check(&["public, max-age=60", "max-age=5"], Some("max-age=5"));
    check(&["max-age=60, s-maxage=3", "max-age=5"], Some("max-age=3"));
    check(&["max-age=60", "-"], Some("no-cache"));
    check(&["max-age=60", "no-cache"], Some("no-cache"));
    check(&["max-age=60", "no-store"], Some("no-store"));
    check(&["max-age=60", "private, max-age=70"], Some("private, max-age=60"));
    check(&["max-age=x", "max-age=70, must-revalidate"], Some("must-revalidate, no-cache"));
    check(&["-", "-"], None);
}

#[test]
fn headers_say_what_can_be_said_of_all() {
    check_header(
        "vary",
        &["Accept, Cookie", "-", "accept-language,accept"],
        Some("accept, cookie, accept-language"),
    );
    check_header("vary", &["Accept", "*"], Some("*"));
    check_header("age", &["3", "20", "x"], Some("20"));
    check_header("etag", &["\"1\"", "\"1\""], None);
}

#[test]
fn cookies_of_all_stand_in_shard_order() {
    let merged =
        concat(vec![with("set-cookie", "b=1"), ok("[]"), with("set-cookie", "a=2; Path=/")]);
    let cookies: Vec<_> = merged.headers.all("set-cookie").collect();
    assert_eq!(cookies, [&b"b=1"[..], b"a=2; Path=/"]);
    assert!(!merged.headers.contains(VARY));
}

#[test]
fn the_status_is_the_one_that_all_have_if_it_can_have_the_body() {
    let said = |merge: &Merge, statuses: [u16; 2], body: &'static str| {
        let outcomes = statuses.map(|status| Outcome::Answered(answer(status, &[], body)));
        parts(merge, leaves(outcomes.into()), Require::All).unwrap().status
    };
    let concat = Merge::Concat(pointer(""));
    assert_eq!(said(&concat, [201, 201], "[]"), StatusCode::CREATED);
    assert_eq!(said(&concat, [201, 200], "[]"), StatusCode::OK);
    assert_eq!(said(&concat, [206, 206], "[]"), StatusCode::OK);
    assert_eq!(said(&Merge::Status, [202, 202], ""), StatusCode::ACCEPTED);
    assert_eq!(said(&Merge::Status, [204, 204], ""), StatusCode::OK);
    assert_eq!(said(&Merge::Ndjson, [204, 204], ""), StatusCode::NO_CONTENT);
    assert_eq!(said(&Merge::Quorum, [206, 206], "a"), StatusCode::OK);
    assert_eq!(said(&Merge::Quorum, [201, 201], ""), StatusCode::CREATED);
    assert_eq!(said(&Merge::Quorum, [204, 204], ""), StatusCode::NO_CONTENT);
}
