//! Which headers end here? The hop-by-hop ones (RFC 9110 §7.6.1), and those that `Connection` names.

use http::HeaderValue;
use http::header::{CONNECTION, TE};

use crate::fields::{Fields, Known, Name};
use crate::request::Rejected;
use crate::words::labels;

/// Headers that end here, whatever they say.
const ENDING: Known = Known::of(&[
    Name::KeepAlive,
    Name::ProxyConnection,
    Name::TransferEncoding,
    Name::ProxyAuthorization,
    Name::ProxyAuthenticate,
    // The server answers `100 Continue` itself, once somebody reads the body.
    Name::Expect,
    Name::Http2Settings,
    Name::Te,
]);

/// Only this gateway may say to a leaf what it is asked as.
const ASKED: Known = Known::of(&[Name::Coverage, Name::Shard, Name::Shards, Name::Deadline]);

/// What is said to a leaf, and not by one. Which shard answered, and of whom an answer is made, a replica
/// that is a gateway itself may say where this one says nothing.
const NOT_ANSWERED: Known = Known::of(&[Name::Shards, Name::Deadline]);

/// Takes the headers of this hop out of a request's `headers`. Says whether the client wants to
/// speak something else after the answer; the two headers that ask for it stay then.
///
/// # Errors
/// When `Connection` names a header that must reach the other end: taking it out would change who is
/// asked, or what the next one believes.
pub fn strip(headers: &mut Fields) -> Result<bool, Rejected> {
    let seen = headers.seen();
    let upgrades =
        seen.has(Name::Upgrade) && headers.lists("connection", "upgrade") && !smuggles(headers);
    if seen.has(Name::Connection)
        && let Some(refused) = headers.list("connection").find(|name| is_ours(name))
    {
        return Err(Rejected::Nominated(refused.into()));
    }
    let trailers = seen.has(Name::Te) && headers.lists("te", "trailers");
    end(headers, upgrades);
    headers.remove_known(ASKED);
    // A server stops sending trailers, gRPC's status among them, to a client that does not want them.
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    Ok(upgrades)
}

/// Whether an upgrade would make a tunnel for requests that nobody looks at: `h2c` (RFC 9113 §3.1 has
/// taken it back) and `TLS`.
fn smuggles(headers: &Fields) -> bool {
    let is_text = headers.all("upgrade").all(<[u8]>::is_ascii);
    let smuggles = |protocol: &str| {
        let name = protocol.to_ascii_lowercase();
        name.starts_with("h2c") || name.starts_with("tls") || name.starts_with("http")
    };
    !is_text || headers.list("upgrade").any(smuggles)
}

/// Takes the headers of this hop out of an answer's `headers`, but those of an `upgrade`.
pub fn strip_answer(headers: &mut Fields, upgrade: bool) {
    end(headers, upgrade);
    headers.remove_known(NOT_ANSWERED);
}

/// The same out of an answer that is one of many.
pub fn strip_part(headers: &mut Fields) {
    end(headers, false);
    headers.remove_known(ASKED);
}

/// Takes out what ends here, but the two headers of an `upgrade`.
fn end(headers: &mut Fields, upgrade: bool) {
    if headers.seen().has(Name::Connection) {
        let mut names: Vec<_> = headers.list("connection").map(str::to_ascii_lowercase).collect();
        // A head has room for so many that to look at all for each field would take long.
        names.sort_unstable();
        let ends = |name: &[u8]| {
            let lower = || name.iter().map(u8::to_ascii_lowercase);
            names.binary_search_by(|end| end.bytes().cmp(lower())).is_ok()
        };
        let stays = |name: &[u8]| upgrade && name.eq_ignore_ascii_case(b"upgrade");
        headers.retain(|name| stays(name) || !ends(name));
        headers.remove_known(Name::Connection);
    }
    if upgrade {
        headers.append(CONNECTION, HeaderValue::from_static("upgrade"));
    } else {
        headers.remove_known(Name::Upgrade);
    }
    headers.remove_known(ENDING);
}

/// Headers that carry who is asked, for whom, and how long the message is.
fn is_ours(name: &str) -> bool {
    let starts = |prefix: &str| {
        name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    let whole = ["host", "content-length", "forwarded", "traceparent", labels::REQUEST_ID];
    starts("metaparticle-")
        || starts("x-forwarded-")
        || whole.iter().any(|ours| ours.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName};

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let split = |line: &&str| {
            let (name, value) = line.split_once(": ").expect("a header line");
            (HeaderName::try_from(name).expect("a name"), value.parse().expect("a value"))
        };
        lines.iter().map(split).collect()
    }

    fn fields(lines: &[&str]) -> Fields {
        Fields::from(&headers(lines))
    }

    #[track_caller]
    fn check(given: &[&str], expected: &[&str]) {
        let mut given = fields(given);
        strip(&mut given).expect("a request that may go on");
        assert_eq!(HeaderMap::from(&given), headers(expected));
    }

    #[test]
    fn the_headers_of_the_hop_and_those_that_connection_names_end_here() {
        check(
            &[
                "connection: close, X-Hop",
                "x-hop: 1",
                "keep-alive: timeout=5",
                "proxy-connection: keep-alive",
                "proxy-authorization: Basic x",
                "te: gzip",
                "expect: 100-continue",
                "metaparticle-shard: forged",
                "transfer-encoding: chunked",
                "upgrade: h2c",
                "accept: */*",
            ],
            &["accept: */*"],
        );
    }

    #[test]
    fn an_upgrade_that_is_asked_for_keeps_its_two_headers() {
        check(
            &["connection: keep-alive, Upgrade", "upgrade: websocket"],
            &["connection: upgrade", "upgrade: websocket"],
        );
    }

    #[test]
    fn an_upgrade_to_http_2_would_be_a_tunnel_and_is_not_passed_on() {
        check(
            &["connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMA"],
            &[],
        );
        check(&["connection: upgrade", "upgrade: websocket, H2C", "http2-settings: AAMA"], &[]);
    }

    #[test]
    fn a_client_that_takes_trailers_still_does() {
        check(&["te: gzip;q=0.5, trailers", "connection: te"], &["te: trailers"]);
    }

    #[test]
    fn connection_may_not_name_what_must_reach_the_other_end() {
        for name in ["host", "Metaparticle-Shard", "X-Forwarded-For", "content-length"] {
            let mut given = fields(&[&format!("connection: close, {name}")]);
            assert_eq!(strip(&mut given), Err(Rejected::Nominated(name.into())));
        }
    }
}
