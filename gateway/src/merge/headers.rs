//! Which headers does an answer of many have? Those that can be said of all of them.
//!
//! `set-cookie` of all, in shard order; `vary` as one; `age` of the oldest; `cache-control` as strict as
//! the strictest. What speaks of one leaf's body (`etag`, `content-length`, `last-modified`, …) is left
//! out, and so is what only a leaf's own program understands.

use http::HeaderValue;
use http::header::{AGE, CACHE_CONTROL, HeaderName, SET_COOKIE, VARY};

use crate::fields::Fields;
use crate::model::{Answer, Coverage};

/// The headers, without `content-type`.
pub(super) fn join(answers: &[&Answer], coverage: Coverage) -> Fields {
    let mut headers = Fields::default();
    for answer in answers {
        headers.append_all(&answer.headers, &SET_COOKIE);
    }
    let mut set = |name: HeaderName, value: Option<String>| {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    };
    set(VARY, vary(answers));
    set(AGE, answers.iter().filter_map(|answer| age(answer)).max().map(|age| age.to_string()));
    // A part is never taken for the whole later on.
    let partial = || "no-store".to_owned();
    set(CACHE_CONTROL, if coverage.is_whole() { cache_control(answers) } else { Some(partial()) });
    headers
}

fn vary(answers: &[&Answer]) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for name in answers.iter().flat_map(|answer| list(answer, &VARY)) {
        if name == "*" {
            return Some(name);
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| names.join(", "))
}

fn age(answer: &Answer) -> Option<u64> {
    answer.headers.text(AGE)?.trim().parse().ok()
}

/// What all say alike stands. Else the strictest: `no-store` and `private` of any, the least of the
/// ages; a leaf that gives no age leave to be kept makes it `no-cache`.
fn cache_control(answers: &[&Answer]) -> Option<String> {
    let said: Vec<Vec<String>> =
        answers.iter().map(|answer| list(answer, &CACHE_CONTROL)).collect();
    let first = said.first()?;
    if said.iter().all(|other| other == first) {
        return (!first.is_empty()).then(|| first.join(", "));
    }
    let any = |word: &str| said.iter().flatten().any(|said| named(said, word).is_some());
    if any("no-store") {
        return Some("no-store".to_owned());
    }
    let mut words = Vec::new();
    for word in ["private", "must-revalidate", "proxy-revalidate", "no-transform"] {
        if any(word) {
            words.push(word.to_owned());
        }
    }
    let ages: Option<Vec<u64>> = said.iter().map(|said| lifetime(said)).collect();
    match ages.as_deref().and_then(|ages| ages.iter().min()) {
        Some(age) if !any("no-cache") => words.push(format!("max-age={age}")),
        _ => words.push("no-cache".to_owned()),
    }
    Some(words.join(", "))
}

/// The shorter of the ages for all caches and for shared ones.
fn lifetime(said: &[String]) -> Option<u64> {
    let of = |word: &str| said.iter().find_map(|said| named(said, word));
    let age = of("max-age")?.trim_matches('"').parse().ok()?;
    match of("s-maxage") {
        Some(shared) => Some(shared.trim_matches('"').parse().unwrap_or(0).min(age)),
        None => Some(age),
    }
}

/// What stands behind `word=`, when the directive is that; empty without `=`.
fn named<'a>(directive: &'a str, word: &str) -> Option<&'a str> {
    let rest = directive.strip_prefix(word)?;
    if rest.is_empty() { Some("") } else { rest.trim_start().strip_prefix('=').map(str::trim) }
}

/// The entries of a header that is a list, in lower case: neither of the two here is told by case.
fn list(answer: &Answer, name: &HeaderName) -> Vec<String> {
    answer.headers.list(name.as_str()).map(str::to_ascii_lowercase).collect()
}
