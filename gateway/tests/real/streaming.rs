//! Does what comes in go out at once, and no faster than it is taken?

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt as _, StreamExt as _, stream};
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::sync::mpsc::unbounded_channel;

use crate::client::{Client, ask, end, piece};
use crate::replica::{Body, BoxError, Replica, full};
use crate::world::{Gateway, soon, web};

const PIECE: usize = 64 << 10;
/// What sockets on the way may hold, with much to spare.
const STALLED_MOST: u64 = 40 << 20;
/// What the gateway may need more for a body, however large that is.
const MEMORY_MOST: u64 = 32 << 20;

/// A body that ends after `size` bytes, and counts those that were taken of it.
fn counted(size: u64) -> (Body, Arc<AtomicU64>) {
    let taken = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&taken);
    let piece = Bytes::from(vec![b'x'; PIECE]);
    let frames = stream::repeat_with(move || {
        counter.fetch_add(PIECE as u64, Relaxed);
        Ok::<_, BoxError>(Frame::data(piece.clone()))
    });
    let pieces = usize::try_from(size).expect("a size") / PIECE;
    (StreamBody::new(frames.take(pieces)).boxed_unsync(), taken)
}

/// What `taken` is once it has stopped growing. A standstill is no event: it is looked at.
async fn standstill(taken: &AtomicU64) -> u64 {
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let (mut last, mut same) = (0, 0);
    soon("a standstill", async {
        while same < 10 {
            looks.tick().await;
            let now = taken.load(Relaxed);
            same = if now == last && now > 0 { same + 1 } else { 0 };
            last = now;
        }
    })
    .await;
    last
}

/// A body that is sent piece by piece.
fn spoken() -> (mpsc::Sender<Result<Frame<Bytes>, BoxError>>, Body) {
    let (sender, receiver) = mpsc::channel(0);
    (sender, StreamBody::new(receiver).boxed_unsync())
}

async fn say(sender: &mut mpsc::Sender<Result<Frame<Bytes>, BoxError>>, text: &'static str) {
    sender.send(Ok(Frame::data(text.into()))).await.expect("somebody who listens");
}

/// The client sends far more than anybody holds to a replica that does not read it.
async fn check_upload(http2: bool, protocol: &str) {
    let (came, mut arrived) = unbounded_channel();
    let replica = Replica::start(move |request| {
        let came = came.clone();
        async move {
            came.send(()).expect("the test");
            // It keeps the body, and does not read it.
            std::future::pending::<()>().await;
            drop(request);
            Response::new(full(""))
        }
    })
    .await;
    let file = web(&format!("max-body: 1GiB\n{protocol}"), &[replica.address]);
    let gateway = Gateway::serve(&file).await;
    let before = gateway.memory_peak();
    let mut client = match http2 {
        true => Client::http2(gateway.address).await,
        false => Client::http1(gateway.address).await,
    };
    let (body, taken) = counted(1 << 30);
    let mut sending = std::pin::pin!(client.try_send(ask("POST", "/", body)));
    let stalled = tokio::select! {
        answer = &mut sending => panic!("answered: {answer:?}"),
        stalled = async { arrived.recv().await; standstill(&taken).await } => stalled,
    };
    assert!(stalled < STALLED_MOST, "{stalled} bytes were taken of the client");
    let more = gateway.memory_peak() - before;
    assert!(more < MEMORY_MOST, "{more} bytes more");
}

#[tokio::test]
async fn an_upload_that_nobody_reads_stands_still() {
    check_upload(false, "").await;
}

#[tokio::test]
async fn an_upload_over_http2_that_nobody_reads_stands_still() {
    check_upload(true, "protocol: h2c").await;
}

/// 64 MiB and more are sent to a client that does not read for a while, and then reads all.
async fn check_download(http2: bool, protocol: &str) {
    const SIZE: u64 = 96 << 20;
    let (began, mut begun) = unbounded_channel();
    let replica = Replica::start(move |_| {
        let (body, taken) = counted(SIZE);
        began.send(taken).expect("the test");
        async { Response::new(body) }
    })
    .await;
    let gateway = Gateway::serve(&web(protocol, &[replica.address])).await;
    let before = gateway.memory_peak();
    let mut client = match http2 {
        true => Client::http2(gateway.address).await,
        false => Client::http1(gateway.address).await,
    };
    let mut body = client.send(ask("GET", "/", full(""))).await.into_body();
    let taken = begun.recv().await.expect("a replica that was asked");
    let stalled = standstill(&taken).await;
    assert!(stalled < STALLED_MOST, "{stalled} bytes were taken of the replica");
    let mut read = 0;
    soon("the whole body", async {
        while let Some(frame) = body.frame().await {
            read += frame.expect("a whole body").into_data().expect("data").len() as u64;
        }
    })
    .await;
    assert_eq!(read, SIZE);
    let more = gateway.memory_peak() - before;
    assert!(more < MEMORY_MOST, "{more} bytes more");
}

#[tokio::test]
async fn a_download_that_is_read_late_is_not_held() {
    check_download(false, "").await;
}

#[tokio::test]
async fn a_download_over_http2_that_is_read_late_is_not_held() {
    check_download(true, "protocol: h2c").await;
}

#[tokio::test]
async fn the_first_byte_of_an_answer_comes_before_its_last_is_known() {
    let (give, mut given) = unbounded_channel();
    let replica = Replica::start(move |_| {
        let (speaker, body) = spoken();
        give.send(speaker).expect("the test");
        async { Response::new(body) }
    })
    .await;
    let gateway = Gateway::serve(&web("", &[replica.address])).await;
    let mut client = Client::http1(gateway.address).await;
    let mut body = client.send(ask("GET", "/", full(""))).await.into_body();
    let mut speaker = given.recv().await.expect("a replica that was asked");
    for word in ["one", "two"] {
        say(&mut speaker, word).await;
        assert_eq!(piece(&mut body).await, word);
    }
    drop(speaker);
    end(&mut body).await;
}

#[tokio::test]
async fn both_sides_speak_in_turn() {
    let replica = Replica::start(|request| async move {
        Response::new(request.into_body().map_err(Into::into).boxed_unsync())
    })
    .await;
    for (http2, words) in
        [(true, "protocol: h2c"), (true, ""), (false, "protocol: h2c"), (false, "")]
    {
        let gateway = Gateway::serve(&web(words, &[replica.address])).await;
        let mut client = match http2 {
            true => Client::http2(gateway.address).await,
            false => Client::http1(gateway.address).await,
        };
        let (mut speaker, body) = spoken();
        let (response, ()) =
            tokio::join!(client.send(ask("POST", "/", body)), say(&mut speaker, "hello"));
        let mut body = response.into_body();
        assert_eq!(piece(&mut body).await, "hello", "{http2} {words}");
        for word in ["how", "are", "you"] {
            say(&mut speaker, word).await;
            assert_eq!(piece(&mut body).await, word, "{http2} {words}");
        }
        drop(speaker);
        end(&mut body).await;
    }
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_has_ended() {
    let replica = Replica::start(|_| async { Response::new(full("enough")) }).await;
    for (http2, words) in
        [(true, "protocol: h2c"), (true, ""), (false, "protocol: h2c"), (false, "")]
    {
        let gateway = Gateway::serve(&web(words, &[replica.address])).await;
        let mut client = match http2 {
            true => Client::http2(gateway.address).await,
            false => Client::http1(gateway.address).await,
        };
        let (mut speaker, body) = spoken();
        let (answer, ()) =
            tokio::join!(client.whole(ask("POST", "/", body)), say(&mut speaker, "hello"));
        assert_eq!(answer.1, "enough", "{http2} {words}");
    }
}
