//! What is known of all sessions and shards? What the watch told, judged by this process's own clock.

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
    /// Nothing is decided before everything was heard once.
    whole: bool,
    sessions: BTreeMap<Name, Lease>,
    shards: BTreeMap<u32, Arc<Record>>,
    /// Sessions whose Lease has passed to somebody else, or was given back.
    ended: BTreeSet<Identity>,
    /// Owners of whom no session is known, and since when: it may have been deleted.
    strangers: BTreeMap<Identity, Moment>,
}

impl View {
    pub(super) fn new(set: Name, count: u32, ttl: Duration) -> Self {
        Self {
            set,
            count,
            ttl,
            whole: false,
            sessions: BTreeMap::new(),
            shards: BTreeMap::new(),
            ended: BTreeSet::new(),
            strangers: BTreeMap::new(),
        }
    }

    pub(super) fn is_whole(&self) -> bool {
        self.whole
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
            Change::All(records) => {
                let names: BTreeSet<&Name> = records.iter().map(|record| &record.name).collect();
                self.shards.retain(|_, record| names.contains(&record.name));
                for (name, lease) in &mut self.sessions {
                    if !names.contains(name) {
                        lease.observe(None, now);
                    }
                }
                records.iter().for_each(|record| self.take(record, now));
                self.whole = true;
            }
            Change::Gone(name) => {
                self.shards.retain(|_, record| record.name != *name);
                if let Some(lease) = self.sessions.get_mut(name) {
                    lease.observe(None, now);
                }
            }
            Change::Broken(_) => {}
        }
        self.find_strangers(now);
    }

    /// Takes in a record as it was read or written.
    pub(super) fn take(&mut self, record: &Arc<Record>, now: Moment) {
        match self.number_of(&record.name) {
            Some(shard) => {
                let news = self.shards.get(&shard).is_none_or(|seen| seen.version < record.version);
                if news {
                    self.shards.insert(shard, Arc::clone(record));
                }
            }
            None => self.take_session(record, now),
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
    pub(super) fn sessions(&self, now: Moment) -> Vec<Identity> {
        let mut live: Vec<_> =
            self.sessions.values().filter_map(|lease| lease.holder(now)).cloned().collect();
        live.sort_unstable();
        live
    }

    /// Who owns each shard, as its Lease says.
    pub(super) fn owners(&self) -> Vec<Option<Identity>> {
        (0..self.count).map(|shard| self.shards.get(&shard)?.holder.clone()).collect()
    }

    /// Whether nobody may act for a shard any more.
    pub(super) fn is_free(&self, shard: u32, now: Moment) -> bool {
        let Some(owner) = self.shards.get(&shard).and_then(|record| record.holder.as_ref()) else {
            return true;
        };
        let named =
            |lease: &&Lease| lease.record().is_some_and(|one| one.holder.as_ref() == Some(owner));
        match self.sessions.values().find(named) {
            Some(lease) => lease.holder(now).is_none(),
            None => {
                let since = self.strangers.get(owner);
                self.ended.contains(owner) || since.is_some_and(|since| now >= *since + self.ttl)
            }
        }
    }

    /// When something changes that no event will tell.
    pub(super) fn until(&self, now: Moment) -> Option<Moment> {
        let sessions = self.sessions.values().filter_map(Lease::expires);
        let strangers = self.strangers.values().map(|since| *since + self.ttl);
        sessions.chain(strangers).filter(|at| *at > now).min()
    }

    fn find_strangers(&mut self, now: Moment) {
        let known = |owner: &Identity| {
            let named = |lease: &Lease| {
                lease.record().is_some_and(|one| one.holder.as_ref() == Some(owner))
            };
            self.ended.contains(owner) || self.sessions.values().any(named)
        };
        let owners: BTreeSet<_> =
            self.shards.values().filter_map(|record| record.holder.clone()).collect();
        let strangers: BTreeSet<_> = owners.iter().filter(|owner| !known(owner)).cloned().collect();
        self.ended.retain(|ended| owners.contains(ended));
        self.strangers.retain(|stranger, _| strangers.contains(stranger));
        for stranger in strangers {
            self.strangers.entry(stranger).or_insert(now);
        }
    }
}

fn looker() -> Identity {
    Identity::of("-").expect("it is not empty")
}
