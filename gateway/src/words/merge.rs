//! How do the parts of a scatter become one answer?

use std::fmt;
use std::str::FromStr;

use crate::words::Misread;
use crate::words::spell::spell;

/// A JSON pointer (RFC 6901), already split and unescaped; empty is the whole document.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// A pointer with these reference tokens, unescaped.
    #[must_use]
    pub fn new(tokens: Vec<String>) -> Self {
        Self(tokens)
    }

    /// The reference tokens, from the root down.
    #[must_use]
    pub fn tokens(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for Pointer {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let Some(tokens) = text.strip_prefix('/') else {
            return Err(Misread::because(format!("a pointer starts with `/`: `/{text}`")));
        };
        tokens.split('/').map(unescaped).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let escaped = |token: &String| token.replace('~', "~0").replace('/', "~1");
        self.0.iter().try_for_each(|token| write!(f, "/{}", escaped(token)))
    }
}

/// A reference token without its escapes.
fn unescaped(token: &str) -> Result<String, Misread> {
    let mut parts = token.split('~');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (sign, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', &part[1..]),
            Some(b'1') => ('/', &part[1..]),
            _ => return Err(Misread::because("in a pointer `~` is written `~0`, and `/` `~1`")),
        };
        text.push(sign);
        text.push_str(rest);
    }
    Ok(text)
}

/// Which value stands when two objects have the same member (`object:CONFLICT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Conflict {
    /// The one of the earlier shard.
    First,
    /// The one of the later shard.
    #[default]
    Last,
    /// None: the scatter is refused.
    Error,
    /// All, as an array in shard order.
    Array,
}

spell!(Conflict {
    "first" => Self::First,
    "last" => Self::Last,
    "error" => Self::Error,
    "array" => Self::Array,
});

/// Which end of an order comes first (`sorted[:PTR][:desc]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// The smallest.
    #[default]
    Ascending,
    /// The greatest.
    Descending,
}

spell!(Direction { "asc" => Self::Ascending, "desc" => Self::Descending });

/// How one answer is made of the parts (`scatter-merge`). Parts stand in shard order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Merge {
    /// `{"SHARD": {"status": 200, "body": …}, …}`.
    #[default]
    Map,
    /// The arrays at the pointer, one after the other, inside the first part's document.
    Concat(Pointer),
    /// One object with the members of all.
    Object(Conflict),
    /// Newline-delimited JSON, whole lines, streamed.
    Ndjson,
    /// Arrays of the whole document, each sorted by the value at the pointer in its elements, merged
    /// into one that is. A number is compared exactly where it is written as an integer of at most
    /// 127 bits, else as the nearest double: 1e23, which no double is, comes before 10^23 in full.
    Sorted(Pointer, Direction),
    /// The sum of the numbers at the pointer.
    Sum(Pointer),
    /// The least of the numbers at the pointer.
    Min(Pointer),
    /// The greatest of the numbers at the pointer.
    Max(Pointer),
    /// The mean of the numbers at the pointer.
    Avg(Pointer),
    /// The arrays of the whole documents as one, without elements whose value at the pointer was
    /// seen before. Numbers are as for `Sorted`: 1, 1.0 and 1e0 are one, but 1e23 and 10^23 in full
    /// are two. Those past 127 bits that are no fractions are one only where written alike.
    Union(Pointer),
    /// The first right answer; the other leaves are cancelled.
    First,
    /// The body that more than half of all leaves gave.
    Quorum,
    /// `multipart/mixed`, a part a leaf.
    Multipart,
    /// `{"SHARD": 200, …}`: what each leaf said, without the bodies.
    Status,
}

impl FromStr for Merge {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        let (name, rest) = match text.split_once(':') {
            Some((name, rest)) => (name, Some(rest)),
            None => (text, None),
        };
        let pointer = || rest.unwrap_or_default().parse();
        Ok(match (name, rest) {
            ("map", None) => Self::Map,
            ("concat", _) => Self::Concat(pointer()?),
            ("object", _) => Self::Object(rest.map(str::parse).transpose()?.unwrap_or_default()),
            ("ndjson", None) => Self::Ndjson,
            ("sorted", _) => sorted(rest.unwrap_or_default())?,
            ("sum", _) => Self::Sum(pointer()?),
            ("min", _) => Self::Min(pointer()?),
            ("max", _) => Self::Max(pointer()?),
            ("avg", _) => Self::Avg(pointer()?),
            ("union", _) => Self::Union(pointer()?),
            ("first", None) => Self::First,
            ("quorum", None) => Self::Quorum,
            ("multipart", None) => Self::Multipart,
            ("status", None) => Self::Status,
            _ => return Err(Misread::default()),
        })
    }
}

/// `[PTR][:desc]`, read from the right: the pointer itself may hold colons. A direction alone is the
/// whole document's, as no pointer begins with a letter.
fn sorted(text: &str) -> Result<Merge, Misread> {
    let (pointer, direction) = text.rsplit_once(':').unwrap_or(("", text));
    Ok(match direction.parse() {
        Ok(direction) => Merge::Sorted(pointer.parse()?, direction),
        Err(_) => Merge::Sorted(text.parse()?, Direction::default()),
    })
}

impl fmt::Display for Merge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map => f.write_str("map"),
            Self::Concat(pointer) => named(f, "concat", pointer),
            Self::Object(conflict) => write!(f, "object:{conflict}"),
            Self::Ndjson => f.write_str("ndjson"),
            Self::Sorted(pointer, Direction::Descending) => {
                named(f, "sorted", pointer)?;
                f.write_str(":desc")
            }
            Self::Sorted(pointer, Direction::Ascending) => {
                named(f, "sorted", pointer)?;
                // Said only where the pointer's own end would be taken for a direction, or trimmed.
                let text = pointer.to_string();
                let unclear = text.ends_with(char::is_whitespace) || text.ends_with(":desc");
                if unclear || text.ends_with(":asc") { f.write_str(":asc") } else { Ok(()) }
            }
            Self::Sum(pointer) => named(f, "sum", pointer),
            Self::Min(pointer) => named(f, "min", pointer),
            Self::Max(pointer) => named(f, "max", pointer),
            Self::Avg(pointer) => named(f, "avg", pointer),
            Self::Union(pointer) => named(f, "union", pointer),
            Self::First => f.write_str("first"),
            Self::Quorum => f.write_str("quorum"),
            Self::Multipart => f.write_str("multipart"),
            Self::Status => f.write_str("status"),
        }
    }
}

/// A merge's name, with its pointer where that is not the whole document.
fn named(f: &mut fmt::Formatter<'_>, name: &str, pointer: &Pointer) -> fmt::Result {
    f.write_str(name)?;
    if pointer.tokens().is_empty() { Ok(()) } else { write!(f, ":{pointer}") }
}
