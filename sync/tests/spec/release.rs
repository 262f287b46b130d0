//! When is it given back? Never before the work has ended, and always when it has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use futures::FutureExt as _;
use futures::future::{BoxFuture, pending};
use metaparticle_sync::clock::Clock;
use metaparticle_sync::lease::Why;
use metaparticle_sync::lock::Unfinished;
use metaparticle_sync::moment::Moment;
use metaparticle_sync::sync::Sync;
use tokio::time::{Instant, sleep};

use crate::world::{Shared, seconds, told};

#[tokio::test(start_paused = true)]
async fn it_is_given_back_when_the_last_clone_is_dropped() {
    let shared = Shared::default();
    let sync = shared.process("one");
    let held = sync.lock("it").acquire().await.expect("it is free");
    let clone = held.clone();
    drop(held);
    sleep(seconds(60)).await;
    clone.check().expect("work goes on");
    assert!(shared.record("it").holder.is_some());
    clone.release().await.expect("it was held");
    let record = shared.record("it");
    assert_eq!((record.holder.clone(), record.duration), (None, Some(seconds(1))));
}

#[tokio::test(start_paused = true)]
async fn tasks_of_the_work_are_waited_for() {
    let shared = Shared::default();
    let sync = shared.process("one");
    let done = Arc::new(AtomicBool::new(false));
    let also = Arc::clone(&done);
    let begun = Instant::now();
    let answer = sync
        .lock("it")
        .run(async |held| {
            held.spawn(async move {
                sleep(seconds(100)).await;
                also.store(true, Relaxed);
            });
            42
        })
        .await;
    assert_eq!(answer.expect("it was held"), 42);
    assert!(done.load(Relaxed), "the task has ended");
    assert_eq!(begun.elapsed().as_secs(), 100);
    assert_eq!(shared.record("it").holder, None);
}

#[tokio::test(start_paused = true)]
async fn work_that_lost_is_told_and_then_dropped_just_before_the_deadline() {
    let shared = Shared::default();
    let sync = shared.process("one");
    let begun = Instant::now();
    let noticed = Arc::new(std::sync::Mutex::new(None));
    let (away, notice) = (Arc::clone(&shared.away), Arc::clone(&noticed));
    let outcome = sync
        .lock("it")
        .run(async move |held| {
            away.store(true, Relaxed);
            held.lost().await;
            *notice.lock().expect("a cell") = Some(begun.elapsed());
            assert!(held.check().is_err());
            std::future::pending::<()>().await;
        })
        .await;
    let Err(Unfinished::Lost(lost)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(lost.why, Why::Expired);
    let noticed = noticed.lock().expect("a cell").expect("it was told");
    assert_eq!((noticed.as_millis() / 10, begun.elapsed().as_millis() / 10), (1325, 1400));
}

#[tokio::test(start_paused = true)]
async fn what_was_lost_is_not_given_back_before_the_work_ended_and_overruns_are_told() {
    let shared = Shared::default();
    let sync = shared.process("one");
    let (overrun, told) = told();
    let held = sync.lock("it").on_overrun(overrun).acquire().await.expect("it is free");
    shared.away.store(true, Relaxed);
    held.lost().await;
    shared.away.store(false, Relaxed);
    assert!(told.lock().expect("a list").is_empty(), "there is time left");
    sleep(seconds(60)).await;
    assert_eq!(told.lock().expect("a list").len(), 1, "it went on after its deadline");
    assert!(shared.record("it").holder.is_some(), "not before the work ended");
    assert_eq!(held.release().await.expect_err("it was lost").why, Why::Expired);
    assert_eq!(shared.record("it").holder, None, "now it has");
}

#[tokio::test(start_paused = true)]
async fn whoever_cannot_give_it_back_is_told() {
    let shared = Shared::default();
    let sync = shared.process("one");
    let held = sync.lock("it").acquire().await.expect("it is free");
    shared.away.store(true, Relaxed);
    assert_eq!(held.release().await.expect_err("nobody answers").why, Why::NotGivenBack);
    shared.away.store(false, Relaxed);
    let held = sync.lock("it").acquire().await.expect("it is over, and free in its time");
    held.release().await.expect("somebody answers");
    assert!(sync.lock("it").try_acquire().await.expect("it answers").is_some(), "and at once");
}

/// A clock that is set by hand, and wakes nobody.
#[derive(Debug, Clone)]
struct ByHand(Arc<AtomicU64>);

impl Clock for ByHand {
    fn now(&self) -> Moment {
        Moment::at(seconds(self.0.load(Relaxed)))
    }

    fn sleep_until(&self, _: Moment) -> BoxFuture<'_, ()> {
        pending().boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn work_that_keeps_its_thread_past_the_deadline_has_no_result() {
    let clock = ByHand(Arc::new(AtomicU64::new(1000)));
    let sync = Sync::new(Shared::default(), clock.clone());
    let held = sync.lock("it").acquire().await.expect("it is free");
    assert_eq!(held.within(async { 42 }).await, Ok(42));
    let late = held.within(async { clock.0.store(1015, Relaxed) }).await;
    assert_eq!(late.expect_err("nobody could stop it").why, Why::Expired);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_costs_no_lock() {
    let shared = Shared::default();
    let sync = shared.process("one");
    let held = sync.lock("it").acquire().await.expect("it is free");
    for _ in 0..10 {
        sleep(seconds(4)).await;
        shared.away.store(true, Relaxed);
        sleep(seconds(5)).await;
        shared.away.store(false, Relaxed);
        held.check().expect("outages shorter than its time do not matter");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_nothing_behind() {
    let shared = Shared::default();
    let sync = shared.process("one");
    let lock = sync.lock("it");
    tokio::select! {
        biased;
        _ = lock.acquire() => panic!("it is not polled twice"),
        () = std::future::ready(()) => {}
    }
    sync.shutdown().await;
    let record = shared.memory.read(&metaparticle_sync::name::Name::of("it"));
    assert!(record.is_none_or(|record| record.holder.is_none()));
}

#[tokio::test(start_paused = true)]
async fn shutting_down_waits_for_the_work_and_ends_all_waiting() {
    let shared = Shared::default();
    let (one, other) = (shared.process("one"), shared.process("other"));
    let held = one.lock("it").acquire().await.expect("it is free");
    let lock = other.lock("it");
    let (waited, ()) = tokio::join!(lock.acquire(), async {
        sleep(seconds(1)).await;
        other.shutdown().await;
    });
    waited.expect_err("it shuts down");
    let begun = Instant::now();
    let ((), ()) = tokio::join!(one.shutdown(), async {
        sleep(seconds(5)).await;
        drop(held);
    });
    assert_eq!(begun.elapsed().as_secs(), 5);
    assert_eq!(shared.record("it").holder, None);
}

#[test]
fn a_guard_whose_runtime_ended_is_lost() {
    let shared = Shared::default();
    let runtime = || {
        let built =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        built.expect("a runtime")
    };
    let held = {
        let first = runtime();
        first.block_on(async {
            shared.process("one").lock("it").acquire().await.expect("it is free")
        })
    };
    let _second = runtime();
    let _entered = _second.enter();
    assert_eq!(held.check().expect_err("nobody renews it").why, Why::Abandoned);
}
