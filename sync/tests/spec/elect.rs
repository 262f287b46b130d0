//! Does somebody always lead, and who knows?

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use metaparticle_sync::holder::Overrun;
use metaparticle_sync::lease::Why;
use tokio::time::{sleep, timeout};

use crate::world::{Shared, seconds};

#[tokio::test(start_paused = true)]
async fn whoever_loses_stands_again() {
    let shared = Shared::default();
    let sync = shared.process("one");
    let mut terms = Vec::new();
    let away = &shared.away;
    let last = sync
        .elect("it")
        .run_while_leader(async |held| {
            terms.push(held.token().clone());
            if terms.len() < 3 {
                away.store(true, Relaxed);
                held.lost().await;
                away.store(false, Relaxed);
            }
            terms.len()
        })
        .await;
    assert_eq!(last.expect("it leads"), 3);
    assert!(terms.is_sorted() && terms.len() == 3, "{terms:?}");
}

#[tokio::test(start_paused = true)]
async fn who_leads_can_be_seen_without_standing() {
    let shared = Shared::default();
    let (one, other) = (shared.process("one"), shared.process("other"));
    let mut leaders = shared.process("looker").observe("it");
    assert_eq!(leaders.next().await, Some(None), "nobody leads");
    let held = one.lock("it").acquire().await.expect("it is free");
    let leader = leaders.next().await.flatten().expect("somebody leads");
    assert!(leader.identity.as_str().starts_with("one_"), "{leader:?}");
    assert!(timeout(seconds(100), leaders.next()).await.is_err(), "renewing is no news");
    held.release().await.expect("it was held");
    assert_eq!(leaders.next().await, Some(None));
    let lock = other.lock("it").on_overrun(Overrun::Fenced);
    let held = lock.acquire().await.expect("it is free");
    let leader = leaders.next().await.flatten().expect("somebody leads");
    assert!(
        leader.identity.as_str().starts_with("other_") && leader.transitions == 1,
        "{leader:?}"
    );
    shared.away.store(true, Relaxed);
    assert_eq!(leaders.next().await, Some(None), "it fell silent");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn callbacks_are_called_when_it_is_acquired_and_when_it_is_lost() {
    let shared = Shared::default();
    let calls: Arc<Mutex<Vec<String>>> = Arc::default();
    let (acquired, lost) = (Arc::clone(&calls), Arc::clone(&calls));
    let contending = shared
        .process("one")
        .lock("it")
        .on_acquired(move |held| {
            acquired.lock().expect("a list").push(format!("held {}", held.token()))
        })
        .on_lost(move |was| {
            lost.lock().expect("a list").push(format!("lost {} {:?}", was.term, was.why))
        })
        .start();
    sleep(seconds(1)).await;
    shared.memory.delete(&metaparticle_sync::name::Name::of("it"));
    sleep(seconds(20)).await;
    contending.stop().await.expect("it could contend");
    let calls = calls.lock().expect("a list");
    assert_eq!(
        *calls,
        ["held 1".to_owned(), format!("lost 1 {:?}", Why::Deleted), "held 3".to_owned()]
    );
    assert_eq!(shared.record("it").holder, None, "it was given back");
}
