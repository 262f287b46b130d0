//! Is a request ever lost to our own doing? While the file changes, while replicas come and go, and
//! while the gateway ends.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt as _, StreamExt as _};
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::client::{Client, Raw, ask, end, piece};
use crate::replica::{BoxError, Replica, full};
use crate::world::{Folder, Gateway, soon, web};

const CLIENTS: usize = 32;
const REQUEST: &str = "GET /load HTTP/1.1\r\nHost: a\r\n\r\n";
/// It goes on accepting for longer than any test takes, and is killed with its guard.
const ENDS_LATE: [&str; 2] = ["--drain-delay", "5m"];

/// Clients that ask without a pause, each on a connection that it keeps as long as it may.
struct Load {
    clients: JoinSet<Vec<String>>,
    stop: watch::Sender<bool>,
    /// How often each has been answered.
    answered: watch::Receiver<[u64; CLIENTS]>,
}

impl Load {
    fn start(address: SocketAddr) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (counts, answered) = watch::channel([0; CLIENTS]);
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let counts = counts.clone();
            let answered = move || counts.send_modify(|counts| counts[number] += 1);
            clients.spawn(keep_asking(address, stopped.clone(), answered));
        }
        Self { clients, stop, answered }
    }

    /// Until so many more have been answered.
    async fn goes_on(&mut self, more: u64) {
        let goal = self.answered.borrow_and_update().iter().sum::<u64>() + more;
        let reached = self.answered.wait_for(|counts| counts.iter().sum::<u64>() >= goal);
        soon(&format!("{more} more answers"), reached).await.expect("clients that ask");
    }

    /// Until every client has been answered so many times more.
    async fn each_goes_on(&mut self, more: u64) {
        let before = *self.answered.borrow_and_update();
        let all = |counts: &[u64; CLIENTS]| {
            counts.iter().zip(before).all(|(count, before)| *count >= before + more)
        };
        let reached = self.answered.wait_for(all);
        soon(&format!("{more} more answers to each"), reached).await.expect("clients that ask");
    }

    /// Ends it: what was lost.
    async fn end(self) -> Vec<String> {
        self.stop.send_replace(true);
        self.ended().await
    }

    /// The gateway has ended it: what was lost.
    async fn ended(self) -> Vec<String> {
        soon("the end of the load", self.clients.join_all()).await.concat()
    }
}

/// Asks until `stop`, or until nobody listens; gives what was not answered as it should.
async fn keep_asking(
    address: SocketAddr,
    stop: watch::Receiver<bool>,
    answered: impl Fn(),
) -> Vec<String> {
    let mut lost = Vec::new();
    while !*stop.borrow() {
        let mut raw = match Raw::try_connect(address).await {
            Ok(raw) => raw,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return lost,
            Err(error) => {
                lost.push(format!("connecting: {error}"));
                continue;
            }
        };
        for number in 1.. {
            let answer = match raw.try_send(REQUEST).await {
                Ok(()) => raw.try_answer(false).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(answer) if answer.status == 200 => {
                    answered();
                    if answer.header("connection") == Some("close") || *stop.borrow() {
                        break;
                    }
                }
                Ok(answer) => lost.push(format!("{} {}", answer.status, answer.text())),
                Err(error) => {
                    lost.push(format!("request {number} of its connection: {error}"));
                    break;
                }
            }
        }
    }
    lost
}

/// A replica that counts.
async fn counting() -> (Replica, Arc<AtomicU64>) {
    counting_at(([127, 0, 0, 1], 0).into()).await
}

/// The same, at this address.
async fn counting_at(address: SocketAddr) -> (Replica, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let replica = Replica::start_at(address, move |_| {
        counter.fetch_add(1, Relaxed);
        async { Response::new(full("ok")) }
    })
    .await;
    (replica, count)
}

#[tokio::test]
async fn editing_the_file_loses_no_request() {
    let (old, asked_old) = counting().await;
    let (new, asked_new) = counting().await;
    let mut gateway = Gateway::serve(&web("", &[old.address])).await;
    let mut load = Load::start(gateway.address);
    load.goes_on(200).await;
    gateway.edit(&web("", &[old.address, new.address]));
    gateway.says("the file was read again").await;
    load.goes_on(200).await;
    gateway.edit("services: [ this is wrong\n");
    gateway.says("what the file said last stays in force").await;
    load.goes_on(200).await;
    gateway.edit(&web("pattern: shard", &[new.address]));
    gateway.says("the file was read again").await;
    // What was under way may still go by the picture before: one answer to each client ends that.
    load.each_goes_on(2).await;
    let (before, new_before) = (asked_old.load(Relaxed), asked_new.load(Relaxed));
    load.goes_on(200).await;
    assert_eq!(asked_old.load(Relaxed), before, "who is out of the file is asked no more");
    assert!(asked_new.load(Relaxed) > new_before);
    assert_eq!(load.end().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_replica_that_dies_and_comes_back_loses_no_request() {
    let (one, _) = counting().await;
    let (two, _) = counting().await;
    // Where nobody else takes ports: it comes back to the same.
    let (three, _) = counting_at(([127, 0, 0, 2], 0).into()).await;
    let address = three.address;
    let file = web("", &[one.address, two.address, address]);
    let gateway = Gateway::serve(&file).await;
    let mut load = Load::start(gateway.address);
    load.goes_on(300).await;
    drop(three);
    load.goes_on(300).await;
    let (_three, asked) = counting_at(address).await;
    soon("its return", async {
        while asked.load(Relaxed) == 0 {
            load.goes_on(100).await;
        }
    })
    .await;
    assert_eq!(load.end().await, Vec::<String>::new());
}

#[tokio::test]
async fn ending_under_load_loses_no_request() {
    let (one, _) = counting().await;
    let (two, _) = counting().await;
    let file = web("", &[one.address, two.address]);
    let flags = ["--drain-delay", "300ms", "--drain-timeout", "10s"];
    let mut gateway = Gateway::serve_with(&file, Folder::new(), &flags).await;
    let mut load = Load::start(gateway.address);
    load.goes_on(500).await;
    gateway.terminate().await;
    assert_eq!(load.ended().await, Vec::<String>::new());
    assert!(gateway.exit().await.success());
}

#[tokio::test]
async fn who_was_idle_is_answered_while_it_ends() {
    let (replica, _) = counting().await;
    let file = web("", &[replica.address]);
    let mut gateway = Gateway::serve_with(&file, Folder::new(), &ENDS_LATE).await;
    let mut idle = Raw::connect(gateway.address).await;
    idle.send(REQUEST).await;
    assert_eq!(idle.answer().await.header("connection"), None);
    gateway.terminate().await;
    gateway.says("ending").await;
    let mut late = Raw::connect(gateway.address).await;
    for raw in [&mut idle, &mut late] {
        // Each request is answered, until an answer says that it is the last.
        let mut last = false;
        while !last {
            raw.send(REQUEST).await;
            let answer = raw.answer().await;
            assert_eq!(answer.status, 200);
            last = answer.header("connection") == Some("close");
        }
        assert!(raw.closed().await.is_empty());
    }
}

#[tokio::test]
async fn who_says_nothing_does_not_keep_it() {
    let (replica, _) = counting().await;
    let file = web("", &[replica.address]);
    // Were it kept, it would be for longer than this test waits.
    let flags = ["--drain-delay", "10ms", "--drain-timeout", "5m"];
    let mut gateway = Gateway::serve_with(&file, Folder::new(), &flags).await;
    let mut idle = Raw::connect(gateway.address).await;
    idle.send(REQUEST).await;
    assert_eq!(idle.answer().await.status, 200);
    let mut silent = Raw::connect(gateway.address).await;
    gateway.terminate().await;
    assert!(idle.closed().await.is_empty());
    assert!(silent.closed().await.is_empty());
    assert!(gateway.exit().await.success());
}

#[tokio::test]
async fn who_looks_whether_it_is_ready_sees_it_end() {
    let mut gateway = Gateway::serve_with(&web("", &[]), Folder::new(), &ENDS_LATE).await;
    let ready = async |admin| {
        let mut raw = Raw::connect(admin).await;
        raw.send("GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        raw.answer().await.status
    };
    assert_eq!(ready(gateway.admin).await, 200);
    gateway.terminate().await;
    gateway.says("ending").await;
    // The line comes a moment before.
    soon("its draining", async { while ready(gateway.admin).await == 200 {} }).await;
    assert_eq!(ready(gateway.admin).await, 503);
    Raw::connect(gateway.address).await;
}

/// A gateway that is ending while an answer is under way: what gives the answer, what takes it.
struct Download {
    gateway: Gateway,
    speaker: mpsc::Sender<Result<Frame<Bytes>, BoxError>>,
    body: hyper::body::Incoming,
    _kept: (Replica, Client),
}

impl Download {
    async fn start(http2: bool, drain_timeout: &str) -> Self {
        let (give, given) = mpsc::channel(1);
        let replica = Replica::start(move |_| {
            let (speaker, receiver) = mpsc::channel(0);
            give.clone().try_send(speaker).expect("the test");
            async { Response::new(StreamBody::new(receiver).boxed_unsync()) }
        })
        .await;
        let flags = ["--drain-delay", "10ms", "--drain-timeout", drain_timeout];
        let file = web("", &[replica.address]);
        let gateway = Gateway::serve_with(&file, Folder::new(), &flags).await;
        let mut client = match http2 {
            true => Client::http2(gateway.address).await,
            false => Client::http1(gateway.address).await,
        };
        let body = client.send(ask("GET", "/", full(""))).await.into_body();
        let speaker = given.into_future().await.0.expect("a replica that was asked");
        let mut this = Self { gateway, speaker, body, _kept: (replica, client) };
        this.passes("before").await;
        this.gateway.terminate().await;
        this.gateway.says("ending").await;
        this
    }

    async fn passes(&mut self, text: &'static str) {
        self.speaker.send(Ok(Frame::data(text.into()))).await.expect("somebody who listens");
        assert_eq!(piece(&mut self.body).await, text);
    }
}

#[tokio::test]
async fn what_is_in_flight_is_finished() {
    for http2 in [false, true] {
        let mut download = Download::start(http2, "20s").await;
        // Nobody is accepted any more: that is no event, it is looked at.
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        soon("its door to close", async {
            while Raw::try_connect(download.gateway.address).await.is_ok() {
                looks.tick().await;
            }
        })
        .await;
        download.passes("after").await;
        download.speaker.close_channel();
        end(&mut download.body).await;
        assert!(download.gateway.exit().await.success());
    }
}

#[tokio::test]
async fn what_takes_too_long_is_cut_off() {
    let mut download = Download::start(false, "100ms").await;
    download.gateway.says("is cut off").await;
    let end = soon("the end", download.body.frame()).await;
    assert!(end.is_some_and(|frame| frame.is_err()), "an answer that was cut must not look whole");
    assert!(download.gateway.exit().await.success());
}
