//! Whom is a question about a lock put to? To its clerk: one for each lock and identity, made when first asked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{interval, timeout};

use crate::elector::ask::{Answer, Ask};
use crate::elector::clerk::{Clerk, MANAGED, TTL};
use crate::elector::metrics::Counts;
use crate::elector::page::Lock;
use crate::holder::World;
use crate::lease::{Lease, Record, Timing, Why};
use crate::lock::CALLED;
use crate::name::{Identity, Name};
use crate::store::{Change, Which};
use crate::sync::Sync;

/// Locks that are asked about at a time: more than that are busy.
const CLERKS_MOST: usize = 10_000;
/// Questions about one lock that wait: more than that are busy.
const WAITING_MOST: usize = 64;
/// How long a question may take: clients have 10 s, and no more than one heartbeat.
const ANSWER_WITHIN: Duration = Duration::from_secs(6);
/// A client that did not ask for so long has ended, or will find out at its next heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(12);
/// A store that does not answer in that time is not waited for.
const PEEK_WITHIN: Duration = Duration::from_secs(1);

/// What is done when a lock is lost that a client counted on.
pub type OnLost = Box<dyn Fn(&str, Why) + Send + std::marker::Sync>;

/// What all clerks share.
pub struct House {
    pub(super) world: World,
    pub(super) namespace: String,
    /// The pod that this is in.
    pub(super) pod: Option<String>,
    /// How much longer to wait for a holder that fell silent.
    pub(super) lock_delay: Duration,
    pub(super) on_lost: OnLost,
    /// The application has ended before this was told to: nobody counts on anything any more.
    pub(super) native: bool,
    pub(super) counts: Counts,
    draining: AtomicBool,
    watching: AtomicBool,
    clerks: Mutex<BTreeMap<(Identity, String), Entry>>,
}

#[derive(Debug, Clone)]
struct Entry {
    name: Name,
    asks: mpsc::Sender<Ask>,
    shown: watch::Receiver<Option<Lock>>,
}

/// Where questions are put. All clones are one.
#[derive(Debug, Clone)]
pub struct Desk {
    pub(super) house: Arc<House>,
}

impl House {
    /// A house for locks of `sync`, in which nothing is known yet.
    #[must_use]
    pub fn new(sync: &Sync, namespace: &str) -> Self {
        Self {
            world: sync.world().clone(),
            namespace: namespace.to_owned(),
            pod: None,
            lock_delay: Duration::ZERO,
            on_lost: Box::new(|_, _| {}),
            native: false,
            counts: Counts::default(),
            draining: AtomicBool::new(false),
            watching: AtomicBool::new(false),
            clerks: Mutex::default(),
        }
    }

    /// Says in every Lease that its holder is in this pod.
    #[must_use]
    pub fn pod(self, pod: Option<String>) -> Self {
        Self { pod, ..self }
    }

    /// Waits so much longer for a holder that fell silent.
    #[must_use]
    pub fn lock_delay(self, lock_delay: Duration) -> Self {
        Self { lock_delay, ..self }
    }

    /// Does this when a lock is lost that a client counted on.
    #[must_use]
    pub fn on_lost(self, on_lost: OnLost) -> Self {
        Self { on_lost, ..self }
    }

    /// The application has ended when this is told to end, as a native side-car's has.
    #[must_use]
    pub fn native(self, native: bool) -> Self {
        Self { native, ..self }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    pub(super) fn is_watching(&self) -> bool {
        self.watching.load(Relaxed)
    }

    /// After how long a client is taken to have gone.
    pub(super) fn silent(&self, usually: Duration) -> Duration {
        match (self.is_draining(), self.native) {
            (false, _) => usually,
            (true, false) => HEARTBEAT,
            (true, true) => Duration::ZERO,
        }
    }

    pub(super) fn forget(&self, me: &Identity, called: &str) {
        self.clerks().remove(&(me.clone(), called.to_owned()));
    }

    fn clerks(&self) -> MutexGuard<'_, BTreeMap<(Identity, String), Entry>> {
        self.clerks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Opens it, for these identities: what they held before is held again, and news are heard.
    #[must_use]
    pub fn open(house: House, identities: Vec<Identity>) -> Self {
        let desk = Self { house: Arc::new(house) };
        let tasks = desk.house.world.tasks.clone();
        let (hears, stopped) = (desk.clone(), tasks.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = hears.hear(identities) => {}
                () = stopped.stopped() => {}
            }
        });
        desk
    }

    async fn hear(self, identities: Vec<Identity>) {
        let which = Which::Label(MANAGED.0.to_owned(), MANAGED.1.to_owned());
        let mut changes = self.house.world.watch(&which);
        let mut first = true;
        while let Some(change) = changes.next().await {
            self.house.watching.store(!matches!(change, Change::Broken(_)), Relaxed);
            match change {
                Change::Is(record) => self.tell(&record.name.clone(), Some(&record)),
                Change::Gone(name) => self.tell(&name, None),
                Change::All(records) => {
                    if std::mem::take(&mut first) {
                        records.iter().for_each(|record| self.reclaim(record, &identities));
                    }
                    records.iter().for_each(|record| self.tell(&record.name, Some(record)));
                }
                Change::Broken(trouble) => tracing::warn!(%trouble, "the watch broke"),
            }
        }
    }

    fn tell(&self, name: &Name, record: Option<&Arc<Record>>) {
        for entry in self.house.clerks().values().filter(|entry| entry.name == *name) {
            // Whoever has too much to do looks for itself.
            entry.asks.try_send(Ask::Heard(record.cloned())).ok();
        }
    }

    /// What this very pod held before its elector was started again is held on: its application may not even
    /// have noticed.
    fn reclaim(&self, record: &Record, identities: &[Identity]) {
        let Some(me) = record.holder.as_ref().filter(|holder| identities.contains(holder)) else {
            return;
        };
        let called =
            record.marks.annotations.get(CALLED).map_or(record.name.as_str(), String::as_str);
        if let Some(entry) = self.entry(me, called) {
            entry.asks.try_send(Ask::Reclaim).ok();
        }
    }

    /// The clerk of a lock, made when there is none; none, when there are too many.
    fn entry(&self, me: &Identity, called: &str) -> Option<Entry> {
        let key = (me.clone(), called.to_owned());
        let mut clerks = self.house.clerks();
        if let Some(entry) = clerks.get(&key) {
            return Some(entry.clone());
        }
        // A clerk that began after all were ended would never end.
        if self.house.is_draining() || clerks.len() >= CLERKS_MOST {
            return None;
        }
        let (asks, asked) = mpsc::channel(WAITING_MOST);
        let (show, shown) = watch::channel(None);
        let clerk = Clerk::new(Arc::clone(&self.house), called, me, show);
        self.house.world.tasks.spawn(clerk.run(asked));
        let entry = Entry { name: Name::of(called), asks, shown };
        clerks.insert(key, entry.clone());
        Some(entry)
    }

    fn known(&self, me: &Identity, called: &str) -> Option<Entry> {
        self.house.clerks().get(&(me.clone(), called.to_owned())).cloned()
    }

    async fn ask(
        &self,
        entry: &Entry,
        ask: impl FnOnce(oneshot::Sender<Answer>) -> Ask,
    ) -> Option<Answer> {
        let (answer, answered) = oneshot::channel();
        let asking = async {
            entry.asks.send(ask(answer)).await.ok()?;
            answered.await.ok()
        };
        timeout(ANSWER_WITHIN, asking).await.ok().flatten()
    }

    /// Acquires a lock for `me`, or keeps it.
    pub(super) async fn put(
        &self,
        me: &Identity,
        called: &str,
        client: Option<String>,
        creates: bool,
    ) -> Answer {
        let given = match self.entry(me, called) {
            Some(entry) => self.ask(&entry, |answer| Ask::Put { client, creates, answer }).await,
            None => None,
        };
        // Nobody can say that it is theirs.
        given.unwrap_or_else(|| Answer::Busy(self.nothing(me, called)))
    }

    /// Gives a lock back.
    pub(super) async fn delete(
        &self,
        me: &Identity,
        called: &str,
        client: Option<String>,
    ) -> Answer {
        let given = match self.entry(me, called) {
            Some(entry) => self.ask(&entry, |answer| Ask::Delete { client, answer }).await,
            None => None,
        };
        given.unwrap_or_else(|| Answer::Busy(self.nothing(me, called)))
    }

    /// Shows a lock; whoever only looks leaves no trace.
    pub(super) async fn get(&self, me: &Identity, called: &str) -> Answer {
        let Some(entry) = self.known(me, called) else { return self.peek(me, called).await };
        if let Some(answer) = self.ask(&entry, |answer| Ask::Look { answer }).await {
            return answer;
        }
        let shown = entry.shown.borrow().clone();
        shown.map_or(Answer::Unknown, Answer::Shown)
    }

    async fn peek(&self, me: &Identity, called: &str) -> Answer {
        let (name, world) = (Name::of(called), &self.house.world);
        let read = timeout(PEEK_WITHIN, world.store.get(&name)).await;
        let Ok(Ok(Some(record))) = read else { return Answer::Unknown };
        let mut lease = self.lease(me);
        lease.observe(Some(record), world.clock.now());
        Answer::Shown(self.show(called, &lease))
    }

    /// All locks that are asked about here.
    pub(super) fn list(&self, me: &Identity) -> Vec<Lock> {
        let clerks = self.house.clerks();
        let mine = clerks.iter().filter(|((identity, _), _)| identity == me);
        mine.filter_map(|(_, entry)| entry.shown.borrow().clone()).collect()
    }

    /// Shows a lock whenever it is another; none, when there are too many.
    pub(super) fn watch(
        &self,
        me: &Identity,
        called: &str,
    ) -> Option<watch::Receiver<Option<Lock>>> {
        let entry = self.entry(me, called)?;
        let (answer, _) = oneshot::channel();
        entry.asks.try_send(Ask::Look { answer }).ok();
        Some(entry.shown)
    }

    /// How many locks are asked about, and how many are held.
    pub(super) fn sizes(&self) -> (usize, usize) {
        let clerks = self.house.clerks();
        let held = clerks
            .values()
            .filter(|entry| entry.shown.borrow().as_ref().is_some_and(Lock::is_held));
        (clerks.len(), held.count())
    }

    /// Acquires nothing more, gives back what nobody counts on any more, and waits until that is all.
    pub async fn drain(&self, at_most: Duration) {
        self.house.draining.store(true, Relaxed);
        let ends = async {
            let mut beat = interval(Duration::from_millis(100));
            while self.sizes().1 > 0 && !self.house.native {
                beat.tick().await;
            }
        };
        if timeout(at_most, ends).await.is_err() {
            tracing::warn!(
                "clients still ask for their locks: what they hold is given back all the same"
            );
        }
        // A clerk that cannot be asked any more gives back what it has.
        self.house.clerks().clear();
        self.house.world.tasks.end().await;
    }

    fn lease(&self, me: &Identity) -> Lease {
        Lease::new(me.clone(), Timing::of(TTL).expect("it is long enough"))
    }

    fn nothing(&self, me: &Identity, called: &str) -> Lock {
        self.show(called, &self.lease(me))
    }

    fn show(&self, called: &str, lease: &Lease) -> Lock {
        let name = Name::of(called);
        Lock::of(called, &self.house.namespace, name.as_str(), lease, self.house.world.clock.now())
    }
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("House").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
