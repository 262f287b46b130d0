//! Which Lease does a name stand for, and who is who?
//!
//! People call a lock what they like; a Lease must be called as Kubernetes likes. A name that is no Lease's
//! name already is written with the signs that are allowed and eight digits of its hash, so that no two names
//! stand for one Lease by chance.

use std::fmt::{self, Display};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Kubernetes allows 253; the rest is for what is put behind a name.
const LENGTH_MOST: usize = 200;

/// The name of a Lease.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Name(Box<str>);

/// Who contends: `holderIdentity`. It is never empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Identity(Box<str>);

impl Name {
    /// The Lease that `text` stands for.
    #[must_use]
    pub fn of(text: &str) -> Self {
        if is_lease_name(text) {
            return Self(text.into());
        }
        let plain: String = text.chars().map(plain).take(LENGTH_MOST - 9).collect();
        let plain = plain.trim_matches('-');
        let stem = if plain.is_empty() { "lock" } else { plain };
        Self(format!("{stem}-{}", &hex(text)[..8]).into())
    }

    /// As Kubernetes says it.
    pub(crate) fn read(text: &str) -> Self {
        Self(text.into())
    }

    /// The Lease of a part of what this name stands for: `gpu` and `3` give `gpu-3`.
    #[must_use]
    pub fn part(&self, part: impl Display) -> Self {
        Self(format!("{}-{part}", self.0).into())
    }

    /// What finds all parts of what this name stands for: short enough for a label's value.
    #[must_use]
    pub fn label(&self) -> String {
        if self.0.len() <= 63 { self.0.to_string() } else { hex(&self.0)[..32].to_owned() }
    }

    /// As Kubernetes writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether it is one already: a DNS subdomain, not too long.
fn is_lease_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let label = |label: &str| {
        let ends = |byte: Option<u8>| byte.is_some_and(plain);
        ends(label.bytes().next())
            && ends(label.bytes().next_back())
            && label.bytes().all(|byte| plain(byte) || byte == b'-')
    };
    text.len() <= LENGTH_MOST && text.split('.').all(label)
}

fn plain(sign: char) -> char {
    match sign.to_ascii_lowercase() {
        sign @ ('a'..='z' | '0'..='9') => sign,
        _ => '-',
    }
}

fn hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Identity {
    /// Somebody of this name; nobody, when it is empty: so Kubernetes writes that a Lease is free.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// One of several of the same process: each contends for itself.
    #[must_use]
    pub fn of_process(process: &str, number: u64) -> Self {
        Self(format!("{process}_{number:016x}").into())
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::{Identity, LENGTH_MOST, Name, is_lease_name};

    #[test]
    fn a_lease_name_stands_for_itself() {
        for name in ["a", "migrate", "a-b.c-9", "0", &"x".repeat(LENGTH_MOST)] {
            assert_eq!(Name::of(name).as_str(), name);
        }
    }

    #[test]
    fn other_names_are_written_with_their_hash() {
        for (name, stem) in [
            ("My Lock", "my-lock"),
            ("a/b.c", "a-b-c"),
            ("a//b", "a--b"),
            ("-x-", "x"),
            ("", "lock"),
        ] {
            let lease = Name::of(name);
            assert!(is_lease_name(lease.as_str()), "{lease}");
            assert_eq!(lease.as_str().rsplit_once('-').map(|(stem, _)| stem), Some(stem));
        }
        assert_ne!(Name::of("A"), Name::of("a"));
        assert_ne!(Name::of("ä"), Name::of("ö"));
        assert_ne!(Name::of("a/b"), Name::of("a-b"));
        assert_ne!(Name::of(&"x".repeat(300)), Name::of(&"x".repeat(301)));
    }

    #[test]
    fn an_empty_identity_is_nobody() {
        assert_eq!(Identity::of(""), None);
        assert_eq!(Identity::of_process("pod", 255).as_str(), "pod_00000000000000ff");
    }

    proptest! {
        #[test]
        fn every_name_stands_for_a_lease(name in ".{0,300}") {
            let of = Name::of(&name);
            prop_assert!(is_lease_name(of.as_str()), "{of}");
            prop_assert!(is_lease_name(of.part(7).as_str()) || of.as_str().len() > LENGTH_MOST - 2);
            prop_assert!(of.label().len() <= 63);
        }
    }
}
