//! Which value of a JSON body is meant? A JSONPath (RFC 9535), kept with the text it was read from:
//! what `JsonPath` shows of itself cannot always be read again (`$..a` comes out as `$...a`).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::Value;
use serde_json_path::{JsonPath, NodeList};

use crate::words::Misread;

/// The longest path, in bytes.
const LONGEST: usize = 512;

/// The most opening brackets. The parser's time doubles with each level of a filter inside a filter:
/// without a limit one annotation could stop a gateway.
const MOST_BRACKETS: usize = 12;

/// A JSONPath and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyPath {
    path: JsonPath,
    text: Arc<str>,
}

impl BodyPath {
    /// The nodes of `body` that the path selects.
    #[must_use]
    pub fn query<'b>(&self, body: &'b Value) -> NodeList<'b> {
        self.path.query(body)
    }
}

impl FromStr for BodyPath {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        if text.len() > LONGEST || text.matches(['(', '[']).count() > MOST_BRACKETS {
            let reason = format!("at most {LONGEST} bytes and {MOST_BRACKETS} opening brackets");
            return Err(Misread::because(reason));
        }
        let path = JsonPath::parse(text).map_err(|error| Misread::because(error.to_string()))?;
        Ok(Self { path, text: Arc::from(text) })
    }
}

impl fmt::Display for BodyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
