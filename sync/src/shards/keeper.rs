//! How does a process come to what it should own? It looks at the whole, claims what is free and should be
//! its own, and asks for what should be another's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::holder::{Held, Lost, World};
use crate::lease::{Draft, Marks, Record};
use crate::moment::Moment;
use crate::name::{Identity, Name};
use crate::shards::place::place;
use crate::shards::view::View;
use crate::shards::{SHARDS, Shard};
use crate::store::{Change, Trouble, Which, Written};
use crate::term::Term;

/// Sees to the shards of one session.
pub(super) struct Keeper {
    world: World,
    view: View,
    changes: BoxStream<'static, Change>,
    me: Identity,
    marks: Marks,
    ttl: Duration,
    held: Held,
    /// Of each shard that is out: how it is asked for.
    out: BTreeMap<u32, watch::Sender<bool>>,
    /// Of shards that came back: the Lease is still to be written.
    back: Vec<u32>,
    gain: mpsc::UnboundedSender<Shard>,
    returned: (mpsc::UnboundedSender<u32>, mpsc::UnboundedReceiver<u32>),
    /// Not before then is anything written: a write failed.
    again: Option<Moment>,
}

impl Keeper {
    pub(super) fn new(
        world: World,
        (set, count): (Name, u32),
        ttl: Duration,
        held: Held,
        gain: mpsc::UnboundedSender<Shard>,
    ) -> Self {
        let mut marks = Marks::default();
        marks.labels.insert(SHARDS.to_owned(), set.label());
        let changes = world.watch(&Which::Label(SHARDS.to_owned(), set.label()));
        let me = held.identity().clone();
        let view = View::new(set, count, ttl);
        let (out, back, returned) = (BTreeMap::new(), Vec::new(), mpsc::unbounded_channel());
        Self { world, view, changes, me, marks, ttl, held, out, back, gain, returned, again: None }
    }

    /// Until the session is lost, or nobody wants anything of it any more.
    pub(super) async fn run(mut self, tell: watch::Sender<Option<Lost>>) {
        let tasks = self.world.tasks.clone();
        loop {
            let leaves = self.gain.is_closed();
            if leaves && self.out.is_empty() && self.back.is_empty() {
                return;
            }
            self.act(leaves).await;
            let now = self.world.clock.now();
            let until = [self.view.until(now), self.again].into_iter().flatten().min();
            let clock = Arc::clone(&self.world.clock);
            let (held, gain) = (self.held.clone(), self.gain.clone());
            tokio::select! {
                biased;
                lost = held.lost() => {
                    tell.send_replace(Some(lost));
                    return;
                }
                Some(shard) = self.returned.1.recv() => self.take_back(shard),
                Some(change) = self.changes.next() => self.view.hear(&change, self.world.clock.now()),
                () = gain.closed(), if !leaves => {}
                () = tasks.stopped(), if !leaves => self.ask_for_all(),
                () = async { match until {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                } } => {}
            }
        }
    }

    /// Does all that is to be done now.
    async fn act(&mut self, leaves: bool) {
        let now = self.world.clock.now();
        if !self.view.is_whole() || self.again.is_some_and(|again| now < again) {
            return;
        }
        self.again = None;
        for shard in std::mem::take(&mut self.back) {
            if self.write(shard, None).await.is_none() {
                self.back.push(shard);
            }
        }
        let owners = self.view.owners();
        let mut sessions = self.view.sessions(now);
        if leaves {
            sessions.retain(|session| *session != self.me);
        }
        let wanted = place(&owners, &sessions);
        for (shard, wanted) in (0..).zip(&wanted) {
            let mine = wanted.as_ref() == Some(&self.me);
            match self.out.get(&shard) {
                Some(ask) => drop(ask.send_replace(!mine)),
                None if mine && !self.back.contains(&shard) => self.gain(shard).await,
                None => {}
            }
        }
    }

    /// Claims a shard, if nobody can act for it any more.
    async fn gain(&mut self, shard: u32) {
        let record = self.view.shard(shard);
        let named = record.is_some_and(|record| record.holder.as_ref() == Some(&self.me));
        if !named && !self.view.is_free(shard, self.world.clock.now()) || self.again.is_some() {
            return;
        }
        let Some(record) = self.write(shard, Some(self.me.clone())).await else { return };
        if self.held.check().is_err() {
            return;
        }
        let (ask, wanted_back) = watch::channel(false);
        self.out.insert(shard, ask);
        let gained = Shard {
            number: shard,
            term: Term::of(record.version.clone()),
            held: self.held.clone(),
            wanted_back,
            returned: self.returned.0.clone(),
        };
        // Whoever has left meanwhile gives it back by dropping it.
        self.gain.send(gained).ok();
    }

    /// Writes whose a shard is; nothing, when that came to nothing for now.
    async fn write(&mut self, shard: u32, holder: Option<Identity>) -> Option<Arc<Record>> {
        let name = self.view.name_of(shard);
        let over = self.view.shard(shard).cloned();
        let begins = holder.is_some();
        let transitions = over.as_ref().map_or(0, |record| record.transitions);
        let draft = Draft {
            holder,
            duration: self.ttl,
            transitions: transitions.saturating_add(i32::from(begins && over.is_some())),
            begins,
            marks: self.marks.clone(),
        };
        let write = async {
            match &over {
                Some(over) => self.world.store.replace(over, &draft).await,
                None => self.world.store.create(&name, &draft).await,
            }
        };
        let late =
            |_| Written::Unknown(Trouble::passing("the store does not answer a write in time"));
        let written = timeout(self.ttl / 5, write).await.unwrap_or_else(late);
        let now = self.world.clock.now();
        match written {
            Written::Done(record) => {
                self.view.take(&record, now);
                return Some(record);
            }
            Written::Conflict => {}
            Written::Refused(trouble) | Written::Unknown(trouble) => {
                tracing::warn!(%name, %trouble, "a shard's lease could not be written: trying again");
            }
        }
        self.again = Some(now + self.ttl / 24);
        if let Ok(Ok(Some(record))) = timeout(self.ttl / 5, self.world.store.get(&name)).await {
            self.view.take(&record, self.world.clock.now());
        }
        None
    }

    fn take_back(&mut self, shard: u32) {
        if self.out.remove(&shard).is_some() {
            self.back.push(shard);
        }
    }

    fn ask_for_all(&mut self) {
        for ask in self.out.values() {
            ask.send_replace(true);
        }
    }
}
