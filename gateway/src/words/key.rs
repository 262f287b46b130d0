//! Where in a request is its key? An ordered list; the first source that has one gives it.

use http::HeaderName;
use regex::Regex;
use serde_json_path::JsonPath;

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
    Body(JsonPath),
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
