//! What did a library mean that writes JSON by pasting texts together?
//!
//! The .NET one pastes a regular expression as it is: `"^/users/(\d+)"`. JSON has no escape `\d`.

use std::borrow::Cow;

use serde_json::Value;

use super::Fault;

/// The document, and whether its escapes had to be repaired.
pub(super) fn parse(text: &[u8]) -> Result<(Value, bool), Fault> {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(Fault::Empty("empty"));
    }
    match (serde_json::from_str(text), repaired(text)) {
        (Ok(document), _) => Ok((document, false)),
        // Where that does not help either, the first reason is the author's.
        (Err(reason), Cow::Owned(mended)) => match serde_json::from_str(&mended) {
            Ok(document) => Ok((document, true)),
            Err(_) => Err(Fault::NotJson(reason.to_string())),
        },
        (Err(reason), Cow::Borrowed(_)) => Err(Fault::NotJson(reason.to_string())),
    }
}

/// The text with a second backslash wherever one begins no escape.
fn repaired(text: &str) -> Cow<'_, str> {
    let mut mended = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, after) = rest.split_at(at);
        let following = &after[1..];
        let right = match following.bytes().next() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => true,
            Some(b'u') => {
                following.bytes().skip(1).take(4).filter(u8::is_ascii_hexdigit).count() == 4
            }
            _ => false,
        };
        mended.push_str(before);
        if right {
            mended.push_str(&after[..2]);
            rest = &after[2..];
        } else {
            mended.push_str("\\\\");
            rest = following;
        }
    }
    mended.push_str(rest);
    if mended.len() == text.len() { Cow::Borrowed(text) } else { Cow::Owned(mended) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Fault, parse};

    #[track_caller]
    fn check(text: &str, expected: (serde_json::Value, bool)) {
        assert_eq!(parse(text.as_bytes()), Ok(expected), "{text}");
    }

    #[test]
    fn what_is_json_is_left_as_it_is() {
        check(r#"{"a": "\/\\d\u0041"}"#, (json!({ "a": "/\\dA" }), false));
        check("\u{feff}[1]", (json!([1]), false));
        check("null", (json!(null), false));
    }

    #[test]
    fn escapes_that_json_does_not_have_are_a_backslash() {
        check(r#"["^\/users\/(\d+)\.\u00"]"#, (json!([r"^/users/(\d+)\.\u00"]), true));
        check(r#"["\ä\\d"]"#, (json!([r"\ä\d"]), true));
    }

    #[test]
    fn what_is_beyond_repair_is_told_with_its_place() {
        for text in ["{", "[1] 2", r#"{"a": "\d}"#, r#"{"a": 'b'}"#] {
            let fault = parse(text.as_bytes()).unwrap_err();
            assert!(
                matches!(&fault, Fault::NotJson(why) if why.contains("line 1 column")),
                "{fault}"
            );
        }
        for nothing in ["", " \n", "\u{feff}"] {
            assert_eq!(parse(nothing.as_bytes()), Err(Fault::Empty("empty")));
        }
    }
}
