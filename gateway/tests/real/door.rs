//! What is refused at the door? Nothing of it reaches a replica, and nobody else notices.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use crate::client::{Client, Raw, ask};
use crate::replica::{Replica, Tap, Tapped, full};
use crate::world::{Gateway, soon, web};

const GOOD: &str = "GET /good HTTP/1.1\r\nHost: a\r\n\r\n";

/// A gateway before a replica that keeps every byte.
struct Door {
    tap: Tap,
    gateway: Gateway,
    /// How many good requests it has let through.
    good: Cell<usize>,
}

impl Door {
    async fn open() -> Self {
        let tap = Tap::start().await;
        let gateway = Gateway::serve(&web("max-body: 1KiB", &[tap.replica.address])).await;
        Self { tap, gateway, good: Cell::new(0) }
    }

    async fn connect(&self) -> Raw {
        Raw::connect(self.gateway.address).await
    }

    /// `sent` is refused with `status`, and its connection ended; the replica hears nothing of it,
    /// and the next connection is served.
    async fn refuses(&self, sent: impl AsRef<[u8]>, status: u16) {
        let shown = sent.as_ref().escape_ascii().to_string();
        let shown = &shown[..shown.len().min(200)];
        let mut raw = self.connect().await;
        raw.send(&sent).await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, status, "{shown}: {}", answer.text());
        let rest = raw.closed().await;
        assert!(rest.is_empty(), "{shown}: after the refusal: {}", rest.escape_ascii());
        self.serves_the_next(shown).await;
        self.let_only_good_through(shown);
    }

    /// The next connection's request is answered.
    async fn serves_the_next(&self, after: &str) {
        let mut next = self.connect().await;
        next.send(GOOD).await;
        assert_eq!(next.answer().await.status, 200, "after {after}");
        self.good.set(self.good.get() + 1);
    }

    /// From the beginning, the replica has heard the good requests and not a byte besides. What
    /// should not reach it may come late: this is asked after a good request was served.
    fn let_only_good_through(&self, shown: &str) {
        let mut good = 0;
        for Tapped { bytes, .. } in self.tap.all() {
            let heard = String::from_utf8(bytes).expect("text");
            for head in heard.split_inclusive("\r\n\r\n") {
                let whole = head.starts_with("GET /good ") && head.ends_with("\r\n\r\n");
                assert!(whole, "{shown}: the replica heard {head:?}");
                good += 1;
            }
        }
        assert_eq!(good, self.good.get(), "{shown}: good requests at the replica");
    }

    /// A request with these header lines and this body is refused with 400.
    async fn refuses_post(&self, lines: &str, body: &str) {
        self.refuses(format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{body}"), 400).await;
    }
}

#[tokio::test]
async fn a_body_with_two_lengths_is_refused() {
    let door = Door::open().await;
    let hidden = "0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    door.refuses_post("Content-Length: 5\r\nTransfer-Encoding: chunked", hidden).await;
    door.refuses_post("Transfer-Encoding: chunked\r\nContent-Length: 5", hidden).await;
    door.refuses_post("Content-Length: 5\r\nContent-Length: 6", "hello!").await;
    door.refuses_post("Content-Length: 5, 6", "hello!").await;
}

#[tokio::test]
async fn a_length_that_is_no_plain_number_is_refused() {
    let door = Door::open().await;
    for length in ["-1", "+5", "0x5", "5 5", "99999999999999999999999", "", "five"] {
        door.refuses_post(&format!("Content-Length: {length}"), "hello").await;
    }
}

#[tokio::test]
async fn a_coding_that_is_not_chunked_is_refused() {
    let door = Door::open().await;
    for coding in ["gzip", "gzip, chunked", "chunked, gzip", "xchunked", "chunked, chunked", ""] {
        door.refuses_post(&format!("Transfer-Encoding: {coding}"), "0\r\n\r\n").await;
    }
    let old = "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    door.refuses(old, 400).await;
}

#[tokio::test]
async fn bad_chunks_in_the_first_read_are_refused() {
    let door = Door::open().await;
    for body in
        ["zz\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "-5\r\n", "5\r\nhelloX\r\n0\r\n\r\n"]
    {
        door.refuses_post("Transfer-Encoding: chunked", body).await;
    }
}

#[tokio::test]
async fn a_body_that_goes_bad_later_never_ends_at_the_replica() {
    let mut door = Door::open().await;
    for (number, bad) in ["zz\r\n", "5\nhello\r\n", "10000000000000000\r\n"].iter().enumerate() {
        let mark = format!("POST /{number} ");
        let mut raw = door.connect().await;
        raw.send(format!("{mark}HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")).await;
        raw.send("5\r\nhello\r\n").await;
        let hello = |bytes: &[u8]| bytes.ends_with(b"\r\nhello\r\n");
        door.tap.sees(&mark, |tapped| hello(&tapped.bytes)).await;
        raw.send(bad).await;
        let seen = door.tap.sees(&mark, |tapped| tapped.ended).await;
        assert!(hello(&seen.bytes), "{bad}: the replica saw {}", seen.bytes.escape_ascii());
        raw.closed().await;
        door.serves_the_next(bad).await;
    }
}

#[tokio::test]
async fn lines_that_two_readers_may_read_differently_are_refused() {
    let door = Door::open().await;
    for sent in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Long: one\r\n two\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Name : one\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\nX-Line: one\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Null: o\0ne\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Return: o\rne\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n: no name\r\n\r\n",
        "GET / / HTTP/1.1\r\nHost: a\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        door.refuses(sent, 400).await;
    }
}

#[tokio::test]
async fn hosts_paths_and_nominations_that_lead_astray_are_refused() {
    let door = Door::open().await;
    for sent in [
        "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Host\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For\r\n\r\n",
        "GET /public/../secret HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /public/%2e%2E/secret HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        door.refuses(sent, 400).await;
    }
    door.refuses("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501).await;
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let door = Door::open().await;
    let fields: String = (0..128).map(|count| format!("X-{count}: a\r\n")).collect();
    door.refuses(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"), 431).await;
    let long = "x".repeat(70 << 10);
    door.refuses(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), 431).await;
    door.refuses(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}"), 431).await;
}

#[tokio::test]
async fn the_most_fields_that_are_allowed_are() {
    let door = Door::open().await;
    let fields: String = (0..127).map(|count| format!("X-{count}: a\r\n")).collect();
    let mut raw = door.connect().await;
    raw.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).await;
    assert_eq!(raw.answer().await.status, 200);
}

#[tokio::test]
async fn cookie_crumbs_are_counted_one_by_one() {
    let (replica, mut told) = Replica::telling().await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut client = Client::http2(gateway.address).await;
    let with_crumbs = |count| {
        let mut request = ask("GET", "/", full(""));
        for crumb in 0..count {
            let value = format!("c{crumb}=1").parse().expect("a value");
            request.headers_mut().append("cookie", value);
        }
        request
    };
    assert_eq!(client.whole(with_crumbs(120)).await.0, 200);
    told.next().await;
    assert_eq!(client.whole(with_crumbs(129)).await.0, 431);
    assert_eq!(client.whole(ask("GET", "/next", full(""))).await.0, 200);
    assert_eq!(told.next().await.head.uri.path(), "/next");
    told.nothing_more();
}

#[tokio::test]
async fn a_body_past_the_cap_is_refused() {
    let door = Door::open().await;
    let large = "x".repeat(1025);
    let known = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n{large}");
    door.refuses(known, 413).await;
    let idempotent = format!(
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n{large}\r\n"
    );
    door.refuses(idempotent, 413).await;
}

#[tokio::test]
async fn a_stream_past_the_cap_never_ends_at_the_replica() {
    let mut door = Door::open().await;
    let mut raw = door.connect().await;
    raw.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    raw.send("5\r\nhello\r\n").await;
    door.tap.sees("POST", |tapped| tapped.bytes.ends_with(b"hello\r\n")).await;
    raw.send(format!("401\r\n{}\r\n0\r\n\r\n", "x".repeat(1025))).await;
    let seen = door.tap.sees("POST", |tapped| tapped.ended).await;
    assert!(!seen.bytes.ends_with(b"0\r\n\r\n"), "{}", seen.bytes.escape_ascii());
    assert_eq!(raw.answer().await.status, 413);
    raw.closed().await;
    door.serves_the_next("a stream past the cap").await;
}

#[tokio::test]
async fn a_good_request_before_a_bad_one_is_answered() {
    let door = Door::open().await;
    let bad = "POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let mut raw = door.connect().await;
    raw.send(format!("{GOOD}{bad}{GOOD}")).await;
    assert_eq!(raw.answer().await.status, 200);
    door.good.set(1);
    assert_eq!(raw.answer().await.status, 400);
    assert!(raw.closed().await.is_empty(), "what follows a refusal is not answered");
    door.serves_the_next(bad).await;
    door.let_only_good_through(bad);
}

/// Takes ten seconds: that is what it is about.
#[tokio::test]
async fn a_head_that_trickles_in_has_ten_seconds() {
    let door = Door::open().await;
    let mut raw = door.connect().await;
    let start = Instant::now();
    raw.send("GET / HTTP/1.1\r\nHost: a\r\nX: ").await;
    let mut drops = tokio::time::interval(Duration::from_millis(250));
    soon("the end of a slow head", async {
        while raw.try_send("x").await.is_ok() {
            drops.tick().await;
        }
    })
    .await;
    let took = start.elapsed();
    // A look twice a second decides; that it ends at all is the bound above.
    assert!(took >= Duration::from_secs(9), "{took:?}");
    door.serves_the_next("a slow head").await;
    door.let_only_good_through("a slow head");
}
