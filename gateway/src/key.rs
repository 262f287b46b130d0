//! What does a request ask about? Its key: the first that its service's sources find.

use std::borrow::Cow;
use std::net::IpAddr;

use http::Uri;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::fields::Fields;
use crate::request::Request;
use crate::words::{KeySource, ShardKey};

/// The bytes that say who owns a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key<'r>(Cow<'r, [u8]>);

impl<'r> Key<'r> {
    /// A key of these bytes.
    pub fn new(bytes: impl Into<Cow<'r, [u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a key may be found in.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'r> {
    /// The target.
    pub uri: &'r Uri,
    /// The headers.
    pub headers: &'r Fields,
    /// The host, in lower case, without port.
    pub host: &'r str,
    /// Who sent it.
    pub client: IpAddr,
    /// The body, where it was read.
    pub body: Option<&'r [u8]>,
}

impl<'r> From<&'r Request> for Facts<'r> {
    fn from(request: &'r Request) -> Self {
        let Request { uri, headers, host, client, body, .. } = request;
        Self { uri, headers, host, client: *client, body: body.whole() }
    }
}

/// The key that `sources` find in `facts`: the first one found, or none. Without sources it is the
/// whole raw path. An empty value is no key.
#[must_use]
pub fn extract<'r>(sources: &ShardKey, facts: Facts<'r>) -> Option<Key<'r>> {
    if sources.sources().is_empty() {
        return Some(Key::new(facts.uri.path().as_bytes()));
    }
    let found = sources.sources().iter().find_map(|source| look(source, facts));
    found.map(Key)
}

fn look<'r>(source: &KeySource, facts: Facts<'r>) -> Option<Cow<'r, [u8]>> {
    let text = |text: &'r str| Cow::Borrowed(text.as_bytes());
    let found = match source {
        KeySource::Path(expression) => {
            let groups = expression.captures(facts.uri.path())?;
            text(groups.get(1)?.as_str())
        }
        KeySource::Header(name) => Cow::Borrowed(facts.headers.get(name)?),
        KeySource::Cookie(name) => Cow::Borrowed(cookie(facts.headers, name.as_bytes())?),
        KeySource::Query(name) => query(facts.uri.query()?, name)?,
        KeySource::Host => text(facts.host),
        KeySource::ClientIp => Cow::Owned(facts.client.to_string().into_bytes()),
        KeySource::Body(path) => {
            let document: Value = serde_json::from_slice(facts.body?).ok()?;
            Cow::Owned(scalar(path.query(&document).first()?)?.into_bytes())
        }
    };
    (!found.is_empty()).then_some(found)
}

/// The value of the first cookie called `name` (RFC 6265 §4.2.1); over HTTP/2 they come in crumbs.
fn cookie<'r>(headers: &'r Fields, name: &[u8]) -> Option<&'r [u8]> {
    let lines = headers.all("cookie");
    let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';'));
    let value = |pair: &'r [u8]| {
        let (found, value) = pair.trim_ascii().split_at_checked(name.len())?;
        if found == name { value.strip_prefix(b"=") } else { None }
    };
    pairs.filter_map(value).next()
}

/// The first value of parameter `name`, decoded (`+` is a space, as forms write it).
fn query<'r>(query: &'r str, name: &str) -> Option<Cow<'r, [u8]>> {
    let value = |pair: &'r str| {
        let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(found) == name.as_bytes()).then(|| decode(value))
    };
    query.split('&').find_map(value)
}

fn decode(text: &str) -> Cow<'_, [u8]> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).collect());
    }
    percent_decode_str(text).into()
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Policy, Scope};

    /// A request for `target` with a few headers and a body, asked for its key by `sources`.
    #[track_caller]
    fn check(sources: &str, target: &str, expected: Option<&str>) {
        let (policy, mistakes) =
            Policy::read(&Policy::default(), Scope::Service, [("shard-key", sources)]);
        assert_eq!(mistakes, []);
        let headers = [
            ("x-user", "alice"),
            ("x-empty", ""),
            ("cookie", "a=1; sid=s-7"),
            ("cookie", "sid2=x"),
        ];
        let headers = headers.map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        });
        let facts = Facts {
            uri: &target.parse().unwrap(),
            headers: &headers.into_iter().collect(),
            host: "shop.example",
            client: "192.0.2.7".parse().unwrap(),
            body: Some(br#"{"user":{"id":42,"name":"bob","tags":[1]}}"#),
        };
        let found = extract(&policy.shard_key, facts);
        assert_eq!(found.as_ref().map(Key::bytes), expected.map(str::as_bytes), "{sources}");
    }

    #[test]
    fn every_source_finds_its_key() {
        check("path:^/users/([^/]+)", "/users/alice/x", Some("alice"));
        check("header:x-user", "/", Some("alice"));
        check("cookie:sid", "/", Some("s-7"));
        check("cookie:sid2", "/", Some("x"));
        check("query:id", "/?x=1&id=a%20b+c&id=2", Some("a b c"));
        check("host", "/", Some("shop.example"));
        check("client-ip", "/", Some("192.0.2.7"));
        check("body:$.user.id", "/", Some("42"));
        check("body:$.user.name", "/", Some("bob"));
    }

    #[test]
    fn the_first_source_that_finds_one_gives_it() {
        check("header:x-none, query:id, host", "/?id=7", Some("7"));
        check("header:x-none, query:id, host", "/?id=", Some("shop.example"));
        check("header:x-empty, header:x-user", "/", Some("alice"));
    }

    #[test]
    fn a_key_that_is_nowhere_is_none() {
        check("header:x-none", "/", None);
        check("path:^/users/([^/]+)", "/other", None);
        check("cookie:si", "/", None);
        check("body:$.user.tags", "/", None);
    }

    #[test]
    fn without_sources_the_whole_raw_path_is_the_key() {
        let uri: Uri = "/a%20b?q=1".parse().unwrap();
        let facts = Facts {
            uri: &uri,
            headers: &Fields::default(),
            host: "",
            client: "::1".parse().unwrap(),
            body: None,
        };
        assert_eq!(extract(&ShardKey::default(), facts), Some(Key::new(&b"/a%20b"[..])));
    }
}
