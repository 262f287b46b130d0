//! What stands at a place of a file: text, a list, a map? And where is that? For whoever reads a file of
//! people's and tells all mistakes at once: the standalone file here, an application elsewhere.

mod mistakes;

use std::borrow::Cow;
use std::collections::BTreeSet;

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};

use crate::words::Mistake;
use crate::words::suggestion;

pub use self::mistakes::{Mistakes, render};

/// The longest file, in bytes.
const LONGEST: usize = 4 << 20;

/// The deepest indentation, in columns. Each block that is open stands in a column of its own, so
/// this keeps nodes from standing so deep in one another that walking them overflows the stack.
const DEEPEST: usize = 64;

/// Parses YAML: the documents of it. Aliases may stand for 100 000 nodes in all (the parser's own limit).
///
/// # Errors
/// Text that is no YAML, longer than 4 MiB or indented deeper than 64 columns: one mistake, at its place.
pub fn parse(text: &str) -> Result<Vec<MarkedYaml<'_>>, Mistake> {
    let mistake = |value: String, allowed: String, position| Mistake {
        place: "file".to_owned(),
        value,
        allowed,
        position: Some(position),
    };
    if text.len() > LONGEST {
        let (value, allowed) = (format!("{} bytes", text.len()), "at most 4 MiB".to_owned());
        return Err(mistake(value, allowed, (1, 1)));
    }
    if let Some(line) = text.lines().position(|line| indentation(line) > DEEPEST) {
        let (value, position) = ("deep indentation".to_owned(), (line + 1, DEEPEST + 1));
        return Err(mistake(value, format!("at most {DEEPEST} columns of it"), position));
    }
    MarkedYaml::load_from_str(text).map_err(|error| {
        let position = (error.marker().line(), error.marker().col() + 1);
        let line = text.lines().nth(position.0.saturating_sub(1)).unwrap_or_default().trim();
        mistake(line.to_owned(), format!("YAML ({})", error.info()), position)
    })
}

/// The column after the last block that may begin in this line.
fn indentation(line: &str) -> usize {
    let end = line.find(|c: char| !matches!(c, ' ' | '\t' | '-' | '?' | ':' | '\r'));
    match end {
        Some(end) if line[end..].starts_with('#') && line[..end].trim().is_empty() => 0,
        None if line.trim().is_empty() => 0,
        end => end.unwrap_or(line.len()),
    }
}

/// The file's lines, for the text of what the parser made a number.
#[derive(Debug)]
pub struct Lines<'a>(Vec<&'a str>);

impl<'a> Lines<'a> {
    /// The lines of `text`.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        Self(text.lines().collect())
    }
}

/// A node of the file, beside the lines it was read from.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    lines: &'a Lines<'a>,
    yaml: &'a MarkedYaml<'a>,
}

impl<'a> Node<'a> {
    /// A node that was parsed from these lines.
    #[must_use]
    pub fn of(lines: &'a Lines<'a>, yaml: &'a MarkedYaml<'a>) -> Self {
        Self { lines, yaml }
    }

    /// Line and column, from 1.
    #[must_use]
    pub fn position(self) -> (usize, usize) {
        let start = self.yaml.span.start;
        (start.line().max(1), start.col() + 1)
    }

    /// Whether nothing is written here.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        matches!(self.data(), YamlData::Value(Scalar::Null) | YamlData::BadValue)
    }

    /// Whether a map is written here.
    #[must_use]
    pub fn is_map(self) -> bool {
        matches!(self.data(), YamlData::Mapping(_))
    }

    /// The text of a scalar: a number or a boolean as it is written.
    #[must_use]
    pub fn scalar(self) -> Option<Cow<'a, str>> {
        let YamlData::Value(scalar) = self.data() else {
            return None;
        };
        match scalar {
            Scalar::String(text) => Some(Cow::Borrowed(text.as_ref())),
            Scalar::Null => None,
            Scalar::Boolean(value) => Some(self.written(scalar, value)),
            Scalar::Integer(value) => Some(self.written(scalar, value)),
            Scalar::FloatingPoint(value) => Some(self.written(scalar, value)),
        }
    }

    /// The items of a list; anything else is a mistake.
    pub fn items(
        self,
        place: &str,
        allowed: &str,
        mistakes: &mut Mistakes,
    ) -> impl Iterator<Item = Self> + use<'a> {
        let items: &[_] = match self.data() {
            YamlData::Sequence(items) => items,
            _ => {
                mistakes.add(place, self, allowed);
                &[]
            }
        };
        items.iter().map(move |yaml| Self::of(self.lines, yaml))
    }

    /// The fields of a map; anything else is a mistake.
    pub fn fields(self, place: &str, allowed: &str, mistakes: &mut Mistakes) -> Option<Fields<'a>> {
        let YamlData::Mapping(map) = self.data() else {
            mistakes.add(place, self, allowed);
            return None;
        };
        let mut fields = Vec::with_capacity(map.len());
        let mut seen = BTreeSet::new();
        for (key, value) in map {
            let (key, value) = (Self::of(self.lines, key), Self::of(self.lines, value));
            match key.scalar() {
                None => mistakes.add(place, key, "a name before the colon"),
                // The parser tells the same key twice; `5` and `"5"` are the same only to us.
                Some(name) if !seen.insert(name.clone()) => {
                    mistakes.add(place, key, "each name once");
                }
                Some(name) => fields.push(Field { name, key, value }),
            }
        }
        Some(Fields { map: self, fields })
    }

    /// How a mistake shows it.
    #[must_use]
    pub fn shown(self) -> Cow<'a, str> {
        match self.data() {
            YamlData::Sequence(_) => Cow::Borrowed("a list"),
            YamlData::Mapping(_) => Cow::Borrowed("a map"),
            _ => self.scalar().unwrap_or(Cow::Borrowed("nothing")),
        }
    }

    /// The node without tags, which mean nothing here.
    fn data(self) -> &'a YamlData<'a, MarkedYaml<'a>> {
        let mut yaml = self.yaml;
        while let YamlData::Tagged(_, inner) = &yaml.data {
            yaml = inner;
        }
        &yaml.data
    }

    /// The text of `scalar` as it is written at the node's place: `0x10` and `1.50` stay so. Where
    /// something else is written there, an alias for one, the value's own text.
    fn written(self, scalar: &Scalar<'_>, value: &impl ToString) -> Cow<'a, str> {
        let same = |text: &&str| Scalar::parse_from_cow(Cow::Borrowed(*text)) == *scalar;
        let text = self.slice().filter(same);
        text.map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed)
    }

    /// What stands from the node's start to its end, on one line.
    fn slice(self) -> Option<&'a str> {
        let (start, end) = (self.yaml.span.start, self.yaml.span.end);
        let line = self.lines.0.get(start.line().checked_sub(1)?)?;
        let length = end.index().checked_sub(start.index())?.checked_sub(1)?;
        let mut ends = line.char_indices().skip(start.col());
        let from = ends.next()?.0;
        let to = if length == 0 { from } else { ends.nth(length - 1)?.0 };
        line.get(from..=to)
    }
}

/// One `name: value` of a map.
#[derive(Debug)]
pub struct Field<'a> {
    /// The name.
    pub name: Cow<'a, str>,
    /// Where the name stands.
    pub key: Node<'a>,
    /// What stands behind the colon.
    pub value: Node<'a>,
}

/// The fields of a map, in the file's order; names unique.
#[derive(Debug)]
pub struct Fields<'a> {
    map: Node<'a>,
    fields: Vec<Field<'a>>,
}

impl<'a> Fields<'a> {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Field<'a>> {
        self.fields.iter()
    }

    /// The value of this name, if it is said.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Node<'a>> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value)
    }

    /// The value of this name; a mistake if it is not said.
    pub fn need(
        &self,
        place: &str,
        name: &str,
        allowed: &str,
        mistakes: &mut Mistakes,
    ) -> Option<Node<'a>> {
        let value = self.get(name);
        if value.is_none() {
            let place = if place == "file" { name.to_owned() } else { format!("{place}.{name}") };
            mistakes.add_missing(&place, self.map, allowed);
        }
        value
    }

    /// The text of this name, if it is said; a mistake if it is a list, a map or nothing.
    pub fn text(
        &self,
        place: &str,
        name: &str,
        allowed: &str,
        mistakes: &mut Mistakes,
    ) -> Option<(Node<'a>, Cow<'a, str>)> {
        let node = self.get(name)?;
        let text = node.scalar();
        if text.is_none() {
            mistakes.add(&format!("{place}.{name}"), node, allowed);
        }
        Some((node, text?))
    }

    /// Names that are not one of these are mistakes.
    pub fn check_known(&self, place: &str, known: &[&str], mistakes: &mut Mistakes) {
        for field in &self.fields {
            if !known.contains(&field.name.as_ref()) {
                let allowed = suggestion(&field.name, known.iter().copied());
                mistakes.add(place, field.key, &allowed);
            }
        }
    }
}
