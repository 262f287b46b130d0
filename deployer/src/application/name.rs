//! What may something be called?
//!
//! A name becomes a Service (it begins with a letter), a pod's host name with a number behind it, and the
//! name of a Job with a hash: all of them fit into the 63 signs of a DNS label.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::mistakes::Wrong;

/// The longest name: `-` and six digits of a hash, `-` and an index of six digits, and one sign to spare.
pub const LONGEST: usize = 48;

/// The name of an application, a service or a job: a DNS label (RFC 1035).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

impl Name {
    /// The name that is nearest to `text`: `@scope/Web` is `scope-web`. What is too long is cut, and keeps
    /// six digits of its hash, so that no two are the same by chance.
    ///
    /// # Errors
    ///
    /// A text without any letter or digit.
    pub fn near(text: &str) -> Result<Self, Wrong> {
        if let Ok(name) = text.parse() {
            return Ok(name);
        }
        let signs = text.chars().map(|sign| match sign.to_ascii_lowercase() {
            sign @ ('a'..='z' | '0'..='9') => sign,
            _ => '-',
        });
        let parts: String = signs.collect();
        let parts: Vec<_> = parts.split('-').filter(|part| !part.is_empty()).collect();
        let mut plain = parts.join("-");
        match plain.bytes().next() {
            None => return Err(wrong(text)),
            Some(b'0'..=b'9') => plain.insert_str(0, "n-"),
            Some(_) => {}
        }
        if plain.len() > LONGEST {
            plain.truncate(LONGEST - 7);
            plain = format!("{}-{}", plain.trim_end_matches('-'), short_hash(text.as_bytes()));
        }
        Ok(Self(plain.into()))
    }

    /// This with `end` behind it. It may be longer than others: nothing more is put behind it.
    pub(crate) fn with(&self, end: &str) -> Self {
        Self(format!("{}{end}", self.0).into())
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let ends = !text.ends_with('-');
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if begins && ends && text.len() <= LONGEST && text.bytes().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(wrong(text))
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn wrong(text: &str) -> Wrong {
    let allowed =
        "up to 48 small letters (a-z), digits and `-`, the first a letter, the last no `-`";
    Wrong::new(text, allowed)
}

/// Six digits that stand for `bytes`.
pub(crate) fn short_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(3).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{LONGEST, Name};

    #[track_caller]
    fn check(text: &str, near: &str) {
        assert_eq!(Name::near(text).map(|name| name.to_string()), Ok(near.to_owned()), "{text}");
    }

    #[test]
    fn a_name_is_a_dns_label_that_leaves_room_behind_it() {
        for right in ["a", "web", "web-2", &"x".repeat(LONGEST)] {
            assert_eq!(right.parse::<Name>().map(|name| name.to_string()), Ok(right.to_owned()));
        }
        for wrong in ["", "-a", "a-", "2web", "Web", "a.b", "a_b", "ä", &"x".repeat(LONGEST + 1)] {
            assert!(wrong.parse::<Name>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_other_languages_call_something_becomes_the_nearest_name() {
        check("web", "web");
        check("@scope/Web", "scope-web");
        check("io.metaparticle.examples.web.Main", "io-metaparticle-examples-web-main");
        check("my_app..v2-", "my-app-v2");
        check("2048", "n-2048");
        let long = "com.example.a.very.long.package.name.that.java.people.like.Main";
        check(long, "com-example-a-very-long-package-name-that-3c7c9e");
        assert_ne!(Name::near(long), Name::near(&long.replace("Main", "Maim")));
        for nothing in ["", "@/", "…"] {
            assert!(Name::near(nothing).is_err(), "{nothing}");
        }
    }

    proptest! {
        #[test]
        fn what_is_near_is_a_name(text in ".{0,80}") {
            if let Ok(name) = Name::near(&text) {
                prop_assert_eq!(name.as_str().parse::<Name>(), Ok(name.clone()));
            } else {
                prop_assert!(!text.bytes().any(|byte| byte.is_ascii_alphanumeric()));
            }
        }
    }
}
