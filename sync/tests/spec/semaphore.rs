//! How many may hold a semaphore?

use metaparticle_sync::holder::NotAcquired;

use crate::world::{Shared, seconds};

#[tokio::test(start_paused = true)]
async fn as_many_hold_it_as_there_are_permits() {
    let shared = Shared::default();
    let mut held = Vec::new();
    for process in ["one", "two", "three"] {
        let permit = shared.process(process).semaphore("gpu", 3).try_acquire().await;
        held.push(permit.expect("an answer").expect("a permit"));
    }
    let mut names: Vec<_> = held.iter().map(|held| held.name().to_string()).collect();
    names.sort_unstable();
    assert_eq!(names, ["gpu-0", "gpu-1", "gpu-2"]);
    let four = shared.process("four").semaphore("gpu", 3);
    assert!(four.try_acquire().await.expect("an answer").is_none());
    let late = four.acquire_within(seconds(100)).await.expect_err("all are held");
    assert!(matches!(late, NotAcquired::Late { .. }));
    let (permit, ()) = tokio::join!(four.acquire(), async {
        tokio::time::sleep(seconds(20)).await;
        held.swap_remove(1).release().await.expect("it was held");
    });
    permit.expect("one was given back").check().expect("it is held");
}

#[tokio::test(start_paused = true)]
async fn one_process_may_hold_several() {
    let sync = Shared::default().process("one");
    let permits =
        (sync.semaphore("gpu", 2).acquire().await, sync.semaphore("gpu", 2).acquire().await);
    let (one, other) = (permits.0.expect("a permit"), permits.1.expect("a permit"));
    assert_ne!(one.name(), other.name());
    assert!(sync.semaphore("gpu", 2).try_acquire().await.expect("an answer").is_none());
}
