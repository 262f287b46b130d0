//! What is answered about one lock, and when is it renewed or given back? One task, so that answers about it
//! come one after the other.
//!
//! It renews only while its client asks: heartbeats are there so that an application that hangs loses its lock.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::elector::ask::{Answer, Ask};
use crate::elector::desk::House;
use crate::elector::page::{Lock, POD};
use crate::lease::{Draft, Lease, Marks, Next, Timing, Why};
use crate::lock::CALLED;
use crate::moment::Moment;
use crate::name::{Identity, Name};
use crate::store::Written;

/// How long a Lease lasts: long enough to promise one heartbeat while the API server is away.
pub(super) const TTL: Duration = Duration::from_secs(30);
/// A client asks every ten seconds. A 200 covers that, and a slow answer.
const PROMISE: Duration = Duration::from_secs(12);
/// From one write to the next, while the client asks.
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// Not more often than that, however often the client asks.
const COALESCE: Duration = Duration::from_secs(3);
/// A client that did not ask for so long has gone, or hangs.
const SILENT: Duration = Duration::from_secs(30);
/// How long a client is kept waiting for the store.
const WRITE_WITHIN: Duration = Duration::from_secs(2);
const READ_WITHIN: Duration = Duration::from_secs(1);
/// What was read longer ago than this is read again before it is answered, where nobody tells news of it.
const FRESH: Duration = Duration::from_secs(1);
/// The label by which an elector's Leases are watched.
pub(super) const MANAGED: (&str, &str) = ("app.kubernetes.io/managed-by", "metaparticle-elector");
/// A lock that nobody asked about for so long, and that is not held, is forgotten.
const IDLE: Duration = Duration::from_secs(600);

/// One lock, for one identity.
pub(super) struct Clerk {
    house: Arc<House>,
    called: String,
    name: Name,
    lease: Lease,
    /// Who asks, and when it did last; nobody, when nobody may count on it.
    client: Option<(Option<String>, Moment)>,
    /// Somebody was told that it is theirs, and has not given it back: whoever loses it then may not notice.
    promised: bool,
    /// It is held since before this elector was started: who asks first is its client.
    adopts: bool,
    tried: Moment,
    looked: Option<Moment>,
    /// A write's outcome is not known: look before the next.
    doubt: bool,
    asked: Moment,
    shown: watch::Sender<Option<Lock>>,
}

impl Clerk {
    pub(super) fn new(
        house: Arc<House>,
        called: &str,
        me: &Identity,
        shown: watch::Sender<Option<Lock>>,
    ) -> Self {
        let now = house.world.clock.now();
        let timing = Timing::of(TTL).and_then(|timing| timing.with_grace(Duration::ZERO));
        let timing = timing.expect("it fits").with_lock_delay(house.lock_delay);
        Self {
            called: called.to_owned(),
            name: Name::of(called),
            lease: Lease::new(me.clone(), timing),
            client: None,
            promised: false,
            adopts: false,
            tried: now,
            looked: None,
            doubt: true,
            asked: now,
            shown,
            house,
        }
    }

    /// Answers until nobody asks any more.
    pub(super) async fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        loop {
            let (clock, until) = (Arc::clone(&self.house.world.clock), self.until());
            let ask = tokio::select! {
                biased;
                ask = asks.recv() => match ask {
                    Some(ask) => Some(ask),
                    None => {
                        if self.lease.is_named() {
                            self.give_back().await;
                        }
                        return;
                    }
                },
                () = clock.sleep_until(until) => None,
            };
            match ask {
                Some(ask) => self.answer(ask).await,
                None => self.tend().await,
            }
            self.show();
            if self.is_idle() && asks.is_empty() {
                self.house.forget(self.lease.me(), &self.called);
                asks.close();
            }
        }
    }

    async fn answer(&mut self, ask: Ask) {
        let now = self.now();
        match ask {
            Ask::Put { client, creates, answer } => {
                self.asked = now;
                let given = self.put(client, creates).await;
                answer.send(given).ok();
                self.renew_if_due().await;
            }
            Ask::Delete { client, answer } => {
                self.asked = now;
                let given = self.delete(client).await;
                answer.send(given).ok();
            }
            Ask::Look { answer } => {
                self.asked = now;
                self.refresh().await;
                let known = self.looked.is_some() && !self.lease.is_unheard_of();
                answer.send(if known { Answer::Shown(self.page()) } else { Answer::Unknown }).ok();
            }
            Ask::Heard(Some(record)) => drop(self.lease.hear(&record, now)),
            Ask::Heard(None) => _ = self.look().await,
            Ask::Reclaim => {
                self.client = Some((None, now));
                self.refresh().await;
                if self.lease.is_named() {
                    (self.promised, self.adopts) = (true, true);
                    self.write(self.lease.claim()).await;
                }
            }
        }
        self.notice_loss();
    }

    /// What a heartbeat is answered.
    async fn put(&mut self, client: Option<String>, creates: bool) -> Answer {
        let now = self.now();
        if self.is_mine(now) {
            if self.is_anothers(client.as_ref()) || creates {
                return Answer::Busy(self.page());
            }
            if self.left(now) < PROMISE {
                self.renew().await;
            }
            if self.left(self.now()) < PROMISE {
                // It is told to count on nothing any more: what is left ends by itself. Whether it
                // listened is not known.
                self.client = None;
                return Answer::Busy(self.page());
            }
            self.promise(client);
            return Answer::Held(self.page());
        }
        self.refresh().await;
        let taken = creates && self.lease.record().is_some();
        if self.house.is_draining() || taken || self.lease.next(self.now()) != Next::Acquire {
            return Answer::Busy(self.page());
        }
        self.write(self.lease.claim()).await;
        if self.left(self.now()) < PROMISE {
            return Answer::Busy(self.page());
        }
        self.promise(client);
        self.house.counts.acquired();
        Answer::Held(self.page())
    }

    async fn delete(&mut self, client: Option<String>) -> Answer {
        if self.is_mine(self.now()) || self.lease.is_named() {
            if self.is_anothers(client.as_ref()) || !self.give_back().await {
                return Answer::Busy(self.page());
            }
            return Answer::GivenBack;
        }
        self.refresh().await;
        match self.lease.holder(self.now()) {
            Some(_) => Answer::Busy(self.page()),
            None => Answer::GivenBack,
        }
    }

    fn promise(&mut self, client: Option<String>) {
        self.client = Some((client, self.now()));
        (self.promised, self.adopts) = (true, false);
    }

    fn is_anothers(&self, client: Option<&String>) -> bool {
        let other = |(holder, _): &(Option<String>, Moment)| holder.as_ref() != client;
        !self.adopts && self.client.as_ref().is_some_and(other)
    }

    /// Does what is due without having been asked.
    async fn tend(&mut self) {
        let now = self.now();
        if self.client.as_ref().is_some_and(|(_, seen)| now >= *seen + self.house.silent(SILENT)) {
            tracing::info!(lock = %self.called, "its client does not ask any more: giving it back");
            self.give_back().await;
        }
        self.renew_if_due().await;
        self.notice_loss();
    }

    /// Writes again when it is time to, and a client counts on it.
    async fn renew_if_due(&mut self) {
        let now = self.now();
        if self.is_mine(now) && self.client.is_some() && now >= self.renew_at() {
            self.renew().await;
        }
    }

    async fn renew(&mut self) {
        if self.doubt && (self.look().await.is_err() || !self.is_mine(self.now())) {
            self.tried = self.now();
            return;
        }
        self.write(self.lease.claim()).await;
    }

    async fn write(&mut self, draft: Draft) {
        let mut marks = Marks::default();
        marks.labels.insert(MANAGED.0.to_owned(), MANAGED.1.to_owned());
        if let Some(pod) = &self.house.pod {
            marks.annotations.insert(POD.to_owned(), pod.clone());
        }
        if self.name.as_str() != self.called {
            marks.annotations.insert(CALLED.to_owned(), self.called.clone());
        }
        let draft = Draft { marks, ..draft };
        let (world, sent) = (&self.house.world, self.now());
        self.tried = sent;
        let write = async {
            match self.lease.record() {
                Some(over) => world.store.replace(over, &draft).await,
                None => world.store.create(&self.name, &draft).await,
            }
        };
        let written = timeout(WRITE_WITHIN, write).await;
        self.house.counts.wrote(matches!(written, Ok(Written::Done(_))));
        match written {
            Ok(Written::Done(record)) if draft.holder.is_some() => self.lease.wrote(record, sent),
            Ok(Written::Done(record)) => self.lease.observe(Some(record), sent),
            Ok(Written::Conflict) => {
                self.lease.beaten(sent);
                self.look().await.ok();
            }
            Ok(Written::Refused(trouble) | Written::Unknown(trouble)) => {
                tracing::warn!(lock = %self.called, %trouble, "its lease could not be written");
                self.doubt = true;
            }
            Err(_) => self.doubt = true,
        }
    }

    /// Gives it back, if it is ours. Whether it is not, now.
    async fn give_back(&mut self) -> bool {
        self.client = None;
        (self.promised, self.adopts) = (false, false);
        self.lease.end();
        for _ in 0..3 {
            if self.doubt && self.look().await.is_err() {
                continue;
            }
            if !self.lease.is_named() {
                return true;
            }
            self.write(self.lease.farewell()).await;
        }
        let given = !self.doubt && !self.lease.is_named();
        if !given {
            tracing::warn!(lock = %self.called, "it could not be given back: it ends by itself");
        }
        given
    }

    /// Reads it, where nobody would tell if it had changed.
    async fn refresh(&mut self) {
        let watched = self.lease.record().is_some_and(|record| {
            record.marks.labels.get(MANAGED.0).is_some_and(|value| value == MANAGED.1)
        });
        let now = self.now();
        let fresh = self.looked.is_some_and(|at| now < at + FRESH);
        if self.doubt || !(fresh || watched && self.house.is_watching()) {
            self.look().await.ok();
        }
    }

    async fn look(&mut self) -> Result<(), ()> {
        let read = timeout(READ_WITHIN, self.house.world.store.get(&self.name)).await;
        match read {
            Ok(Ok(record)) => {
                let now = self.now();
                self.lease.observe(record, now);
                (self.doubt, self.looked) = (false, Some(now));
                Ok(())
            }
            Ok(Err(trouble)) => {
                tracing::warn!(lock = %self.called, %trouble, "its lease could not be read");
                Err(())
            }
            Err(_) => Err(()),
        }
    }

    /// Tells when it was lost and a client may count on it: also one that was answered 409 since, because
    /// many published clients do not look.
    fn notice_loss(&mut self) {
        let Next::Yield(why) = self.lease.next(self.now()) else { return };
        self.lease.end();
        (self.client, self.adopts) = (None, false);
        if std::mem::take(&mut self.promised) {
            self.house.counts.lost();
            tracing::warn!(lock = %self.called, %why, "it is lost");
            (self.house.on_lost)(&self.called, why);
        }
        self.doubt |= why == Why::Expired;
    }

    /// When something is due.
    fn until(&self) -> Moment {
        let now = self.now();
        let idle = self.asked + IDLE;
        let Some((_, seen)) = &self.client else {
            let deadline = self.lease.deadline().unwrap_or(idle);
            return deadline.min(idle).max(now + Duration::from_millis(10));
        };
        let silent = *seen + self.house.silent(SILENT);
        let deadline = self.lease.deadline().unwrap_or(silent);
        self.renew_at().min(silent).min(deadline).max(now + Duration::from_millis(10))
    }

    fn renew_at(&self) -> Moment {
        let every = if self.doubt { Duration::from_secs(1) } else { COALESCE };
        let due = self.lease.sent().map_or(self.tried, |sent| sent + RENEW_EVERY);
        due.max(self.tried + every)
    }

    fn is_mine(&self, now: Moment) -> bool {
        self.lease.deadline().is_some_and(|deadline| now < deadline)
            && !matches!(self.lease.next(now), Next::Yield(_))
    }

    fn left(&self, now: Moment) -> Duration {
        if self.is_mine(now) {
            self.lease.deadline().unwrap_or_default().since(now)
        } else {
            Duration::ZERO
        }
    }

    fn is_idle(&self) -> bool {
        self.lease.term().is_none() && self.now() >= self.asked + IDLE
    }

    fn now(&self) -> Moment {
        self.house.world.clock.now()
    }

    fn page(&self) -> Lock {
        Lock::of(&self.called, &self.house.namespace, self.name.as_str(), &self.lease, self.now())
    }

    fn show(&self) {
        let page = (!self.lease.is_unheard_of()).then(|| self.page());
        self.shown.send_if_modified(|shown| {
            let news = *shown != page;
            *shown = page;
            news
        });
    }
}
