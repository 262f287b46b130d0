//! Who is told that nobody waits any more? Everybody who was asked.

use std::net::SocketAddr;
use std::sync::Arc;

use http::Response;
use http_body_util::BodyExt as _;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::client::{Client, Raw, ask};
use crate::replica::{Replica, full};
use crate::world::{Gateway, soon, web};

/// Tells when it is dropped.
struct Guard(UnboundedSender<&'static str>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.send("cancelled").ok();
    }
}

/// A replica that never answers, and tells when it is asked and when it is not any more.
async fn silent(tell: UnboundedSender<&'static str>) -> Replica {
    Replica::start(move |_| {
        tell.send("asked").ok();
        let guard = Guard(tell.clone());
        async move {
            std::future::pending::<()>().await;
            drop(guard);
            Response::new(full(""))
        }
    })
    .await
}

/// Hears this so many times, and nothing else.
async fn heard(expected: &str, count: usize, told: &mut UnboundedReceiver<&'static str>) {
    for _ in 0..count {
        assert_eq!(soon(expected, told.recv()).await, Some(expected));
    }
}

/// `words`, and so much time that nothing is cancelled for want of it.
fn unhurried(words: &str, replicas: &[SocketAddr]) -> String {
    web(&format!("{words}\ntimeout: 1h\nscatter-timeout: 1h"), replicas)
}

/// Asks three silent leaves as `words` say, goes away once `asked` of them were asked, and waits
/// until they know.
async fn check(words: &str, asked: usize, http2: bool) {
    let (tell, mut told) = unbounded_channel();
    let leaves = [silent(tell.clone()).await, silent(tell.clone()).await, silent(tell).await];
    let gateway =
        Gateway::serve(&unhurried(words, &leaves.each_ref().map(|leaf| leaf.address))).await;
    let mut client = match http2 {
        true => Client::http2(gateway.address).await,
        false => Client::http1(gateway.address).await,
    };
    tokio::select! {
        answer = client.try_send(ask("GET", "/", full(""))) => panic!("answered: {answer:?}"),
        () = heard("asked", asked, &mut told) => {}
    }
    // Of HTTP/2 only the stream was given up: its connection stays.
    let _stays = http2.then_some(client);
    heard("cancelled", asked, &mut told).await;
}

#[tokio::test]
async fn the_leaves_of_a_scatter_are_cancelled_with_its_client() {
    check("pattern: scatter", 3, false).await;
}

#[tokio::test]
async fn the_leaves_of_a_scatter_are_cancelled_with_its_stream() {
    check("pattern: scatter", 3, true).await;
    check("pattern: scatter\nprotocol: h2c", 3, true).await;
}

#[tokio::test]
async fn the_one_replica_of_a_spread_is_cancelled_too() {
    check("pattern: spread", 1, false).await;
    check("pattern: spread\nprotocol: h2c", 1, false).await;
}

#[tokio::test]
async fn the_losers_of_a_race_are_cancelled() {
    let (tell, mut told) = unbounded_channel();
    let silent = [silent(tell.clone()).await, silent(tell).await];
    let go = Arc::new(Notify::new());
    let start = Arc::clone(&go);
    let quick = Replica::start(move |_| {
        let start = Arc::clone(&start);
        async move {
            start.notified().await;
            Response::new(full("first"))
        }
    })
    .await;
    let addresses = [silent[0].address, silent[1].address, quick.address];
    let words = "pattern: scatter\nscatter-merge: first\nscatter-require: any";
    let gateway = Gateway::serve(&unhurried(words, &addresses)).await;
    let mut client = Client::http1(gateway.address).await;
    let begin = async {
        heard("asked", 2, &mut told).await;
        go.notify_one();
    };
    let (answer, ()) = tokio::join!(client.whole(ask("GET", "/", full(""))), begin);
    assert_eq!(answer.1, "first");
    heard("cancelled", 2, &mut told).await;
}

#[tokio::test]
async fn an_upload_is_cut_with_its_client_though_it_was_answered() {
    for words in ["", "protocol: h2c"] {
        let (give, mut given) = unbounded_channel();
        let replica = Replica::start(move |request| {
            give.send(request.into_body()).expect("the test");
            async { Response::new(full("enough")) }
        })
        .await;
        let gateway = Gateway::serve(&unhurried(words, &[replica.address])).await;
        let mut raw = Raw::connect(gateway.address).await;
        raw.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        raw.send("5\r\nhello\r\n").await;
        assert_eq!(raw.answer().await.text(), "enough");
        drop(raw);
        let upload = given.recv().await.expect("a replica that was asked");
        soon("the end of the upload", upload.collect()).await.expect_err("it was cut");
    }
}
