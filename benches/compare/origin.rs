//! Who stands behind the gateways? Replicas on as many ports, in one thread of this process, so
//! cheap that the gateway before them is always what is measured.
//!
//! An answer is made once and written in one piece; of a request only the end of its head is looked
//! for. Each answer says in `x-origin` who gave it. What was answered is counted here: a load's
//! requests are counted by those who got them, within a window, whatever the load's program says.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use anyhow::Context;
use memchr::memmem::Finder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::ports;
use crate::works::{Merge, Pattern, Work};

/// The replicas of a work; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Origins {
    pub(crate) replicas: Vec<Replica>,
    answered: Arc<AtomicU64>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) body: String,
}

impl Origins {
    pub(crate) fn start(work: &Work) -> anyhow::Result<Self> {
        let replica = |number| {
            let name = format!("origin-{number:02}");
            anyhow::Ok(Replica { name, address: ports::free()?, body: body(work, number) })
        };
        let replicas = (0..work.replicas).map(replica).collect::<Result<Vec<_>, _>>()?;
        let answered = Arc::new(AtomicU64::new(0));
        let (end, ended) = oneshot::channel();
        let (listening, listens) = std::sync::mpsc::channel();
        let (all, counter) = (replicas.clone(), Arc::clone(&answered));
        let thread = std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_io().build();
            let started = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
                runtime.block_on(listen(all, &counter))?;
                Ok(runtime)
            });
            match started {
                Ok(runtime) => {
                    listening.send(Ok(())).ok();
                    // Whoever started this may have gone without a word: that is an end, too.
                    runtime.block_on(ended).ok();
                }
                Err(error) => {
                    listening.send(Err(error)).ok();
                }
            }
        });
        listens.recv().context("the replicas' thread has ended")??;
        Ok(Self { replicas, answered, end: Some(end), thread: Some(thread) })
    }

    /// How many requests were answered so far.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// `line` for each replica, with its number.
    pub(crate) fn lines(&self, line: impl Fn(usize, &Replica) -> String) -> String {
        let all = self.replicas.iter().enumerate();
        all.map(|(number, replica)| line(number, replica)).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Origins {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end.send(()).ok();
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// What the replica `number` answers.
fn body(work: &Work, number: usize) -> String {
    let id = |place: usize| 1000 * (number + 1) + place;
    match work.pattern {
        Pattern::Scatter(Merge::Array) => {
            let items =
                (0..4).map(|place| format!("{{\"id\":{},\"name\":\"u-{place}\"}}", id(place)));
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        }
        Pattern::Scatter(Merge::Object) => {
            let items =
                (0..4).map(|place| format!("\"user-{:05}\":{{\"name\":\"u-{place}\"}}", id(place)));
            format!("{{{}}}", items.collect::<Vec<_>>().join(","))
        }
        Pattern::Spread | Pattern::ByHeader | Pattern::ByPath => "x".repeat(work.bytes),
    }
}

async fn listen(replicas: Vec<Replica>, answered: &Arc<AtomicU64>) -> anyhow::Result<()> {
    for Replica { name, address, body } in replicas {
        let listener = TcpListener::bind(address).await?;
        let kind = if body.starts_with('x') { "text/plain" } else { "application/json" };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ndate: Sat, 01 Jan 2028 00:00:00 GMT\r\ncontent-type: {kind}\r\n\
             content-length: {length}\r\nx-origin: {name}\r\n\r\n{body}"
        );
        let (answer, answered) = (Arc::<[u8]>::from(answer.into_bytes()), Arc::clone(answered));
        Handle::current().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, answered) = (Arc::clone(&answer), Arc::clone(&answered));
                // How a connection ends is the gateway's affair.
                Handle::current()
                    .spawn(async move { serve(stream, &answer, &answered).await.ok() });
            }
        });
    }
    Ok(())
}

async fn serve(mut stream: TcpStream, answer: &[u8], answered: &AtomicU64) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let end = Finder::new(b"\r\n\r\n");
    let mut read = Vec::with_capacity(4096);
    loop {
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
        let mut done = 0;
        while let Some(place) = end.find(&read[done..]) {
            done += place + 4;
            stream.write_all(answer).await?;
            answered.fetch_add(1, Ordering::Relaxed);
        }
        read.drain(..done);
    }
}
