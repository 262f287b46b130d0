//! Who may hold it at the same time?

use metaparticle_sync::holder::NotAcquired;
use metaparticle_sync::lease::BadTiming;
use tokio::time::{Instant, sleep};

use crate::world::{Shared, seconds};

#[tokio::test(start_paused = true)]
async fn one_process_holds_it_and_another_does_not() {
    let shared = Shared::default();
    let (one, other) = (shared.process("one"), shared.process("other"));
    let held = one.lock("it").acquire().await.expect("it is free");
    assert!(other.lock("it").try_acquire().await.expect("an answer").is_none());
    let late = other.lock("it").acquire_within(seconds(60)).await.expect_err("it is held");
    assert!(matches!(&late, NotAcquired::Late { .. }), "{late}");
    held.check().expect("it was renewed all the time");
    assert!(other.lock("another").try_acquire().await.expect("an answer").is_some());
}

#[tokio::test(start_paused = true)]
async fn two_tasks_of_one_process_exclude_each_other_in_order() {
    let shared = Shared::default();
    let sync = shared.process("one");
    let first = sync.lock("it").acquire().await.expect("it is free");
    assert!(sync.lock("it").try_acquire().await.expect("an answer").is_none());
    let (second, third) = (sync.lock("it"), sync.lock("it"));
    let order = async {
        let second = async {
            let held = second.acquire().await.expect("its turn");
            let term = held.token().clone();
            held.release().await.expect("it was held");
            (term, Instant::now())
        };
        let third = async {
            let held = third.acquire().await.expect("its turn");
            (held.token().clone(), Instant::now())
        };
        tokio::join!(second, third)
    };
    let first_term = first.token().clone();
    let release = async {
        sleep(seconds(40)).await;
        first.release().await.expect("it was renewed");
    };
    let (((second, _), (third, _)), ()) = tokio::join!(order, release);
    assert!(first_term < second && second < third, "{first_term} {second} {third}");
}

#[tokio::test(start_paused = true)]
async fn whoever_may_not_is_told_at_once() {
    let shared = Shared::default();
    shared.forbidden.store(true, std::sync::atomic::Ordering::Relaxed);
    let sync = shared.process("one");
    let refused = sync.lock("it").acquire().await.expect_err("it is forbidden");
    assert!(matches!(&refused, NotAcquired::Refused { .. }), "{refused}");
    let refused = sync.lock("it").try_acquire().await.expect_err("it is forbidden");
    assert!(matches!(&refused, NotAcquired::Refused { .. }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn while_nobody_answers_it_is_tried_again_and_who_tries_once_is_told() {
    let shared = Shared::default();
    shared.away.store(true, std::sync::atomic::Ordering::Relaxed);
    let sync = shared.process("one");
    let unknown = sync.lock("it").try_acquire().await.expect_err("nobody answers");
    assert!(matches!(&unknown, NotAcquired::Unknown { .. }), "{unknown}");
    let back = async {
        sleep(seconds(100)).await;
        shared.away.store(false, std::sync::atomic::Ordering::Relaxed);
    };
    let lock = sync.lock("it");
    let (held, ()) = tokio::join!(lock.acquire(), back);
    held.expect("somebody answers again").check().expect("it is held");
}

#[tokio::test(start_paused = true)]
async fn times_that_do_not_fit_are_told_when_it_is_acquired() {
    let sync = Shared::default().process("one");
    let refused = sync.lock("it").ttl(seconds(1)).acquire().await.expect_err("too short");
    assert!(matches!(refused, NotAcquired::Timing(BadTiming::Short(_))), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_lock_may_be_called_anything() {
    let shared = Shared::default();
    let sync = shared.process("one");
    let held = sync.lock("Nightly Import/π").acquire().await.expect("it is free");
    assert!(held.name().as_str().starts_with("nightly-import-"), "{}", held.name());
    let record = shared.memory.read(held.name()).expect("a record");
    assert_eq!(record.marks.annotations["metaparticle.io/name"], "Nightly Import/π");
}
