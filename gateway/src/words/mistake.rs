//! What is wrong with what was asked, and how is it written right?

use std::fmt;

use thiserror::Error;

/// One mistake: where it is, what stands there, what is allowed. Mistakes are collected, so that all
/// are told at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where: an annotation's name, or a place in a file (`services.users.shard-key`).
    pub place: String,
    /// What stands there, as the user wrote it.
    pub value: String,
    /// What may stand there, as an example where one helps.
    pub allowed: String,
    /// The line and column in the file, from 1; `None` where there is no file.
    pub position: Option<(usize, usize)>,
}

impl fmt::Display for Mistake {
    /// One line, however the value looks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, value, allowed, position } = self;
        if let Some((line, column)) = position {
            write!(f, "{line}:{column}: ")?;
        }
        write!(f, "{}: found `{}`; allowed: {}", Line(place), Line(value), Line(allowed))
    }
}

/// Text that stays on its line: control characters escaped, a very long one cut.
struct Line<'a>(&'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 1000;
        for (count, letter) in self.0.chars().enumerate() {
            match letter {
                _ if count == LONGEST => return f.write_str("…"),
                _ if letter.is_control() => write!(f, "{}", letter.escape_debug())?,
                _ => write!(f, "{letter}")?,
            }
        }
        Ok(())
    }
}

/// A value that does not say what it should; with the reason, where one is known. Who reads it knows
/// the place and what is allowed, and makes a [`Mistake`] of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Error)]
#[error("{}", .because.as_deref().unwrap_or("not a value of this word"))]
pub struct Misread {
    /// Why, for people.
    pub because: Option<String>,
}

impl Misread {
    /// A value that is wrong because of this.
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self { because: Some(reason.into()) }
    }
}
