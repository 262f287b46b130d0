//! What does the environment say? Only this room asks it, and only for names that a program declares.

/// The value of this variable.
#[allow(clippy::disallowed_methods, reason = "this room reads the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
