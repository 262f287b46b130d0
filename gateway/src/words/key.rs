//! Where in a request is its key? An ordered list; the first source that has one gives it.

use std::fmt;
use std::str::FromStr;

use http::HeaderName;
use regex::{Regex, RegexBuilder};

use crate::words::BodyPath;
use crate::words::Misread;

/// The most memory that one expression may take, in bytes: annotations are written by many.
const LARGEST_EXPRESSION: usize = 256 << 10;

/// One place to look for a key.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// `path:REGEX`: the first group of the expression, matched against the raw path.
    Path(Regex),
    /// `header:NAME`: the header's first value.
    Header(HeaderName),
    /// `cookie:NAME`: the cookie's value.
    Cookie(String),
    /// `query:NAME`: the first value of the query parameter, percent-decoded.
    Query(String),
    /// `host`: the host asked for, without port, in lower case.
    Host,
    /// `client-ip`: the client's address, seen through trusted proxies only.
    ClientIp,
    /// `body:JSONPATH` (RFC 9535): the first node that is a string, number or boolean.
    Body(BodyPath),
}

/// The ordered list of a service (`shard-key`). Empty means the default: the whole raw path.
#[derive(Debug, Clone, Default)]
pub struct ShardKey(Vec<KeySource>);

impl ShardKey {
    /// A key that is looked for in these places, in this order.
    #[must_use]
    pub fn new(sources: Vec<KeySource>) -> Self {
        Self(sources)
    }

    /// The places, in order; none means the whole path.
    #[must_use]
    pub fn sources(&self) -> &[KeySource] {
        &self.0
    }

    /// Whether a source looks into the body, which must then be read before the key is known.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        self.0.iter().any(|source| matches!(source, KeySource::Body(_)))
    }
}

impl FromStr for ShardKey {
    type Err = Misread;

    /// A list of sources; `path` alone is the default.
    ///
    /// An expression or a JSONPath may hold commas: a comma parts two sources only where one begins
    /// after it, with `path:`, `header:`, `cookie:`, `query:`, `body:`, or the whole word `host` or
    /// `client-ip`. Where an expression must say just that, `\x2c` is its comma.
    fn from_str(text: &str) -> Result<Self, Misread> {
        if text == "path" {
            return Ok(Self::default());
        }
        sources(text).into_iter().map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for ShardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("path");
        }
        for (place, source) in self.0.iter().enumerate() {
            write!(f, "{}{source}", if place == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for KeySource {
    type Err = Misread;

    fn from_str(text: &str) -> Result<Self, Misread> {
        let wrong = |what: &str| Misread::because(format!("`{text}` {what}"));
        let named = |name: &str| Some(name.to_owned()).filter(|name| is_token(name));
        match text.split_once(':') {
            None if text == "host" => Ok(Self::Host),
            None if text == "client-ip" => Ok(Self::ClientIp),
            Some(("path", expression)) => read_expression(expression).map(Self::Path),
            Some(("header", name)) => HeaderName::from_bytes(name.as_bytes())
                .map(Self::Header)
                .map_err(|_| wrong("is not a header's name")),
            Some(("cookie", name)) => {
                named(name).map(Self::Cookie).ok_or_else(|| wrong("is not a cookie's name"))
            }
            Some(("query", "")) => Err(wrong("names no parameter")),
            Some(("query", name)) => Ok(Self::Query(name.to_owned())),
            Some(("body", path)) => path.parse().map(Self::Body),
            _ => Err(wrong("is not a source of keys")),
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(expression) => write!(f, "path:{expression}"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::Query(name) => write!(f, "query:{name}"),
            Self::Host => f.write_str("host"),
            Self::ClientIp => f.write_str("client-ip"),
            Self::Body(path) => write!(f, "body:{path}"),
        }
    }
}

/// The list's parts, without the space around them.
fn sources(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (comma, _) in text.match_indices(',') {
        if begins_source(text[comma + 1..].trim_start()) {
            parts.push(text[start..comma].trim());
            start = comma + 1;
        }
    }
    parts.push(text[start..].trim());
    parts
}

/// Whether a source stands at the beginning of this text.
fn begins_source(text: &str) -> bool {
    let named = ["path:", "header:", "cookie:", "query:", "body:"];
    let mut whole = ["host", "client-ip"].into_iter().filter_map(|word| text.strip_prefix(word));
    named.iter().any(|name| text.starts_with(name))
        || whole.any(|rest| rest.trim_start().is_empty() || rest.trim_start().starts_with(','))
}

/// An expression with a group, of bounded size.
fn read_expression(text: &str) -> Result<Regex, Misread> {
    let mut builder = RegexBuilder::new(text);
    let builder = builder.size_limit(LARGEST_EXPRESSION).dfa_size_limit(LARGEST_EXPRESSION);
    let expression = builder.build().map_err(|error| Misread::because(reason(&error)))?;
    if expression.captures_len() < 2 {
        return Err(Misread::because(format!("`{text}` has no group")));
    }
    Ok(expression)
}

/// What is wrong with an expression, in one line: the last of those that the parser draws.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

/// Whether this is a token as HTTP means it: what a cookie's name may be.
fn is_token(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_letter)
}
