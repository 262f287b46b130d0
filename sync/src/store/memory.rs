//! Records in this process alone: for tests, and for programs that run once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::broadcast;

use crate::lease::{Draft, Record, Rest};
use crate::name::Name;
use crate::store::{Change, Store, Trouble, Which, Written};
use crate::term::Version;

/// A watcher that is further behind is told everything again.
const BEHIND_MOST: usize = 1024;

/// Records in memory. All clones are one.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    records: Mutex<Records>,
    changes: broadcast::Sender<Change>,
}

#[derive(Debug, Default)]
struct Records {
    last: u64,
    by_name: BTreeMap<Name, Arc<Record>>,
}

impl Memory {
    /// Nothing is there yet.
    #[must_use]
    pub fn new() -> Self {
        let changes = broadcast::Sender::new(BEHIND_MOST);
        Self(Arc::new(Shared { records: Mutex::default(), changes }))
    }

    /// Deletes a record, whoever holds it.
    pub fn delete(&self, name: &Name) {
        let mut records = self.lock();
        records.last += 1;
        if records.by_name.remove(name).is_some() {
            self.tell(Change::Gone(name.clone()));
        }
    }

    /// The record of this name, now.
    #[must_use]
    pub fn read(&self, name: &Name) -> Option<Arc<Record>> {
        self.lock().by_name.get(name).cloned()
    }

    /// Writes over the record of `version`; none where there is none.
    pub fn write(&self, name: &Name, over: Option<&Version>, draft: &Draft) -> Written {
        let mut records = self.lock();
        let before = records.by_name.get(name);
        if before.map(|record| &record.version) != over {
            return Written::Conflict;
        }
        let marks = before.map_or_else(Default::default, |record| record.marks.clone());
        let record = Record {
            name: name.clone(),
            version: Version::from(records.last + 1),
            holder: draft.holder.clone(),
            duration: Some(draft.duration),
            transitions: draft.transitions,
            strategy: before.and_then(|record| record.strategy.clone()),
            preferred: before.and_then(|record| record.preferred.clone()),
            marks: marks.with(&draft.marks),
            rest: Rest::default(),
        };
        Written::Done(self.put(&mut records, record))
    }

    /// Writes a record as it is, but for its version: as somebody else would.
    pub fn overwrite(&self, record: Record) -> Arc<Record> {
        let mut records = self.lock();
        let version = Version::from(records.last + 1);
        self.put(&mut records, Record { version, ..record })
    }

    fn put(&self, records: &mut Records, record: Record) -> Arc<Record> {
        records.last += 1;
        let record = Arc::new(record);
        records.by_name.insert(record.name.clone(), Arc::clone(&record));
        self.tell(Change::Is(Arc::clone(&record)));
        record
    }

    fn tell(&self, change: Change) {
        // Nobody may be watching.
        self.0.changes.send(change).ok();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Records> {
        self.0.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self, which: &Which) -> Change {
        let records = self.lock();
        Change::All(records.by_name.values().filter(|record| is(which, record)).cloned().collect())
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for Memory {
    fn get<'s>(&'s self, name: &'s Name) -> BoxFuture<'s, Result<Option<Arc<Record>>, Trouble>> {
        async move { Ok(self.read(name)) }.boxed()
    }

    fn create<'s>(&'s self, name: &'s Name, draft: &'s Draft) -> BoxFuture<'s, Written> {
        async move { self.write(name, None, draft) }.boxed()
    }

    fn replace<'s>(&'s self, over: &'s Record, draft: &'s Draft) -> BoxFuture<'s, Written> {
        async move { self.write(&over.name, Some(&over.version), draft) }.boxed()
    }

    fn watch(&self, which: &Which) -> BoxStream<'static, Change> {
        let (memory, which) = (self.clone(), which.clone());
        // Listening begins before looking, so that nothing falls between them.
        let changes = self.0.changes.subscribe();
        let first = self.all(&which);
        let later =
            stream::unfold((memory, which, changes), |(memory, which, mut changes)| async {
                loop {
                    let change = match changes.recv().await {
                        Ok(change) => change,
                        Err(broadcast::error::RecvError::Lagged(_)) => memory.all(&which),
                        Err(broadcast::error::RecvError::Closed) => return None,
                    };
                    if concerns(&which, &change) {
                        return Some((change, (memory, which, changes)));
                    }
                }
            });
        stream::iter([first]).chain(later).boxed()
    }
}

fn is(which: &Which, record: &Record) -> bool {
    match which {
        Which::Name(name) => record.name == *name,
        Which::Label(key, value) => record.marks.labels.get(key) == Some(value),
    }
}

fn concerns(which: &Which, change: &Change) -> bool {
    match (change, which) {
        (Change::Is(record), _) => is(which, record),
        (Change::Gone(gone), Which::Name(name)) => gone == name,
        _ => true,
    }
}
