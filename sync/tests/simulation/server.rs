//! How does one node see the API server? Through a network that delays, forgets and repeats.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use metaparticle_sync::lease::{Draft, Record};
use metaparticle_sync::name::Name;
use metaparticle_sync::store::{Change, Memory, Store, Trouble, Which, Written};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use crate::faults::{Fate, Faults};
use crate::judge::Journal;

/// What all nodes share.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) memory: Memory,
    pub(crate) journal: Journal,
    pub(crate) faults: Arc<Faults>,
    pub(crate) compares: bool,
    pub(crate) begun: Instant,
    pub(crate) requests: Arc<AtomicU64>,
    pub(crate) at_fault: Arc<AtomicU64>,
    pub(crate) tracker: TaskTracker,
}

/// The server, as one node sees it.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) server: Server,
    pub(crate) node: usize,
    rng: Arc<Mutex<Rng>>,
    /// The node has fallen silent.
    crashed: watch::Receiver<bool>,
}

impl Link {
    pub(crate) fn new(
        server: Server,
        node: usize,
        seed: u64,
        crashed: watch::Receiver<bool>,
    ) -> Self {
        Self { server, node, rng: Arc::new(Mutex::new(Rng::with_seed(seed))), crashed }
    }

    fn now(&self) -> Duration {
        self.server.begun.elapsed()
    }

    fn draw<T>(&self, draw: impl FnOnce(&Faults, &mut Rng, Duration) -> T) -> T {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        draw(&self.server.faults, &mut rng, self.now())
    }

    fn is_crashed(&self) -> bool {
        *self.crashed.borrow()
    }

    /// Does `act` at the server, or not; an answer, or never one.
    async fn request<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Server) -> T + Send + 'static,
    ) -> Result<T, u16> {
        let node = self.node;
        let fate = self.draw(|faults, rng, now| faults.fate(rng, node, now));
        let (there, back) =
            self.draw(|faults, rng, now| (faults.delay(rng, now), faults.delay(rng, now)));
        self.server.requests.fetch_add(1, Relaxed);
        self.server.at_fault.fetch_add(u64::from(fate != Fate::Well), Relaxed);
        if self.is_crashed() {
            return std::future::pending().await;
        }
        // What is on its way arrives, whether anybody still waits for it or not.
        let (server, link) = (self.server.clone(), self.clone());
        let done = self.server.tracker.spawn(async move {
            sleep(there).await;
            match fate {
                Fate::Lost | Fate::Refused(_) => None,
                Fate::Late(late) => {
                    sleep(late).await;
                    Some(act(&server))
                }
                Fate::Well | Fate::Unanswered | Fate::DoneAndFailed => {
                    (!link.is_crashed()).then(|| act(&server))
                }
            }
        });
        let done = done.await.expect("the server does not panic");
        sleep(back).await;
        match (fate, done) {
            (Fate::Well, Some(done)) => Ok(done),
            (Fate::Refused(code), _) => Err(code),
            (Fate::DoneAndFailed, _) => Err(500),
            _ => std::future::pending().await,
        }
    }

    async fn write(&self, name: Name, over: Option<Arc<Record>>, draft: Draft) -> Written {
        let (node, sent) = (self.node, self.now());
        let outcome = self
            .request(move |server| {
                let seen = over.as_ref().map(|record| record.version.clone());
                let now = server.memory.read(&name).map(|record| record.version.clone());
                let version = if server.compares { seen.as_ref() } else { now.as_ref() };
                let written = server.memory.write(&name, version, &draft);
                if let (Written::Done(_), None) = (&written, &over) {
                    server.journal.created(node, sent);
                }
                if let (Written::Done(_), None) = (&written, &draft.holder) {
                    server.journal.gave_back(node);
                }
                written
            })
            .await;
        match outcome {
            Ok(written) => written,
            Err(409) => Written::Conflict,
            Err(500) => Written::Unknown(Trouble::passing("500")),
            Err(code) => Written::Refused(Trouble::passing(&code.to_string())),
        }
    }
}

impl Store for Link {
    fn get<'s>(&'s self, name: &'s Name) -> BoxFuture<'s, Result<Option<Arc<Record>>, Trouble>> {
        let name = name.clone();
        async move {
            // Who reads may be a contender of before, which gives back what it may have won: what that sees
            // nobody else knows. Whoever waits hears it of its watch.
            let read = self.request(move |server| server.memory.read(&name)).await;
            read.map_err(|code| Trouble::passing(&code.to_string()))
        }
        .boxed()
    }

    fn create<'s>(&'s self, name: &'s Name, draft: &'s Draft) -> BoxFuture<'s, Written> {
        self.write(name.clone(), None, draft.clone()).boxed()
    }

    fn replace<'s>(&'s self, over: &'s Record, draft: &'s Draft) -> BoxFuture<'s, Written> {
        self.write(over.name.clone(), Some(Arc::new(over.clone())), draft.clone()).boxed()
    }

    fn watch(&self, which: &Which) -> BoxStream<'static, Change> {
        let (link, which) = (self.clone(), which.clone());
        let events = self.server.memory.watch(&which);
        let later = stream::unfold((link, which, events), |(link, which, mut events)| async {
            let event = events.next().await?;
            let (delay, twice, breaks) = link.draw(|faults, rng, now| faults.event(rng, now));
            sleep(delay).await;
            if link.is_crashed() {
                return std::future::pending().await;
            }
            let mut told = vec![event.clone()];
            if twice {
                told.push(event);
            }
            if breaks {
                // 410: what is there is told again from the beginning.
                told = vec![Change::Broken(Trouble::passing("410"))];
                events = link.server.memory.watch(&which);
            }
            if told.iter().any(|change| matches!(change, Change::Is(_))) {
                link.server.journal.saw(link.node);
            }
            Some((stream::iter(told), (link, which, events)))
        });
        later.flatten().boxed()
    }
}
