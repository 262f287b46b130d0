//! Who came later? The fencing token: it grows (the crate's first page names the two exceptions), and
//! whoever keeps the greatest one it has seen can refuse a former holder.
//!
//! It is the `resourceVersion` of the write that acquired the Lease: unlike `leaseTransitions` it does not
//! begin again when the Lease was deleted. How long it may become is nobody's promise, so it is a decimal
//! of any length.

use std::cmp::Ordering;
use std::fmt::{self, Display};
use std::str::FromStr;

use http::HeaderValue;
use serde::{Deserialize, Serialize};

/// Which write left a record as it is: Kubernetes' `resourceVersion`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(Box<str>);

/// The fencing token: which write made the holder the holder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Term(Version);

/// A text that is no term.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no term: a term is a whole number in decimal digits, without zeros before it")]
pub struct NotDecimal(Box<str>);

impl Version {
    /// As the API server wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Term {
    /// The term of whoever became the holder with this write.
    #[must_use]
    pub fn of(version: Version) -> Self {
        Self(version)
    }

    /// Its decimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        // Without zeros before them, the longer number is the greater one.
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Version {
    type Err = NotDecimal;

    fn from_str(text: &str) -> Result<Self, NotDecimal> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits && (text == "0" || !text.starts_with('0')) {
            return Ok(Self(text.into()));
        }
        Err(NotDecimal(text.chars().take(64).collect::<String>().into()))
    }
}

impl FromStr for Term {
    type Err = NotDecimal;

    fn from_str(text: &str) -> Result<Self, NotDecimal> {
        text.parse().map(Self)
    }
}

impl TryFrom<String> for Version {
    type Error = NotDecimal;

    fn try_from(text: String) -> Result<Self, NotDecimal> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0.into()
    }
}

impl From<u64> for Version {
    fn from(number: u64) -> Self {
        Self(number.to_string().into())
    }
}

impl From<u64> for Term {
    fn from(number: u64) -> Self {
        Self(number.into())
    }
}

impl Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&Term> for HeaderValue {
    fn from(term: &Term) -> Self {
        Self::from_str(term.as_str()).expect("digits are a header's value")
    }
}

impl TryFrom<&HeaderValue> for Term {
    type Error = NotDecimal;

    fn try_from(value: &HeaderValue) -> Result<Self, NotDecimal> {
        String::from_utf8_lossy(value.as_bytes()).parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::{HeaderValue, Term};

    fn term(text: &str) -> Term {
        text.parse().expect("a term")
    }

    #[test]
    fn terms_are_ordered_as_numbers_of_any_length() {
        let long = "1".repeat(200);
        let ordered = ["0", "1", "9", "10", "11", "99", "100", "18446744073709551616", &long];
        for (before, after) in ordered.iter().zip(&ordered[1..]) {
            assert!(term(before) < term(after), "{before} < {after}");
            assert!(term(after) > term(before), "{after} > {before}");
        }
    }

    #[test]
    fn what_is_no_decimal_is_refused_and_named() {
        for wrong in ["", "x", "1x", "-1", "+1", " 1", "01", "00", "1.0", "١", "1\n"] {
            let refused = wrong.parse::<Term>().expect_err(wrong).to_string();
            assert!(refused.contains("whole number"), "{refused}");
        }
    }

    #[test]
    fn a_term_travels_in_a_header_and_in_json() {
        let sent = term("1234567890123456789012345");
        assert_eq!(Term::try_from(&HeaderValue::from(&sent)), Ok(sent.clone()));
        let json = serde_json::to_string(&sent).expect("JSON");
        assert_eq!(json, r#""1234567890123456789012345""#);
        assert_eq!(serde_json::from_str::<Term>(&json).expect("a term"), sent);
        assert!(serde_json::from_str::<Term>(r#""07""#).is_err());
    }

    proptest! {
        #[test]
        fn numbers_keep_their_order(one in any::<u64>(), other in any::<u64>()) {
            prop_assert_eq!(Term::from(one).cmp(&Term::from(other)), one.cmp(&other));
        }
    }
}
