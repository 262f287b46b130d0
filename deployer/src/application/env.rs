//! What is a program told by its environment?
//!
//! Never what the deployer's own environment says: what is not said here is not there. A secret is said by
//! reference, so that it stands in no plan and no log.

use std::fmt;
use std::str::FromStr;

use super::mistakes::Wrong;

/// One variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// What it is called.
    pub name: VariableName,
    /// What it is.
    pub value: Value,
}

/// Where a variable's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// It is this, to the letter.
    Plain(String),
    /// It is in a Secret of the same namespace.
    Secret {
        /// The Secret.
        name: String,
        /// Which of its keys.
        key: String,
    },
    /// It is something that is known of the pod.
    Field(Field),
}

/// What a pod may know of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Its name.
    PodName,
    /// Its address.
    PodAddress,
    /// Its namespace.
    Namespace,
    /// Its number, where instances are numbered.
    Index,
}

/// The name of a variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableName(Box<str>);

impl VariableName {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VariableName {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'=';
        if !text.is_empty() && text.bytes().all(plain) {
            return Ok(Self(text.into()));
        }
        Err(Wrong::new(text, "a variable's name: visible ASCII signs but `=`"))
    }
}

impl fmt::Display for VariableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Variable {
    /// A variable that is `value`.
    ///
    /// # Errors
    ///
    /// A name that no variable can have.
    pub fn plain(name: &str, value: impl Into<String>) -> Result<Self, Wrong> {
        Ok(Self { name: name.parse()?, value: Value::Plain(value.into()) })
    }

    /// A variable that is what is known of the pod.
    ///
    /// # Errors
    ///
    /// A name that no variable can have.
    pub fn field(name: &str, field: Field) -> Result<Self, Wrong> {
        Ok(Self { name: name.parse()?, value: Value::Field(field) })
    }
}
