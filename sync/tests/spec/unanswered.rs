//! What becomes of a write that nobody waits for any more, or whose answer never comes? It arrives all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use metaparticle_sync::clock::Paused;
use metaparticle_sync::lease::{Draft, Record};
use metaparticle_sync::name::Name;
use metaparticle_sync::store::{Change, Memory, Store, Trouble, Which, Written};
use metaparticle_sync::sync::Sync;
use tokio::time::{sleep, timeout};

use crate::world::seconds;

/// A store whose writes take a second, whether anybody waits or not.
#[derive(Debug, Clone, Default)]
struct Slow {
    memory: Memory,
    /// The next write is not answered.
    silent: Arc<AtomicBool>,
}

impl Slow {
    #[expect(clippy::disallowed_methods, reason = "what a test begins ends with its runtime")]
    fn write(&self, name: &Name, over: Option<&Record>, draft: &Draft) -> BoxFuture<'_, Written> {
        let (memory, name, draft) = (self.memory.clone(), name.clone(), draft.clone());
        let over = over.map(|record| record.version.clone());
        let written = tokio::spawn(async move {
            sleep(seconds(1)).await;
            memory.write(&name, over.as_ref(), &draft)
        });
        async move {
            if self.silent.swap(false, Relaxed) {
                return Written::Unknown(Trouble::passing("no answer"));
            }
            written.await.expect("the store does not panic")
        }
        .boxed()
    }

    fn holders(&self, names: &[&str]) -> usize {
        let held = |name: &&&str| {
            self.memory.read(&Name::of(name)).is_some_and(|record| record.holder.is_some())
        };
        names.iter().filter(held).count()
    }
}

impl Store for Slow {
    fn get<'s>(&'s self, name: &'s Name) -> BoxFuture<'s, Result<Option<Arc<Record>>, Trouble>> {
        async move { Ok(self.memory.read(name)) }.boxed()
    }

    fn create<'s>(&'s self, name: &'s Name, draft: &'s Draft) -> BoxFuture<'s, Written> {
        self.write(name, None, draft)
    }

    fn replace<'s>(&'s self, over: &'s Record, draft: &'s Draft) -> BoxFuture<'s, Written> {
        self.write(&over.name, Some(over), draft)
    }

    fn watch(&self, which: &Which) -> BoxStream<'static, Change> {
        self.memory.watch(which)
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_away_while_it_is_written_leaves_nothing_held() {
    let slow = Slow::default();
    let sync = Sync::named("one", 7, slow.clone(), Paused::default());
    let lock = sync.lock("it");
    timeout(seconds(1) / 2, lock.acquire()).await.expect_err("it is being written");
    sleep(seconds(3)).await;
    assert!(slow.memory.read(&Name::of("it")).is_some(), "it was written");
    assert_eq!(slow.holders(&["it"]), 0, "and given back");
}

#[tokio::test(start_paused = true)]
async fn a_seat_that_was_won_without_an_answer_is_given_back() {
    let slow = Slow::default();
    let sync = Sync::named("one", 7, slow.clone(), Paused::default());
    slow.silent.store(true, Relaxed);
    let held = sync.semaphore("it", 2).acquire().await.expect("one is free");
    sleep(seconds(1)).await;
    assert_eq!(slow.holders(&["it-0", "it-1"]), 2, "both were written");
    sleep(seconds(8)).await;
    assert_eq!(slow.holders(&["it-0", "it-1"]), 1, "one is kept");
    held.check().expect("it is held");
}
