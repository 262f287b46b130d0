//! What stands at one place of a spec, read kindly?

use serde_json::Value;

use metaparticle_gateway::words::Mistake;

use crate::application::Wrong;

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node<'v> {
    place: String,
    value: &'v Value,
}

impl<'v> Node<'v> {
    pub(super) fn root(value: &'v Value) -> Self {
        Self { place: String::new(), value }
    }

    pub(super) fn place(&self) -> &str {
        if self.place.is_empty() { "the spec" } else { &self.place }
    }

    /// What stands before the names of the fields in it.
    pub(super) fn inner(&self) -> String {
        if self.place.is_empty() { String::new() } else { format!("{}.", self.place) }
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.value.is_null()
    }

    pub(super) fn is_object(&self) -> bool {
        self.value.is_object()
    }

    /// The field of this name, else of this name in other letters; `null` is as good as none.
    pub(super) fn field(&self, name: &str) -> Option<Self> {
        let fields = self.value.as_object()?;
        let alike = || fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        let (_, value) = fields.get_key_value(name).or_else(alike)?;
        let place = format!("{}{name}", self.inner());
        (!value.is_null()).then_some(Self { place, value })
    }

    pub(super) fn list(&self) -> Result<Vec<Self>, Wrong> {
        let items = self.value.as_array().ok_or_else(|| self.misread("a list"))?;
        let items = items.iter().enumerate().filter(|(_, value)| !value.is_null());
        let node = |(number, value)| Self { place: format!("{}[{number}]", self.place), value };
        Ok(items.map(node).collect())
    }

    /// Where this is a list, its items; else nothing.
    pub(super) fn items(&self) -> Option<Vec<Self>> {
        self.list().ok()
    }

    pub(super) fn text(&self) -> Result<String, Wrong> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(flag) => Ok(flag.to_string()),
            _ => Err(self.misread("a text")),
        }
    }

    /// A whole number from `least` to `most`, or a text that is one.
    pub(super) fn number(&self, least: u32, most: u32) -> Result<u32, Wrong> {
        let number = match self.value {
            Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(whole)),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.and_then(|number| u32::try_from(number).ok());
        let right = number.filter(|number| (least..=most).contains(number));
        right.ok_or_else(|| self.misread(format!("a whole number from {least} to {most}")))
    }

    pub(super) fn boolean(&self) -> Result<bool, Wrong> {
        match self.value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            Value::Number(number) => {
                number.as_u64().filter(|number| *number < 2).map(|one| one == 1)
            }
            _ => None,
        }
        .ok_or_else(|| self.misread("`true` or `false`"))
    }

    /// It is not what it should be.
    pub(super) fn wrong(&self, allowed: &'static str) -> Mistake {
        self.misread(allowed).at(self.place())
    }

    fn misread(&self, allowed: impl Into<std::borrow::Cow<'static, str>>) -> Wrong {
        let value = match self.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Wrong::new(value, allowed)
    }
}

/// The whole number that a float is: some languages know no other.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 0 and 2^32, and has no fraction"
)]
fn whole(number: f64) -> Option<u64> {
    let right = number.fract() == 0.0 && (0.0..f64::from(u32::MAX)).contains(&number);
    right.then_some(number as u64)
}
