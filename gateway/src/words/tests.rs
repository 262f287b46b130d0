//! Is every word read as it is written, and shown as it is read?

use std::time::Duration;

use proptest::prelude::*;

use crate::words::{LoadBound, OwnerDown, Pattern, Policy, Scope, table};

/// What is left of `words` on a service: the values that are not defaults, then the mistakes.
fn read(scope: Scope, words: &[(&str, &str)]) -> Vec<String> {
    let (policy, mistakes) = Policy::read(&Policy::default(), scope, words.iter().copied());
    let said = policy.words().into_iter().zip(table());
    let said = said.filter(|((_, value), word)| value != word.default);
    let said = said.map(|((name, value), _)| format!("{name}: {value}"));
    said.chain(mistakes.iter().map(ToString::to_string)).collect()
}

fn check(words: &[(&str, &str)], expected: &[&str]) {
    assert_eq!(read(Scope::Service, words), expected, "{words:?}");
}

/// Each value is shown as it was written.
fn check_same(name: &str, values: &[&str]) {
    for value in values {
        check(&[(name, value)], &[&format!("{name}: {value}")]);
    }
}

/// Each value is refused, and the word's own line says what is allowed.
fn check_wrong(name: &str, values: &[&str]) {
    let word = table().iter().find(|word| word.name == name).expect("a known word");
    for value in values {
        let found = read(Scope::Service, &[(name, value)]);
        let expected = format!("{name}: found `{value}`; allowed: {}", word.allowed);
        assert!(found.len() == 1 && found[0].starts_with(&expected), "{found:?}");
    }
}

#[test]
fn the_default_of_each_word_is_the_default_of_the_policy() {
    let defaults = Policy::default().words();
    assert_eq!(defaults, table().iter().map(|w| (w.name, w.default.into())).collect::<Vec<_>>());
    for (name, value) in &defaults {
        check(&[(name, value)], &[]);
    }
}

#[test]
fn every_value_of_the_contract_is_read_and_shown_again() {
    check_same("pattern", &["shard", "scatter"]);
    check_same("balance", &["peak-ewma", "round-robin", "random"]);
    check_same("shard-missing-key", &["reject", "scatter"]);
    check_same("shard-algorithm", &["ring", "maglev", "modulo", "metaparticle-v1"]);
    check_same("shard-identity", &["name", "uid", "address", "host"]);
    check_same("shard-count", &["statefulset", "5", "10000"]);
    check_same("shard-on-owner-down", &["wait:500ms", "fail"]);
    check_same("shard-load-bound", &["1.25", "2"]);
    check_same("scatter-require", &["quorum", "any", "3", "1%", "100%"]);
    check_same("scatter-hedge", &["p1", "p95", "p99", "20ms"]);
    check_same("scatter-timeout", &["800ms", "1h"]);
    check_same("timeout", &["5m"]);
    check_same("retries", &["0", "10"]);
    check_same("max-body", &["64KiB", "1GiB", "1MB", "1025"]);
    check_same("max-concurrency", &["1"]);
    check_same("scatter-merge", &["concat", "concat:/n", "object:array", "ndjson", "sum:/a~1b~0"]);
    check_same("scatter-merge", &["sorted", "sorted:/a:b", "sorted:/a:desc", "sorted:desc"]);
    check_same("scatter-merge", &["sorted:/a:desc:asc", "sorted:/a:desc:desc", "union:/id"]);
    check_same("scatter-merge", &["min", "max:/x", "avg:/0", "first", "quorum", "multipart"]);
    check_same("scatter-merge", &["status", "object:first", "object:error", "concat:/"]);
}

#[test]
fn a_direction_without_a_pointer_is_that_of_the_whole_document() {
    for same in ["sorted:desc", "sorted::desc"] {
        check(&[("scatter-merge", same)], &["scatter-merge: sorted:desc"]);
    }
    for same in ["sorted", "sorted:", "sorted:asc", "sorted::asc"] {
        check(&[("scatter-merge", same)], &["scatter-merge: sorted"]);
    }
}

#[test]
fn a_value_that_makes_no_sense_is_refused() {
    check_wrong("pattern", &["", "Shard", "sharded", "shard shard"]);
    check_wrong("shard-count", &["0", "-1", "+1", "10001", "five"]);
    check_wrong("shard-on-owner-down", &["wait", "wait:", "wait:0ms", "wait:5", "Fail"]);
    check_wrong("shard-load-bound", &["1", "0.5", "-2", "inf", "nan", "1e3", "1.2.3", "on"]);
    check_wrong("scatter-require", &["0", "0%", "101%", "50 %", "some", "+1"]);
    check_wrong("scatter-hedge", &["0ms", "p0", "p100", "p", "95", "on"]);
    check_wrong("timeout", &["30", "0s", "forever", "25h"]);
    check_wrong("retries", &["-1", "11", "one", "1.0"]);
    check_wrong("max-body", &["0", "8 MiB", "8mib", "big"]);
    check_wrong("max-concurrency", &["0", "4294967296"]);
    check_wrong("scatter-merge", &["concat:n", "sum:/~2", "sum:/~", "object:none", "map:/a"]);
    check_wrong(
        "scatter-merge",
        &["sorted:a", "sorted:down", "sorted:desc:asc", "Map", "concat,first"],
    );
}

#[test]
fn a_key_is_an_ordered_list_whose_parts_may_hold_commas() {
    check_same("shard-key", &["path:^/users/([^/]+)", "host", "client-ip", "cookie:id"]);
    check_same("shard-key", &["header:x-user,query:u,path:/([a-z]{2,4})/,host", "body:$.a[0,1]"]);
    check_same(
        "shard-key",
        &["body:$..id", "body:$['it,s'],host", "path:(a|b,host)$", "query:a,b"],
    );
    check(&[("shard-key", " header:X-User , host ")], &["shard-key: header:x-user,host"]);
    check_wrong("shard-key", &["", ",host", "host,", "host,,host", "users", "path,host", "path:"]);
    check_wrong("shard-key", &["pth:(x)", "path:^/users/", "path:(", "path:(a{9}){999999}"]);
    check_wrong(
        "shard-key",
        &["header:", "header:x y", "header:x,heder:y", "cookie:a=b", "query:"],
    );
    check_wrong("shard-key", &["body:", "body:id", "body:$[", "host:x", "client-ip:x"]);
    check_wrong("shard-key", &[&format!("body:${}@.a{}", "[?@".repeat(40), "]".repeat(40))]);
}

#[test]
fn a_refused_key_says_which_part_and_why() {
    let allowed = table()[2].allowed;
    let told = |part: &str, why: &str| {
        check(
            &[("shard-key", part)],
            &[&format!("shard-key: found `{part}`; allowed: {allowed} ({why})")],
        );
    };
    told("host,path:^/users/", "`^/users/` has no group");
    told("host,path:(x", "unclosed group");
    told("pth:(x)", "`pth:(x)` is not a source of keys");
    told("header:a b", "`header:a b` is not a header's name");
}

#[test]
fn all_mistakes_are_told_and_what_is_right_stands() {
    let words = [("pattern", "shard"), ("retries", "99"), ("colour", "red"), ("timeout", "5")];
    let (policy, mistakes) = Policy::read(&Policy::default(), Scope::Service, words);
    assert_eq!(mistakes.len(), 3);
    assert_eq!((policy.pattern, policy.retries), (Pattern::Shard, 1));
    assert_eq!(policy.timeout, Duration::from_secs(30));
}

#[test]
fn an_unknown_word_is_told_the_nearest() {
    let all = table().iter().map(|word| format!("`{}`", word.name)).collect::<Vec<_>>().join(", ");
    let expected = "shardkey: found `host`; allowed: did you mean `shard-key`? one of ";
    check(&[("shardkey", "host")], &[&format!("{expected}{all}")]);
}

#[test]
fn a_route_overrides_only_what_it_may() {
    let base = Policy { load_bound: LoadBound::Factor(2.0), retries: 5, ..Policy::default() };
    let words = [("retries", "0"), ("shard-load-bound", "off"), ("shard-on-owner-down", "fail")];
    let (policy, mistakes) = Policy::read(&base, Scope::Route, words);
    assert_eq!(policy.retries, 0);
    assert_eq!(policy.load_bound, LoadBound::Factor(2.0));
    assert_eq!(policy.owner_down, OwnerDown::Failover);
    assert_eq!(
        mistakes.iter().map(ToString::to_string).collect::<Vec<_>>()[0],
        "shard-load-bound: found `off`; allowed: on a service only; a route may say `pattern`, \
         `shard-key`, `scatter-merge`, `scatter-require`, `scatter-timeout`, `scatter-hedge`, \
         `timeout`, `retries`, `max-body`, `max-concurrency`"
    );
    assert_eq!(mistakes.len(), 2);
}

#[test]
fn a_mistake_stays_on_its_line() {
    let found =
        read(Scope::Service, &[("pattern", "a\nb\u{1b}[0m"), ("pattern", &"x".repeat(9999))]);
    assert!(found[0].starts_with(r"pattern: found `a\nb\u{1b}[0m`; "), "{}", found[0]);
    assert!(found[1].chars().count() < 1200);
}

/// Values of the grammar and near it: pieces that mean something, put together anyhow.
fn value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "path",
            ":",
            ",",
            "header:",
            "cookie:",
            "query:",
            "body:$",
            "host",
            "client-ip",
            "(",
            ")",
            "[",
            "]",
            "/",
            "~0",
            "~1",
            ":desc",
            ":asc",
            "sorted",
            "concat",
            "object",
            "union:",
            "sum",
            "wait:",
            "p",
            "%",
            "ms",
            "s",
            "m",
            "h",
            "KiB",
            "MiB",
            "MB",
            "GB",
            ".",
            "..",
            "*",
            "x",
            " ",
        ]),
        prop::sample::select(vec!["0", "1", "2", "9", "99", "500", "1.5", "0.001", "12345"]),
    ];
    let grammar = prop::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat());
    prop_oneof![4 => grammar, 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn what_is_shown_is_read_again_and_means_the_same(value in value()) {
        for word in table() {
            let (policy, mistakes) =
                Policy::read(&Policy::default(), Scope::Service, [(word.name, value.as_str())]);
            prop_assert!(mistakes.len() <= 1);
            let shown = policy.words();
            let words = shown.iter().map(|(name, value)| (*name, value.as_str()));
            let (again, mistakes) = Policy::read(&Policy::default(), Scope::Service, words);
            prop_assert!(mistakes.is_empty(), "{mistakes:?}");
            prop_assert_eq!(again.words(), shown);
            prop_assert_eq!(&again.merge, &policy.merge);
            prop_assert_eq!(again.timeout, policy.timeout);
            prop_assert_eq!(again.hedge, policy.hedge);
            prop_assert_eq!(again.load_bound, policy.load_bound);
            prop_assert_eq!(again.shard_key.sources().len(), policy.shard_key.sources().len());
        }
    }
}
