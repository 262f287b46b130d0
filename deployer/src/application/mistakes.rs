//! What is wrong, and all of it at once?

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use metaparticle_gateway::words::Mistake;
use thiserror::Error;

/// A value that is not what it should be. Whoever read it knows the place, and makes a [`Mistake`] of it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("found `{value}`; allowed: {allowed}")]
pub struct Wrong {
    /// What stands there.
    pub value: String,
    /// What may stand there.
    pub allowed: Cow<'static, str>,
}

impl Wrong {
    /// `value` is not what is allowed.
    pub fn new(value: impl fmt::Display, allowed: impl Into<Cow<'static, str>>) -> Self {
        Self { value: value.to_string(), allowed: allowed.into() }
    }

    /// It stands there.
    #[must_use]
    pub fn at(self, place: impl fmt::Display) -> Mistake {
        let allowed = self.allowed.into_owned();
        Mistake { place: place.to_string(), value: self.value, allowed, position: None }
    }
}

/// All mistakes of one thing that was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// None so far.
    pub fn none() -> Self {
        Self::default()
    }

    /// One more.
    pub fn push(&mut self, mistake: Mistake) {
        self.0.push(mistake);
    }

    /// The value that was read at `place`; or one more mistake, and nothing.
    pub fn take<T>(&mut self, place: impl fmt::Display, read: Result<T, Wrong>) -> Option<T> {
        read.map_err(|wrong| self.push(wrong.at(place))).ok()
    }

    /// `value`, where nothing is wrong.
    ///
    /// # Errors
    ///
    /// All mistakes, where there are any.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Each of them.
    #[must_use]
    pub fn all(&self) -> &[Mistake] {
        &self.0
    }
}

impl Extend<Mistake> for Mistakes {
    fn extend<I: IntoIterator<Item = Mistake>>(&mut self, more: I) {
        self.0.extend(more);
    }
}

impl IntoIterator for Mistakes {
    type Item = Mistake;
    type IntoIter = std::vec::IntoIter<Mistake>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Mistakes {
    /// A line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, mistake) in self.0.iter().enumerate() {
            write!(f, "{}{mistake}", if count == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl Error for Mistakes {}
