//! How does one process see the API server? Through a network that delays, forgets and repeats.

use std::collections::BTreeMap;
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
use metaparticle_sync::term::{Term, Version};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use crate::faults::{Fate, Faults};
use crate::journal::Journal;
use crate::register::{Asked, Register, Way};
use crate::world::Rules;

/// What all processes share.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) memory: Memory,
    pub(crate) register: Register,
    pub(crate) journal: Journal,
    pub(crate) faults: Arc<Faults>,
    pub(crate) rules: Rules,
    pub(crate) begun: Instant,
    pub(crate) requests: Arc<AtomicU64>,
    pub(crate) at_fault: Arc<AtomicU64>,
    pub(crate) tracker: TaskTracker,
    /// What the clock on its writer's wall said when a record was sent.
    pub(crate) walls: Arc<Mutex<BTreeMap<Version, Duration>>>,
}

/// Who is it, and where does it run?
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) process: usize,
    pub(crate) machine: usize,
    /// How far the clock on its wall is ahead.
    pub(crate) ahead: Duration,
}

/// The server, as one process sees it.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) server: Server,
    pub(crate) place: Place,
    rng: Arc<Mutex<Rng>>,
    /// The process has fallen silent.
    crashed: watch::Receiver<bool>,
}

impl Link {
    pub(crate) fn new(
        server: Server,
        place: Place,
        seed: u64,
        crashed: watch::Receiver<bool>,
    ) -> Self {
        Self { server, place, rng: Arc::new(Mutex::new(Rng::with_seed(seed))), crashed }
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
        let machine = self.place.machine;
        let fate = self.draw(|faults, rng, now| faults.fate(rng, machine, now));
        let (there, back) =
            self.draw(|faults, rng, now| (faults.delay(rng, now), faults.delay(rng, now)));
        if self.is_crashed() {
            return std::future::pending().await;
        }
        self.server.requests.fetch_add(1, Relaxed);
        self.server.at_fault.fetch_add(u64::from(fate != Fate::Well), Relaxed);
        // What is on its way arrives, whether whoever sent it still waits, or lives, or not.
        let server = self.server.clone();
        let done = self.server.tracker.spawn(async move {
            sleep(there).await;
            match fate {
                Fate::Lost | Fate::Refused(_) => return None,
                Fate::Late(late) => sleep(late).await,
                Fate::Well | Fate::Unanswered | Fate::DoneAndFailed => {}
            }
            Some(act(&server))
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
        let (place, sent) = (self.place, self.now());
        let outcome = self
            .request(move |server| {
                let seen = over.as_ref().map(|record| record.version.clone());
                let now = server.memory.read(&name).map(|record| record.version.clone());
                let version = if server.rules.compares { seen.as_ref() } else { now.as_ref() };
                let written = server.memory.write(&name, version, &draft);
                if let Written::Done(record) = &written {
                    server.took((place, sent), over.as_deref(), record);
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

    /// What this process makes of a record. As it should be, unless it judges others by the clock on its wall:
    /// then they have as long as the time that they wrote says.
    fn judged(&self, record: Arc<Record>) -> Arc<Record> {
        if !self.server.rules.wall {
            return record;
        }
        let walls = self.server.walls.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(wrote) = walls.get(&record.version) else { return record };
        let ends = *wrote + record.duration.unwrap_or_default();
        let left = ends.saturating_sub(self.now() + self.place.ahead);
        Arc::new(Record { duration: Some(left), ..(*record).clone() })
    }

    /// An event, as it comes to this process.
    fn told(&self, change: Change) -> Change {
        match change {
            Change::Is(record) => {
                self.server.journal.saw(self.place.process, &record.name);
                Change::Is(self.judged(record))
            }
            Change::All(records) => {
                Change::All(records.into_iter().map(|record| self.judged(record)).collect())
            }
            change @ (Change::Gone(_) | Change::Broken(_)) => change,
        }
    }

    /// Asks the register, and waits for no answer.
    pub(crate) fn ask(&self, term: &Term, asked: Asked) {
        let machine = self.place.machine;
        let way = self.draw(|faults, rng, now| {
            let fate = faults.fate(rng, machine, now);
            Way::draw(rng, fate)
        });
        let register = self.server.register.clone();
        drop(self.server.tracker.spawn(register.ask(term.clone(), asked, way)));
    }
}

impl Server {
    /// Writes down that a write was accepted.
    fn took(&self, (place, sent): (Place, Duration), over: Option<&Record>, record: &Record) {
        let mut walls = self.walls.lock().unwrap_or_else(PoisonError::into_inner);
        walls.insert(record.version.clone(), sent + place.ahead);
        let of = (&record.name, &record.version, record.holder.as_ref());
        self.journal.wrote((place.process, sent), of, over.is_none());
        if let (None, Some(before)) = (&record.holder, over.and_then(|over| over.holder.as_ref())) {
            let is_session = record.name.as_str().contains("-session-");
            self.journal.gave_back(&record.name, before, is_session);
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
            let read = read.map(|record| record.map(|record| self.judged(record)));
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
            let told = if breaks {
                // 410: what is there is told again from the beginning.
                events = link.server.memory.watch(&which);
                Change::Broken(Trouble::passing("410"))
            } else {
                link.told(event)
            };
            let times = if twice && !breaks { 2 } else { 1 };
            Some((stream::iter(vec![told; times]), (link, which, events)))
        });
        later.flatten().boxed()
    }
}
