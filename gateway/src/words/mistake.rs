//! What is wrong with what was asked, and how is it written right?

use std::fmt;

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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, value, allowed, position } = self;
        if let Some((line, column)) = position {
            write!(f, "{line}:{column}: ")?;
        }
        write!(f, "{place}: found `{value}`; allowed: {allowed}")
    }
}
