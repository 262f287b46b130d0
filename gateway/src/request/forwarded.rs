//! Who sent it? The connection's other end, or, seen through trusted proxies, who they say.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::FORWARDED;
use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::fields::{Fields, Name};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The proxies whose `Forwarded` and `X-Forwarded-*` are believed. From all others they are
/// overwritten.
#[derive(Debug, Clone, Default)]
pub struct Trust(Arc<[IpNet]>);

impl Trust {
    /// Trusts these networks.
    #[must_use]
    pub fn new(networks: &[IpNet]) -> Self {
        Self(Arc::from(networks))
    }

    fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// The other end of a connection, with what is said of it in every request.
#[derive(Debug, Clone)]
pub struct Peer {
    address: IpAddr,
    trusted: bool,
    trust: Trust,
    scheme: &'static str,
    lines: Arc<Lines>,
}

/// What is said of the other end in every request.
#[derive(Debug)]
struct Lines {
    for_value: HeaderValue,
    proto: HeaderValue,
    forwarded: HeaderValue,
}

/// What leaves are told of who sent a request, besides what its headers say.
#[derive(Debug, Clone, Default)]
pub struct Sender {
    /// Of a client that is not believed: what is known of it.
    lines: Option<Arc<Lines>>,
    /// The host that was asked for is told too.
    host: bool,
}

impl Sender {
    /// Says each of them, of the request with these `headers`.
    pub(super) fn each(&self, headers: &Fields, mut say: impl FnMut(&HeaderName, &[u8])) {
        if let Some(lines) = &self.lines {
            say(&FOR, lines.for_value.as_bytes());
            say(&PROTO, lines.proto.as_bytes());
            say(&FORWARDED, lines.forwarded.as_bytes());
        }
        if let Some(host) = headers.known(Name::Host).next().filter(|_| self.host) {
            say(&FORWARDED_HOST, host);
        }
    }
}

impl Peer {
    /// The peer at `address`, over TLS if `secure`.
    #[must_use]
    pub fn new(address: SocketAddr, secure: bool, trust: &Trust) -> Self {
        // A dual-stack listener shows IPv4 clients as `::ffff:10.0.0.1`.
        let address = address.ip().to_canonical();
        let scheme = if secure { "https" } else { "http" };
        let node = match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("\"[{address}]\""),
        };
        Self {
            address,
            trusted: trust.has(address),
            trust: trust.clone(),
            scheme,
            lines: Arc::new(Lines {
                for_value: value(address.to_string()),
                proto: HeaderValue::from_static(scheme),
                forwarded: value(format!("for={node};proto={scheme}")),
            }),
        }
    }
}

fn value(text: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text)).expect("an address has no control characters")
}

impl Peer {
    /// The connection's other end.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }
}

/// Who sent the request with these `headers`, as leaves are told, and the client's address. What the
/// client says itself is taken out, unless it is a trusted proxy.
pub(super) fn sender(headers: &mut Fields, peer: &Peer) -> (Sender, IpAddr) {
    if peer.trusted {
        return append(headers, peer);
    }
    if headers.names().any(pretends) {
        headers.retain(|name| !pretends(name));
    }
    (Sender { lines: Some(Arc::clone(&peer.lines)), host: true }, peer.address)
}

/// Whether a header says who sent the request, by any of the names by which servers know it: CGI and
/// its heirs take `X_Forwarded_For` for `X-Forwarded-For`.
fn pretends(name: &[u8]) -> bool {
    let starts = |prefix: &str| {
        let same = |(byte, wanted): (&u8, &u8)| {
            byte.eq_ignore_ascii_case(wanted) || (*byte, *wanted) == (b'_', b'-')
        };
        name.len() >= prefix.len() && name.iter().zip(prefix.as_bytes()).all(same)
    };
    // Most names begin with another letter.
    match name.first().map(u8::to_ascii_lowercase) {
        Some(b'x') => starts("x-forwarded-") || starts("x-real-ip"),
        Some(b'm') => starts("metaparticle-") && name.contains(&b'_'),
        Some(b'f') => name.eq_ignore_ascii_case(b"forwarded"),
        _ => false,
    }
}

/// Behind a trusted proxy: adds this hop to what it says. The client is the last address that is not
/// a trusted proxy's; read from the right, because what stands on the left is whatever the client
/// wrote there.
fn append(headers: &mut Fields, peer: &Peer) -> (Sender, IpAddr) {
    let mut client = peer.address;
    let lines = headers.all("x-forwarded-for").rev();
    for hop in lines.flat_map(|line| line.rsplit(|byte| *byte == b',')) {
        let Some(address) = parse_hop(hop) else { break };
        client = address;
        if !peer.trust.has(client) {
            break;
        }
    }
    join(headers, &FOR, &peer.lines.for_value);
    join(headers, &FORWARDED, &peer.lines.forwarded);
    if !headers.contains(PROTO) {
        headers.append(PROTO, HeaderValue::from_static(peer.scheme));
    }
    (Sender { lines: None, host: !headers.contains(FORWARDED_HOST) }, client)
}

/// An address, with a port or without.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|found| found.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// Appends `more` to the list that header `name` is, as one line.
fn join(headers: &mut Fields, name: &HeaderName, more: &HeaderValue) {
    let lines = headers.all(name.as_str()).chain([more.as_bytes()]);
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    let joined = HeaderValue::from_bytes(&lines.join(&b", "[..]));
    headers.insert(name, joined.expect("made of header values"));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a leaf is told, and the client's address.
    fn add(headers: &mut Fields, peer: &Peer) -> IpAddr {
        let (sender, client) = sender(headers, peer);
        sender.each(&headers.clone(), |name, value| {
            headers.insert(name, HeaderValue::from_bytes(value).unwrap());
        });
        client
    }

    #[track_caller]
    fn check(peer: &str, came: &[&str], client: &str, goes: &str) {
        let trust = Trust::new(&["10.0.0.0/8".parse().unwrap()]);
        let peer = Peer::new(SocketAddr::new(peer.parse().unwrap(), 9), false, &trust);
        let mut headers = Fields::default();
        for line in came {
            headers.append(FOR, line.parse::<HeaderValue>().unwrap());
        }
        assert_eq!(add(&mut headers, &peer), client.parse::<IpAddr>().unwrap());
        assert_eq!(headers.text(FOR), Some(goes));
    }

    #[test]
    fn what_a_stranger_says_of_others_is_overwritten() {
        check("192.0.2.1", &["1.2.3.4"], "192.0.2.1", "192.0.2.1");
        check("::ffff:192.0.2.1", &[], "192.0.2.1", "192.0.2.1");
    }

    #[test]
    fn a_trusted_proxy_is_believed_and_added() {
        check("10.0.0.1", &["192.0.2.7"], "192.0.2.7", "192.0.2.7, 10.0.0.1");
        check("10.0.0.1", &[], "10.0.0.1", "10.0.0.1");
        check("10.0.0.1", &[""], "10.0.0.1", "10.0.0.1");
    }

    #[test]
    fn the_client_is_the_last_address_that_no_trusted_proxy_has() {
        let came = ["6.6.6.6, 192.0.2.7", "10.0.0.2"];
        check("10.0.0.1", &came, "192.0.2.7", "6.6.6.6, 192.0.2.7, 10.0.0.2, 10.0.0.1");
    }

    #[test]
    fn what_a_client_wrote_before_a_trusted_proxy_is_not_believed() {
        check(
            "10.0.0.1",
            &["1.2.3.4, x, 192.0.2.7"],
            "192.0.2.7",
            "1.2.3.4, x, 192.0.2.7, 10.0.0.1",
        );
        check("10.0.0.1", &["1.2.3.4, x"], "10.0.0.1", "1.2.3.4, x, 10.0.0.1");
        check("10.0.0.1", &["[2001:db8::1]:99"], "2001:db8::1", "[2001:db8::1]:99, 10.0.0.1");
    }

    #[test]
    fn a_stranger_cannot_say_it_by_another_name() {
        let peer = Peer::new("192.0.2.1:9".parse().unwrap(), false, &Trust::default());
        let mut headers = Fields::default();
        for name in
            ["x_forwarded_for", "x-forwarded-port", "forwarded", "x-real-ip", "metaparticle_shard"]
        {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        add(&mut headers, &peer);
        let mut names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        assert_eq!(names, ["forwarded", "x-forwarded-for", "x-forwarded-proto"]);
    }

    #[test]
    fn an_ipv6_address_is_quoted_where_the_grammar_wants_it() {
        let peer = Peer::new("[2001:db8::1]:9".parse().unwrap(), true, &Trust::default());
        let mut headers = Fields::default();
        add(&mut headers, &peer);
        assert_eq!(headers.text(FORWARDED), Some("for=\"[2001:db8::1]\";proto=https"));
        assert_eq!(headers.text(PROTO), Some("https"));
    }
}
