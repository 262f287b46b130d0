//! Who owns which shard, and when does that change?

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use metaparticle_sync::holder::Overrun;
use metaparticle_sync::shards::{Shard, Share};
use metaparticle_sync::sync::Sync;
use metaparticle_sync::term::Term;
use tokio::time::{sleep, timeout};

use crate::world::{Shared, seconds};

const SHARDS: u32 = 12;

async fn join(sync: &Sync) -> Share {
    let share = sync.shards("tenants", SHARDS).on_overrun(Overrun::Fenced).join().await;
    share.expect("a session is free")
}

/// All that is gained, until nothing more comes.
async fn gain(share: &mut Share) -> Vec<Shard> {
    let mut gained = Vec::new();
    while let Ok(shard) = timeout(seconds(1), share.next()).await {
        gained.push(shard.expect("the session is not lost"));
    }
    gained
}

/// Drops what is wanted elsewhere.
async fn hand_over(owned: Vec<Shard>) -> Vec<Shard> {
    let mut kept = Vec::new();
    for shard in owned {
        if timeout(std::time::Duration::from_millis(1), shard.wanted_back()).await.is_err() {
            kept.push(shard);
        }
    }
    kept
}

fn terms(owned: &[Shard]) -> BTreeMap<u32, Term> {
    owned.iter().map(|shard| (shard.number(), shard.token().clone())).collect()
}

#[tokio::test(start_paused = true)]
async fn whoever_is_alone_owns_all_and_whoever_comes_gets_a_share() {
    let shared = Shared::default();
    let (one, other) = (shared.process("one"), shared.process("other"));
    let mut first = join(&one).await;
    let owned = gain(&mut first).await;
    assert_eq!(terms(&owned).len(), 12);

    let mut second = join(&other).await;
    assert!(gain(&mut second).await.is_empty(), "nothing moves before it was handed over");
    let before = terms(&owned);
    let kept = hand_over(owned).await;
    let got = gain(&mut second).await;
    assert_eq!((kept.len(), got.len()), (6, 6));
    for (shard, term) in terms(&got) {
        assert!(term > before[&shard], "tokens of shard {shard} grow");
        assert!(kept.iter().all(|kept| kept.number() != shard), "{shard} has one owner");
    }
    assert!(
        gain(&mut first).await.is_empty() && gain(&mut second).await.is_empty(),
        "all is still"
    );
}

#[tokio::test(start_paused = true)]
async fn what_one_leaves_the_other_gets_at_once() {
    let shared = Shared::default();
    let (one, other) = (shared.process("one"), shared.process("other"));
    let mut first = join(&one).await;
    let owned = gain(&mut first).await;
    let mut second = join(&other).await;
    drop((owned, first));
    assert_eq!(gain(&mut second).await.len(), 12);
    one.shutdown().await;
    let sessions: Vec<_> = (0..SHARDS)
        .filter_map(|number| {
            let name = format!("tenants-session-{number}");
            shared.memory.read(&metaparticle_sync::name::Name::of(&name))?.holder.clone()
        })
        .collect();
    assert_eq!(sessions.len(), 1, "its session was given back: {sessions:?}");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_falls_silent_loses_all_at_once_and_others_take_over_later() {
    let (shared, silent) = (Shared::default(), Shared::default());
    // Both see the same records; the network of one can be cut.
    let cut = Shared { memory: shared.memory.clone(), ..silent };
    let (one, other) = (cut.process("one"), shared.process("other"));
    let mut first = join(&one).await;
    let owned = gain(&mut first).await;
    let mut second = join(&other).await;
    cut.away.store(true, Relaxed);
    let lost = loop {
        if let Err(lost) = first.next().await {
            break lost;
        }
    };
    assert!(owned.iter().all(|shard| shard.check().is_err()), "{lost}");
    let taken = gain(&mut second).await;
    assert!(taken.is_empty(), "not before its session expired for others, too");
    sleep(seconds(10)).await;
    assert_eq!(gain(&mut second).await.len(), 12);
}

#[tokio::test(start_paused = true)]
async fn renewing_many_shards_costs_as_much_as_renewing_one() {
    let shared = Shared::default();
    let mut share = join(&shared.process("one")).await;
    let owned = gain(&mut share).await;
    let before = shared.asked.load(Relaxed);
    sleep(seconds(60)).await;
    let asked = shared.asked.load(Relaxed) - before;
    assert!((11..=13).contains(&asked), "one write every five seconds: {asked}");
    assert!(owned.iter().all(|shard| shard.check().is_ok()));
}

#[tokio::test(start_paused = true)]
async fn shards_move_through_many_processes_and_no_two_own_one() {
    let shared = Shared::default();
    let mut processes = Vec::new();
    for number in 0..5 {
        let sync = shared.process(&format!("process-{number}"));
        let mut share = join(&sync).await;
        let owned = gain(&mut share).await;
        processes.push((sync, share, owned));
        for _ in 0..3 {
            for (_, share, owned) in &mut processes {
                let mut kept = hand_over(std::mem::take(owned)).await;
                kept.extend(gain(share).await);
                *owned = kept;
            }
        }
        let mut owners = BTreeMap::new();
        for (owner, (_, _, owned)) in processes.iter().enumerate() {
            for shard in owned {
                assert_eq!(
                    owners.insert(shard.number(), owner),
                    None,
                    "{} has one owner",
                    shard.number()
                );
            }
        }
        assert_eq!(owners.len(), 12, "none is left out, with {} processes", processes.len());
    }
    let loads: Vec<_> = processes.iter().map(|(_, _, owned)| owned.len()).collect();
    assert!(loads.iter().all(|load| (2..=3).contains(load)), "{loads:?}");
}
