//! How does a process come to what it should own? It looks at the whole, claims what is free and should be
//! its own, asks for what should be another's, and gives back what nobody here works with.
//!
//! A shard whose Lease names this session is either out, or nobody's: a write whose answer was lost needs no
//! memory but the Lease itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::holder::{Held, Lost, World};
use crate::lease::{Draft, Marks, Record, Why};
use crate::moment::Moment;
use crate::name::{Identity, Name};
use crate::shards::place::place;
use crate::shards::view::{Free, View};
use crate::shards::{Claim, SHARDS, Shard};
use crate::store::{Change, Trouble, Which, Written};
use crate::term::Term;

/// Sees to the shards of one session.
pub(super) struct Keeper {
    world: World,
    which: Which,
    view: View,
    changes: BoxStream<'static, Change>,
    me: Identity,
    marks: Marks,
    ttl: Duration,
    held: Held,
    /// Of each shard that is out: how its owner is told.
    out: BTreeMap<u32, watch::Sender<Claim>>,
    gain: mpsc::UnboundedSender<Shard>,
    returned: (mpsc::UnboundedSender<u32>, mpsc::UnboundedReceiver<u32>),
    /// Not before then is anything written: a write failed.
    again: Option<Moment>,
    /// Nothing is wanted any more: what is out is asked for, and nothing is gained.
    leaves: bool,
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
        let which = Which::Label(SHARDS.to_owned(), set.label());
        let view = View::new(set, count, ttl, world.clock.now());
        Self {
            changes: world.watch(&which),
            me: held.identity().clone(),
            out: BTreeMap::new(),
            returned: mpsc::unbounded_channel(),
            again: None,
            leaves: false,
            world,
            which,
            view,
            marks,
            ttl,
            held,
            gain,
        }
    }

    /// Until the session is lost, or nobody wants anything of it any more.
    pub(super) async fn run(mut self, tell: watch::Sender<Option<Lost>>) {
        let held = self.held.clone();
        tokio::select! {
            biased;
            // Whatever is being asked of the store then: nothing here may outlive the session.
            lost = held.lost() => drop(tell.send_replace(Some(lost))),
            () = self.keep() => {}
        }
    }

    async fn keep(&mut self) {
        let tasks = self.world.tasks.clone();
        loop {
            self.catch_up();
            self.act().await;
            if self.leaves && self.out.is_empty() && self.idle().is_empty() {
                return;
            }
            let now = self.world.clock.now();
            let until = [self.view.until(now), self.again].into_iter().flatten().min();
            let (clock, gain) = (Arc::clone(&self.world.clock), self.gain.clone());
            tokio::select! {
                biased;
                () = tasks.stopped(), if !self.leaves => self.leaves = true,
                () = gain.closed(), if !self.leaves => self.leaves = true,
                Some(shard) = self.returned.1.recv() => drop(self.out.remove(&shard)),
                Some(change) = self.changes.next() => self.hear(&change),
                () = async { match until {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                } } => {}
            }
        }
    }

    /// Takes in all that has come already: what is decided is decided by the last of it.
    fn catch_up(&mut self) {
        while let Ok(shard) = self.returned.1.try_recv() {
            self.out.remove(&shard);
        }
        while let Some(Some(change)) = self.changes.next().now_or_never() {
            self.hear(&change);
        }
    }

    fn hear(&mut self, change: &Change) {
        self.view.hear(change, self.world.clock.now());
        self.tell_losses();
    }

    /// Tells the owners of shards that are not theirs any more.
    fn tell_losses(&self) {
        for (shard, tell) in &self.out {
            let why = match self.view.shard(*shard) {
                Some(record) if record.holder.as_ref() == Some(&self.me) => continue,
                Some(_) => Why::Taken,
                None => Why::Deleted,
            };
            tell.send_if_modified(|claim| {
                let news = !matches!(claim, Claim::Lost(_));
                if news {
                    *claim = Claim::Lost(why);
                }
                news
            });
        }
    }

    /// Shards that are named as this session's, and with which nobody works.
    fn idle(&self) -> Vec<u32> {
        let mine = |owner: &Option<Identity>| owner.as_ref() == Some(&self.me);
        let named = (0..).zip(self.view.owners()).filter(|(_, owner)| mine(owner));
        named.map(|(shard, _)| shard).filter(|shard| !self.out.contains_key(shard)).collect()
    }

    /// Does all that is to be done now, up to the first write that fails.
    async fn act(&mut self) {
        let now = self.world.clock.now();
        if self.leaves {
            // Also while nothing else can be done.
            self.out.values().for_each(ask);
        }
        if !self.view.is_whole() || self.again.is_some_and(|again| now < again) {
            return;
        }
        self.again = None;
        let mut sessions = self.view.sessions(now);
        // The watch may be late with news of this very session: it knows better.
        if self.leaves {
            sessions.remove(&self.me)
        } else {
            sessions.insert(self.me.clone())
        };
        let sessions: Vec<_> = sessions.into_iter().collect();
        let wanted = place(&self.view.owners(), &sessions);
        let mine = (0..).zip(&wanted).filter(|(_, wanted)| wanted.as_ref() == Some(&self.me));
        let mine: BTreeSet<u32> = mine.map(|(shard, _)| shard).collect();
        self.out.iter().filter(|(shard, _)| !mine.contains(shard)).for_each(|(_, tell)| ask(tell));
        for shard in self.idle().into_iter().filter(|shard| !mine.contains(shard)) {
            if self.write(shard, None).await.is_none() {
                return;
            }
        }
        for shard in mine {
            if !self.out.contains_key(&shard) && self.gain(shard).await.is_break() {
                return;
            }
        }
    }

    /// Claims a shard, if nobody can act for it any more.
    async fn gain(&mut self, shard: u32) -> ControlFlow<()> {
        let record = self.view.shard(shard);
        let named = record.is_some_and(|record| record.holder.as_ref() == Some(&self.me));
        let now = self.world.clock.now();
        let free = if named { Free::Yes } else { self.view.is_free(shard, now) };
        match free {
            Free::Yes => {}
            Free::No => return ControlFlow::Continue(()),
            Free::Ask => {
                self.view.await_list(now);
                self.changes = self.world.watch(&self.which);
                return ControlFlow::Break(());
            }
        }
        let Some(record) = self.write(shard, Some(self.me.clone())).await else {
            return ControlFlow::Break(());
        };
        let (tell, told) = watch::channel(Claim::Kept);
        self.out.insert(shard, tell);
        let gained = Shard {
            number: shard,
            name: record.name.clone(),
            term: Term::of(record.version.clone()),
            held: self.held.clone(),
            told,
            returned: self.returned.0.clone(),
        };
        // Whoever has left meanwhile gives it back by dropping it.
        self.gain.send(gained).ok();
        ControlFlow::Continue(())
    }

    /// Writes whose a shard is, over what is known of it; nothing, when that came to nothing for now.
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
        let read = timeout(self.ttl / 5, self.world.store.get(&name)).await;
        let now = self.world.clock.now();
        match read {
            Ok(Ok(Some(record))) => self.view.take(&record, now),
            Ok(Ok(None)) => self.view.miss(shard, now),
            Ok(Err(_)) | Err(_) => {}
        }
        None
    }
}

/// Tells the owner of a shard that it is wanted elsewhere.
fn ask(tell: &watch::Sender<Claim>) {
    tell.send_if_modified(|claim| {
        let news = *claim == Claim::Kept;
        if news {
            *claim = Claim::WantedBack;
        }
        news
    });
}
