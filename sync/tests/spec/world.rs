//! What do the tests' processes share? One store, which can be made to fail; each has a clock of its own.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use metaparticle_sync::clock::Paused;
use metaparticle_sync::holder::{Lost, Overrun};
use metaparticle_sync::lease::{Draft, Record};
use metaparticle_sync::name::Name;
use metaparticle_sync::store::{Change, Memory, Store, Trouble, Which, Written};
use metaparticle_sync::sync::Sync;

/// A store that counts what it is asked, and can be taken away.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared {
    pub(crate) memory: Memory,
    pub(crate) away: Arc<AtomicBool>,
    pub(crate) forbidden: Arc<AtomicBool>,
    pub(crate) asked: Arc<AtomicU64>,
}

impl Shared {
    /// Another process.
    pub(crate) fn process(&self, name: &str) -> Sync {
        Sync::named(name, 7, self.clone(), Paused::default())
    }

    pub(crate) fn record(&self, name: &str) -> Arc<Record> {
        self.memory.read(&Name::of(name)).expect("a record")
    }

    fn trouble(&self) -> Option<Trouble> {
        self.asked.fetch_add(1, Relaxed);
        if self.forbidden.load(Relaxed) {
            return Some(Trouble::lasting("may not: ask for a Role"));
        }
        self.away.load(Relaxed).then(|| Trouble::passing("nobody answers"))
    }
}

impl Store for Shared {
    fn get<'s>(&'s self, name: &'s Name) -> BoxFuture<'s, Result<Option<Arc<Record>>, Trouble>> {
        async move { self.trouble().map_or_else(|| Ok(self.memory.read(name)), Err) }.boxed()
    }

    fn create<'s>(&'s self, name: &'s Name, draft: &'s Draft) -> BoxFuture<'s, Written> {
        let write = || self.memory.write(name, None, draft);
        async move { self.trouble().map_or_else(write, Written::Unknown) }.boxed()
    }

    fn replace<'s>(&'s self, over: &'s Record, draft: &'s Draft) -> BoxFuture<'s, Written> {
        let write = || self.memory.write(&over.name, Some(&over.version), draft);
        async move { self.trouble().map_or_else(write, Written::Unknown) }.boxed()
    }

    fn watch(&self, which: &Which) -> BoxStream<'static, Change> {
        self.memory.watch(which)
    }
}

/// What overran, told.
pub(crate) fn told() -> (Overrun, Arc<Mutex<Vec<Lost>>>) {
    let told: Arc<Mutex<Vec<Lost>>> = Arc::default();
    let tell = Arc::clone(&told);
    let call = move |lost: &Lost| tell.lock().expect("a list").push(lost.clone());
    (Overrun::Call(Arc::new(call)), told)
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
