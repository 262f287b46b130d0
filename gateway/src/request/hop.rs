//! Which headers end here? The hop-by-hop ones (RFC 9110 §7.6.1), and those that `Connection` names.

use http::header::{CONNECTION, HOST, HeaderName, TE, UPGRADE};
use http::{HeaderMap, HeaderValue};

use crate::request::Rejected;
use crate::words::labels;

/// Which of the headers that matter here are there: one look through all of them, because most
/// messages have few, and looking each up costs a hash.
#[derive(Debug, Default)]
struct Seen {
    connection: bool,
    te: bool,
    upgrade: bool,
    others: bool,
}

impl Seen {
    fn look(headers: &HeaderMap) -> Self {
        let mut seen = Self::default();
        for name in headers.keys() {
            match name.as_str() {
                "connection" => seen.connection = true,
                "te" => seen.te = true,
                "upgrade" => seen.upgrade = true,
                name if OTHERS.contains(&name) => seen.others = true,
                _ => {}
            }
        }
        seen
    }
}

/// Headers that end here, whatever they say.
const OTHERS: [&str; 11] = [
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "proxy-authorization",
    "proxy-authenticate",
    // The server answers `100 Continue` itself, once somebody reads the body.
    "expect",
    "http2-settings",
    // Only this gateway may say to a leaf what it is asked as, and to a client who answered: a
    // replica that is a gateway itself must not speak for this one.
    labels::COVERAGE,
    labels::SHARD,
    labels::SHARDS,
    labels::DEADLINE,
];

/// Takes the headers of this hop out of a request's `headers`. Says whether the client wants to
/// speak something else after the answer; the two headers that ask for it stay then.
///
/// # Errors
/// When `Connection` names a header that must reach the other end: taking it out would change who is
/// asked, or what the next one believes.
pub fn strip(headers: &mut HeaderMap) -> Result<bool, Rejected> {
    let seen = Seen::look(headers);
    let upgrades = seen.upgrade && nominates(headers, "upgrade") && !smuggles(headers);
    if seen.connection
        && let Some(refused) = nominated(headers).find(|name| is_ours(name))
    {
        return Err(Rejected::Nominated(refused.into()));
    }
    let trailers = seen.te
        && headers.get_all(TE).iter().any(|value| {
            let text = value.to_str().unwrap_or_default();
            text.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
        });
    remove(headers, &seen, upgrades);
    // A server stops sending trailers, gRPC's status among them, to a client that does not want them.
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    Ok(upgrades)
}

/// Whether an upgrade would make a tunnel for requests that nobody looks at: `h2c` (RFC 9113 §3.1 has
/// taken it back) and `TLS`.
fn smuggles(headers: &HeaderMap) -> bool {
    let values = headers.get_all(UPGRADE).iter();
    values.into_iter().any(|value| {
        let Ok(text) = value.to_str() else { return true };
        text.split(',').any(|protocol| {
            let name = protocol.trim().to_ascii_lowercase();
            name.starts_with("h2c") || name.starts_with("tls") || name.starts_with("http")
        })
    })
}

/// Takes the headers of this hop out of an answer's `headers`, but those of an `upgrade`.
pub fn strip_answer(headers: &mut HeaderMap, upgrade: bool) {
    remove(headers, &Seen::look(headers), upgrade);
}

fn remove(headers: &mut HeaderMap, seen: &Seen, upgrade: bool) {
    if seen.connection {
        let names: Vec<_> =
            nominated(headers).filter_map(|name| HeaderName::try_from(name).ok()).collect();
        for name in names.iter().filter(|name| !upgrade || **name != UPGRADE) {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    if upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    } else if seen.upgrade {
        headers.remove(UPGRADE);
    }
    if seen.te {
        headers.remove(TE);
    }
    if seen.others {
        for name in OTHERS {
            headers.remove(name);
        }
    }
}

/// The names that `Connection` gives.
fn nominated(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|text| text.split(',')).map(str::trim).filter(|name| !name.is_empty())
}

fn nominates(headers: &HeaderMap, wanted: &str) -> bool {
    nominated(headers).any(|name| name.eq_ignore_ascii_case(wanted))
}

/// Headers that carry who is asked, for whom, and how long the message is.
fn is_ours(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("metaparticle-")
        || name.starts_with("x-forwarded-")
        || [HOST.as_str(), "content-length", "forwarded", "traceparent", labels::REQUEST_ID]
            .contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let split = |line: &&str| {
            let (name, value) = line.split_once(": ").expect("a header line");
            (HeaderName::try_from(name).expect("a name"), value.parse().expect("a value"))
        };
        lines.iter().map(split).collect()
    }

    #[track_caller]
    fn check(given: &[&str], expected: &[&str]) {
        let mut given = headers(given);
        strip(&mut given).expect("a request that may go on");
        assert_eq!(given, headers(expected));
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
            let mut given = headers(&[&format!("connection: close, {name}")]);
            assert_eq!(strip(&mut given), Err(Rejected::Nominated(name.into())));
        }
    }
}
