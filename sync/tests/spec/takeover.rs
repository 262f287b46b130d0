//! When does another take over, and what does waiting cost?

use std::sync::atomic::Ordering::Relaxed;

use metaparticle_sync::holder::Overrun;
use metaparticle_sync::lease::{Record, Why};
use metaparticle_sync::name::Identity;
use tokio::time::{Instant, sleep};

use crate::world::{Shared, seconds};

#[tokio::test(start_paused = true)]
async fn what_is_given_back_is_taken_at_once() {
    let shared = Shared::default();
    let (one, other) = (shared.process("one"), shared.process("other"));
    let held = one.lock("it").acquire().await.expect("it is free");
    let (lock, first) = (other.lock("it"), held.token().clone());
    let give_back = async {
        sleep(seconds(30)).await;
        let given_back = Instant::now();
        held.release().await.expect("it was held");
        given_back
    };
    let take = async {
        let held = lock.acquire().await.expect("it is given back");
        (held, Instant::now())
    };
    let (given_back, (second, taken)) = tokio::join!(give_back, take);
    assert!(taken - given_back < seconds(1), "{:?}", taken - given_back);
    assert!(*second.token() > first);
    assert_eq!(shared.record("it").transitions, 1, "as client-go counts them");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_falls_silent_is_waited_for_once() {
    let shared = Shared::default();
    let (one, other) = (shared.process("one"), shared.process("other"));
    let lock = one.lock("it").on_overrun(Overrun::Fenced);
    let held = lock.acquire().await.expect("it is free");
    let record = shared.record("it");
    // Somebody else's record takes its place: whoever that is never writes again.
    let silent = Identity::of("somebody who died");
    shared.memory.overwrite(Record { holder: silent, ..Record::clone(&record) });
    let begun = Instant::now();
    let second = other.lock("it").acquire().await.expect("it expires");
    assert_eq!((Instant::now() - begun).as_secs(), 15);
    assert!(second.token() > held.token());
    assert_eq!(held.check().expect_err("it is taken").why, Why::Taken);
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_asks_nothing() {
    let shared = Shared::default();
    let (one, other) = (shared.process("one"), shared.process("other"));
    let held = one.lock("it").acquire().await.expect("it is free");
    let lock = other.lock("it");
    let waiting = lock.acquire();
    let watching = async {
        sleep(seconds(1)).await;
        let before = shared.asked.load(Relaxed);
        sleep(seconds(60)).await;
        let renewed = shared.asked.load(Relaxed) - before;
        assert!((11..=12).contains(&renewed), "a holder writes every five seconds: {renewed}");
        held.release().await.expect("it was held");
    };
    let (held, ()) = tokio::join!(waiting, watching);
    held.expect("it is given back").check().expect("it is held");
}

#[tokio::test(start_paused = true)]
async fn a_release_is_no_stampede_for_long() {
    let shared = Shared::default();
    let holder = shared.process("holder").lock("it").acquire().await.expect("it is free");
    let mut waiters = tokio::task::JoinSet::new();
    for waiter in 0..50 {
        let sync = metaparticle_sync::sync::Sync::named(
            &format!("waiter-{waiter}"),
            waiter,
            shared.clone(),
            metaparticle_sync::clock::Paused::default(),
        );
        waiters.spawn(async move {
            let held = sync.lock("it").acquire().await.expect("its turn");
            sleep(seconds(1)).await;
            held.release().await.expect("it was held");
        });
    }
    sleep(seconds(1)).await;
    let before = shared.asked.load(Relaxed);
    let begun = Instant::now();
    holder.release().await.expect("it was held");
    while waiters.join_next().await.transpose().expect("no panic").is_some() {}
    let each = (shared.asked.load(Relaxed) - before) / 50;
    assert!(each < 20, "{each} requests a hand-over, of 50 who wait");
    assert!(begun.elapsed() < seconds(50 + 10), "{:?}", begun.elapsed());
}
