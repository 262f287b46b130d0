//! Does every shard still have one owner when answers are lost, watches stall, requests hang, and people
//! delete what they should not?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use futures::future::{BoxFuture, pending};
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use metaparticle_sync::clock::Paused;
use metaparticle_sync::holder::Overrun;
use metaparticle_sync::lease::{Draft, Record, Why};
use metaparticle_sync::name::Name;
use metaparticle_sync::shards::{Shard, Share};
use metaparticle_sync::store::{Change, Memory, Store, Trouble, Which, Written};
use metaparticle_sync::sync::Sync;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::world::{seconds, told};

/// A process's way to the store that all share.
#[derive(Debug, Clone)]
struct Way {
    memory: Memory,
    /// The answer to the next farewell of a shard is lost.
    forgets: Arc<AtomicBool>,
    /// No request is answered any more.
    hangs: Arc<AtomicBool>,
    /// No watch tells anything.
    stalls: watch::Sender<bool>,
}

impl Way {
    fn to(memory: &Memory) -> Self {
        let (memory, stalls) = (memory.clone(), watch::Sender::new(false));
        Self { memory, forgets: Arc::default(), hangs: Arc::default(), stalls }
    }

    fn process(&self, name: &str) -> Sync {
        Sync::named(name, 7, self.clone(), Paused::default())
    }

    async fn hang(&self) {
        if self.hangs.load(Relaxed) {
            pending::<()>().await;
        }
    }
}

impl Store for Way {
    fn get<'s>(&'s self, name: &'s Name) -> BoxFuture<'s, Result<Option<Arc<Record>>, Trouble>> {
        async move {
            self.hang().await;
            Ok(self.memory.read(name))
        }
        .boxed()
    }

    fn create<'s>(&'s self, name: &'s Name, draft: &'s Draft) -> BoxFuture<'s, Written> {
        async move {
            self.hang().await;
            self.memory.write(name, None, draft)
        }
        .boxed()
    }

    fn replace<'s>(&'s self, over: &'s Record, draft: &'s Draft) -> BoxFuture<'s, Written> {
        async move {
            self.hang().await;
            let written = self.memory.write(&over.name, Some(&over.version), draft);
            let farewell = draft.holder.is_none() && over.name.as_str().contains("-shard-");
            if farewell && self.forgets.swap(false, Relaxed) {
                return Written::Unknown(Trouble::passing("the answer is lost"));
            }
            written
        }
        .boxed()
    }

    fn watch(&self, which: &Which) -> BoxStream<'static, Change> {
        let told = (self.memory.watch(which), self.stalls.subscribe());
        let held_up = stream::unfold(told, |(mut changes, mut stalls)| async {
            let change = changes.next().await?;
            stalls.wait_for(|stalls| !stalls).await.ok()?;
            Some((change, (changes, stalls)))
        });
        held_up.boxed()
    }
}

const SHARDS: u32 = 6;

async fn join(sync: &Sync, overrun: Overrun) -> Share {
    sync.shards("t", SHARDS).on_overrun(overrun).join().await.expect("a session is free")
}

async fn gain(share: &mut Share) -> Vec<Shard> {
    let mut gained = Vec::new();
    while let Ok(shard) = timeout(Duration::from_millis(300), share.next()).await {
        gained.push(shard.expect("the session is not lost"));
    }
    gained
}

fn owned(shards: &[Shard]) -> Vec<u32> {
    let mut owned: Vec<_> = shards.iter().filter(|shard| shard.check().is_ok()).collect();
    owned.sort_by_key(|shard| shard.number());
    owned.into_iter().map(Shard::number).collect()
}

fn lease(memory: &Memory, shard: u32) -> Arc<Record> {
    memory.read(&Name::of(&format!("t-shard-{shard}"))).expect("a record")
}

#[tokio::test(start_paused = true)]
async fn giving_a_shard_back_twice_takes_it_from_nobody() {
    let memory = Memory::new();
    let way = Way::to(&memory);
    let (one, other) = (way.process("one"), Way::to(&memory).process("other"));
    let mut first = join(&one, Overrun::Fenced).await;
    let mut firsts = gain(&mut first).await;
    let mut second = join(&other, Overrun::Fenced).await;
    sleep(seconds(1)).await;
    way.forgets.store(true, Relaxed);
    let at = firsts.iter().position(|shard| shard.wanted_back().now_or_never().is_some());
    let given = firsts.remove(at.expect("one is wanted")).number();
    let seconds_ = gain(&mut second).await;
    assert!(!way.forgets.load(Relaxed), "an answer was lost");
    sleep(seconds(5)).await;
    assert_eq!(owned(&seconds_), [given]);
    let record = lease(&memory, given);
    assert!(record.holder.is_some(), "its Lease still names who has it");
    assert_eq!(gain(&mut first).await.len(), 0, "and nobody else gains it");
}

#[tokio::test(start_paused = true)]
async fn whoever_hears_nothing_takes_nothing_from_those_who_live() {
    for step in 0..10 {
        let memory = Memory::new();
        let (one, way) = (Way::to(&memory).process("one"), Way::to(&memory));
        let other = way.process("other");
        let mut first = join(&one, Overrun::Fenced).await;
        let firsts = gain(&mut first).await;
        let mut second = join(&other, Overrun::Fenced).await;
        sleep(Duration::from_millis(1000 + 500 * step)).await;
        way.stalls.send_replace(true);
        sleep(seconds(40)).await;
        way.stalls.send_replace(false);
        sleep(seconds(1)).await;
        let taken = gain(&mut second).await;
        assert_eq!(owned(&firsts).len(), 6, "step {step}: all are still theirs");
        assert!(taken.is_empty(), "step {step}: {taken:?}");
        drop((firsts, first));
        assert_eq!(gain(&mut second).await.len(), 6, "step {step}: it hears again");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_owns_a_shard_is_told_when_its_lease_is_deleted_and_others_wait() {
    let memory = Memory::new();
    let (one, other) = (Way::to(&memory).process("one"), Way::to(&memory).process("other"));
    let mut first = join(&one, Overrun::Fenced).await;
    let firsts = gain(&mut first).await;
    let mut second = join(&other, Overrun::Fenced).await;
    sleep(seconds(1)).await;
    let wanted: Vec<_> = (firsts.iter())
        .filter(|shard| shard.wanted_back().now_or_never().is_some())
        .map(Shard::number)
        .collect();
    memory.delete(&Name::of(&format!("t-shard-{}", wanted[0])));
    let lost = firsts.iter().find(|shard| shard.number() == wanted[0]).expect("it was owned");
    let dropped = lost.within(pending::<()>()).await.expect_err("it is not waited for");
    assert_eq!((dropped.why, lost.lost().await.why), (Why::Deleted, Why::Deleted));
    assert!(lost.check().is_err() && lost.remaining().is_zero());
    assert_eq!(owned(&firsts).len(), 5, "the others are as they were");
    sleep(seconds(13)).await;
    assert!(gain(&mut second).await.is_empty(), "its owner may not know yet");
    sleep(seconds(3)).await;
    assert_eq!(owned(&gain(&mut second).await), [wanted[0]]);
    assert!(lost.check().is_err(), "ever after");
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "what a test begins ends with its runtime")]
async fn shutting_down_asks_for_all_gives_all_back_and_gains_nothing_more() {
    let memory = Memory::new();
    let one = Way::to(&memory).process("one");
    let mut share = join(&one, Overrun::Fenced).await;
    let shards = gain(&mut share).await;
    let worker = tokio::spawn(async move {
        for shard in &shards {
            shard.wanted_back().await;
        }
        sleep(seconds(20)).await;
        assert_eq!(owned(&shards).len(), 6, "it keeps them while it works");
        drop(shards);
        share.next().await.map(|shard| shard.number()).expect_err("nothing more comes")
    });
    timeout(seconds(60), one.shutdown()).await.expect("it ends");
    worker.await.expect("it was told");
    for shard in 0..SHARDS {
        assert_eq!(lease(&memory, shard).holder, None, "shard {shard} was given back");
    }
    let session = |number| memory.read(&Name::of(&format!("t-session-{number}")))?.holder.clone();
    assert_eq!((0..SHARDS).find_map(session), None, "and so was the session");
}

#[tokio::test(start_paused = true)]
async fn requests_that_hang_overrun_nothing_when_the_work_has_stopped() {
    let memory = Memory::new();
    let way = Way::to(&memory);
    let one = way.process("one");
    let (overrun, overran) = told();
    let mut share = join(&one, overrun).await;
    let mut shards = gain(&mut share).await;
    way.hangs.store(true, Relaxed);
    shards.truncate(2);
    let lost = share.next().await.expect_err("it cannot be renewed");
    assert_eq!(lost.why, Why::Expired);
    drop((shards, share));
    sleep(seconds(60)).await;
    assert!(overran.lock().expect("a list").is_empty(), "{overran:?}");
}
