//! What do the tests' electors share? One store that can be taken away, a clock that is set by hand, and a
//! client that says what it is told to, byte by byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use metaparticle_sync::clock::Clock;
use metaparticle_sync::elector::{Desk, House, http};
use metaparticle_sync::lease::{Draft, Record};
use metaparticle_sync::moment::Moment;
use metaparticle_sync::name::{Identity, Name};
use metaparticle_sync::store::{Change, Memory, Store, Trouble, Which, Written};
use metaparticle_sync::sync::Sync;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

/// A clock that stands still until it is set.
#[derive(Debug, Clone)]
pub(crate) struct Manual(watch::Sender<Moment>);

impl Manual {
    pub(crate) fn pass(&self, seconds: f64) {
        self.0.send_modify(|now| *now = *now + Duration::from_secs_f64(seconds));
    }
}

impl Default for Manual {
    fn default() -> Self {
        Self(watch::Sender::new(Moment::at(Duration::from_secs(1000))))
    }
}

impl Clock for Manual {
    fn now(&self) -> Moment {
        *self.0.borrow()
    }

    fn sleep_until(&self, at: Moment) -> BoxFuture<'_, ()> {
        let mut told = self.0.subscribe();
        async move { told.wait_for(|now| *now >= at).await.map(drop).unwrap_or_default() }.boxed()
    }
}

/// A store that can be taken away, and counts what is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared {
    pub(crate) memory: Memory,
    pub(crate) away: Arc<AtomicBool>,
    pub(crate) writes: Arc<AtomicU64>,
}

impl Shared {
    fn trouble(&self) -> Option<Trouble> {
        self.away.load(Relaxed).then(|| Trouble::passing("nobody answers"))
    }

    fn write(&self, write: impl FnOnce(&Memory) -> Written) -> Written {
        self.writes.fetch_add(1, Relaxed);
        self.trouble().map_or_else(|| write(&self.memory), Written::Unknown)
    }
}

impl Store for Shared {
    fn get<'s>(&'s self, name: &'s Name) -> BoxFuture<'s, Result<Option<Arc<Record>>, Trouble>> {
        async move { self.trouble().map_or_else(|| Ok(self.memory.read(name)), Err) }.boxed()
    }

    fn create<'s>(&'s self, name: &'s Name, draft: &'s Draft) -> BoxFuture<'s, Written> {
        async move { self.write(|memory| memory.write(name, None, draft)) }.boxed()
    }

    fn replace<'s>(&'s self, over: &'s Record, draft: &'s Draft) -> BoxFuture<'s, Written> {
        async move { self.write(|memory| memory.write(&over.name, Some(&over.version), draft)) }
            .boxed()
    }

    fn watch(&self, which: &Which) -> BoxStream<'static, Change> {
        self.memory.watch(which)
    }
}

/// An elector, and where it listens. It is a process of its own as far as that goes: all its tasks, and all that
/// it knows, are in a runtime that ends with it.
pub(crate) struct Elector {
    pub(crate) address: SocketAddr,
    pub(crate) desk: Desk,
    pub(crate) lost: Arc<AtomicU64>,
    process: Option<Runtime>,
}

impl Elector {
    /// Starts one in a pod of this uid.
    pub(crate) async fn start(shared: &Shared, clock: impl Clock, uid: &str, native: bool) -> Self {
        let sync = Sync::new(shared.clone(), clock);
        let lost = Arc::new(AtomicU64::new(0));
        let counts = Arc::clone(&lost);
        let on_lost = Box::new(move |_: &str, _| _ = counts.fetch_add(1, Relaxed));
        let house = House::new(&sync, "test")
            .pod(Some(format!("pod-{uid}")))
            .native(native)
            .on_lost(on_lost);
        let me = Identity::of(uid).expect("somebody");
        let process = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let process = process.expect("a runtime");
        let (open, opened) = oneshot::channel();
        process.spawn(async move {
            let desk = Desk::open(house, vec![me.clone()]);
            let door = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = door.local_addr().expect("an address");
            open.send((desk.clone(), address)).ok();
            http::serve(door, desk, me).await;
        });
        let (desk, address) = opened.await.expect("it opens");
        Self { address, desk, lost, process: Some(process) }
    }

    /// Ends it at once, as a crash would: nothing of it goes on, not even what keeps its locks.
    pub(crate) fn crash(self) {
        drop(self);
    }

    /// What it answers to a method and a path.
    pub(crate) async fn ask(&self, line: &str) -> (u16, Value) {
        self.say(&format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")).await
    }

    /// What it answers to these bytes: the status, and the body, which is JSON or nothing.
    pub(crate) async fn say(&self, request: &str) -> (u16, Value) {
        let (head, body) = self.raw(request.as_bytes()).await;
        let status =
            head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        if status != 204 && !body.is_empty() {
            let length = format!("content-length: {}", body.len());
            assert!(head.to_lowercase().contains(&length), "{head}");
        }
        let parsed = serde_json::from_str(&body);
        (status, parsed.unwrap_or(Value::String(body)))
    }

    pub(crate) async fn raw(&self, request: &[u8]) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        stream.write_all(request).await.expect("it reads");
        let mut answer = Vec::new();
        let read = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
        // Whoever is refused in the middle of its request may see the connection reset after the answer.
        drop(read.expect("it answers in time"));
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        (head.to_owned(), body.to_owned())
    }

    /// A watcher of a lock, which reads or does not.
    pub(crate) async fn watch(&self, name: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        let ask = format!("GET /locks/{name}?watch HTTP/1.1\r\nhost: x\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.expect("it reads");
        stream
    }

    /// Until it has heard that lock `a` is this owner's: news come by a watch, which no question waits for.
    pub(crate) async fn hears_of(&self, owner: &str) {
        let mut told = self.watch("a").await;
        read_until(&mut told, &format!("\"owner\":\"{owner}\"")).await;
    }

    /// The status alone.
    pub(crate) async fn status(&self, line: &str) -> u16 {
        self.ask(line).await.0
    }
}

/// Reads until this was said, in time.
pub(crate) async fn read_until(stream: &mut TcpStream, what: &str) {
    let mut seen = String::new();
    let mut bytes = [0; 4096];
    while !seen.contains(what) {
        let read = timeout(Duration::from_secs(20), stream.read(&mut bytes)).await;
        let read =
            read.unwrap_or_else(|_| panic!("it does not say {what}: {seen}")).expect("it tells");
        assert!(read > 0, "it ended: {seen}");
        seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
}

impl Drop for Elector {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.shutdown_background();
        }
    }
}
