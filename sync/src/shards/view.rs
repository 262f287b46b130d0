//! What is known of all sessions and shards? What the watch told, judged by this process's own clock; but
//! that somebody is gone is believed only of a list that was asked for after its time had passed: a watch
//! that stalls looks like a world in which everybody fell silent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::lease::{Lease, Record, Timing};
use crate::moment::Moment;
use crate::name::{Identity, Name};
use crate::store::Change;

/// Sessions, shards, and who is gone.
#[derive(Debug)]
pub(super) struct View {
    set: Name,
    count: u32,
    ttl: Duration,
    /// When the list was asked for that is known.
    listed: Option<Moment>,
    /// A list was asked for then, and has not come yet: nothing is decided before.
    awaited: Option<Moment>,
    sessions: BTreeMap<Name, Lease>,
    shards: BTreeMap<u32, Arc<Record>>,
    /// Shards whose Lease was there, and when it was missed: its owner may not know yet.
    gone: BTreeMap<u32, Moment>,
    /// Sessions whose Lease has passed to somebody else, or was given back.
    ended: BTreeSet<Identity>,
    /// Owners of whom a list had no session, and when it came: their Lease was deleted.
    strangers: BTreeMap<Identity, Moment>,
}

/// Whether nobody may act for a shard any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Free {
    Yes,
    No,
    /// As it seems, but a list must say so.
    Ask,
}

impl View {
    /// Nothing is known, and a list was asked for at `now`.
    pub(super) fn new(set: Name, count: u32, ttl: Duration, now: Moment) -> Self {
        Self {
            set,
            count,
            ttl,
            listed: None,
            awaited: Some(now),
            sessions: BTreeMap::new(),
            shards: BTreeMap::new(),
            gone: BTreeMap::new(),
            ended: BTreeSet::new(),
            strangers: BTreeMap::new(),
        }
    }

    /// A list is asked for at `now`.
    pub(super) fn await_list(&mut self, now: Moment) {
        self.awaited = Some(now);
    }

    pub(super) fn is_whole(&self) -> bool {
        self.awaited.is_none()
    }

    /// The Lease of a shard.
    pub(super) fn name_of(&self, shard: u32) -> Name {
        self.set.part(format_args!("shard-{shard}"))
    }

    pub(super) fn shard(&self, shard: u32) -> Option<&Arc<Record>> {
        self.shards.get(&shard)
    }

    pub(super) fn hear(&mut self, change: &Change, now: Moment) {
        match change {
            Change::Is(record) => self.take(record, now),
            Change::All(records) => self.take_all(records, now),
            Change::Gone(name) => match self.number_of(name) {
                Some(shard) => self.miss(shard, now),
                None => {
                    if let Some(lease) = self.sessions.get_mut(name) {
                        lease.observe(None, now);
                    }
                }
            },
            Change::Broken(_) => {}
        }
        let owners: BTreeSet<_> = self.owners().into_iter().flatten().collect();
        self.ended.retain(|ended| owners.contains(ended));
        self.strangers.retain(|stranger, _| owners.contains(stranger));
    }

    fn take_all(&mut self, records: &[Arc<Record>], now: Moment) {
        let names: BTreeSet<&Name> = records.iter().map(|record| &record.name).collect();
        let is_missing = |shard: &u32| !names.contains(&self.name_of(*shard));
        let missing: Vec<_> = self.shards.keys().copied().filter(is_missing).collect();
        missing.into_iter().for_each(|shard| self.miss(shard, now));
        for (name, lease) in &mut self.sessions {
            if !names.contains(name) {
                lease.observe(None, now);
            }
        }
        records.iter().for_each(|record| self.take(record, now));
        // Only what this very list says of both owner and session is of one moment.
        let (shards, sessions): (Vec<_>, Vec<_>) =
            records.iter().partition(|record| self.number_of(&record.name).is_some());
        let alive: BTreeSet<_> = sessions.iter().filter_map(|one| one.holder.as_ref()).collect();
        let owners = shards.iter().filter_map(|record| record.holder.as_ref());
        for stranger in owners.filter(|owner| !alive.contains(owner)) {
            self.strangers.entry(stranger.clone()).or_insert(now);
        }
        self.listed = self.awaited.take().or(self.listed);
    }

    /// Takes in a record as it was read or written.
    pub(super) fn take(&mut self, record: &Arc<Record>, now: Moment) {
        match self.number_of(&record.name) {
            Some(shard) => {
                let news = self.shards.get(&shard).is_none_or(|seen| seen.version < record.version);
                if news {
                    self.gone.remove(&shard);
                    self.shards.insert(shard, Arc::clone(record));
                }
            }
            None => self.take_session(record, now),
        }
    }

    /// Takes in that a shard's Lease is not there.
    pub(super) fn miss(&mut self, shard: u32, now: Moment) {
        if self.shards.remove(&shard).is_some_and(|record| record.holder.is_some()) {
            self.gone.insert(shard, now);
        }
    }

    fn take_session(&mut self, record: &Arc<Record>, now: Moment) {
        let looker = || Lease::new(looker(), Timing::of(self.ttl).expect("the session has it"));
        let lease = self.sessions.entry(record.name.clone()).or_insert_with(looker);
        let before = lease.record().and_then(|record| record.holder.clone());
        lease.hear(record, now);
        let after = lease.record().and_then(|record| record.holder.clone());
        if let (Some(before), true) = (before.clone(), before != after) {
            self.ended.insert(before);
        }
    }

    fn number_of(&self, name: &Name) -> Option<u32> {
        let rest = name.as_str().strip_prefix(self.set.as_str())?.strip_prefix("-shard-")?;
        rest.parse().ok().filter(|number| *number < self.count)
    }

    /// The sessions that live.
    pub(super) fn sessions(&self, now: Moment) -> BTreeSet<Identity> {
        self.sessions.values().filter_map(|lease| lease.holder(now)).cloned().collect()
    }

    /// Who owns each shard, as its Lease says.
    pub(super) fn owners(&self) -> Vec<Option<Identity>> {
        (0..self.count).map(|shard| self.shards.get(&shard)?.holder.clone()).collect()
    }

    /// Whether nobody may act for a shard any more.
    pub(super) fn is_free(&self, shard: u32, now: Moment) -> Free {
        let over = |at: Moment| if now >= at { Free::Yes } else { Free::No };
        let Some(record) = self.shards.get(&shard) else {
            return self.gone.get(&shard).map_or(Free::Yes, |at| over(*at + self.ttl));
        };
        let Some(owner) = record.holder.as_ref().filter(|owner| !self.ended.contains(owner)) else {
            return Free::Yes;
        };
        let named =
            |lease: &&Lease| lease.record().is_some_and(|one| one.holder.as_ref() == Some(owner));
        match self.sessions.values().find(named).and_then(Lease::expires) {
            Some(at) if now < at => Free::No,
            Some(at) if self.listed.is_some_and(|listed| listed >= at) => Free::Yes,
            Some(_) => Free::Ask,
            None => match self.strangers.get(owner) {
                Some(since) => over(*since + self.length_of(record)),
                None => Free::Ask,
            },
        }
    }

    /// How long its owner may count on its session.
    fn length_of(&self, record: &Record) -> Duration {
        record.duration.unwrap_or(self.ttl).max(self.ttl)
    }

    /// When something changes that no event will tell.
    pub(super) fn until(&self, now: Moment) -> Option<Moment> {
        let sessions = self.sessions.values().filter_map(Lease::expires);
        let owned = self.shards.values().filter_map(|record| {
            let since = self.strangers.get(record.holder.as_ref()?)?;
            Some(*since + self.length_of(record))
        });
        let gone = self.gone.values().map(|at| *at + self.ttl);
        sessions.chain(owned).chain(gone).filter(|at| *at > now).min()
    }
}

fn looker() -> Identity {
    Identity::of("-").expect("it is not empty")
}
