//! Is no change lost, in whatever store, and is what cannot be kept refused?

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use tokio::time::Instant;

use super::{Files, Loaded, MOST, Memory, Scope, Store, TRIES, Version};
use crate::wire::Result;

/// Every store, with nothing in it, and a folder to be removed.
fn stores(test: &str) -> (Vec<Arc<dyn Store>>, std::path::PathBuf) {
    let folder = std::env::temp_dir().join(format!("metaparticle-{test}-{}", std::process::id()));
    std::fs::remove_dir_all(&folder).ok();
    (vec![Arc::new(Memory::default()), Arc::new(Files::new(&folder))], folder)
}

#[tokio::test]
async fn what_nobody_changed_is_the_default_and_every_change_counts() {
    let (stores, folder) = stores("counts");
    for store in stores {
        let scope = Scope::<u32>::new("n", store);
        assert_eq!(scope.read().await.unwrap(), 0);
        let changes = (0..4).map(|_| scope.update(|n| *n += 1));
        assert!(join_all(changes).await.iter().all(Result::is_ok));
        assert_eq!(scope.update(|n| *n * 10).await.unwrap(), 40);
        assert_eq!(scope.read().await.unwrap(), 4);
    }
    std::fs::remove_dir_all(folder).ok();
}

#[tokio::test]
async fn a_store_writes_only_over_what_was_seen() {
    let (stores, folder) = stores("swap");
    for store in stores {
        assert!(store.swap("n", None, b"1").await.unwrap());
        assert!(!store.swap("n", None, b"2").await.unwrap(), "there is one already");
        let (value, version) = store.load("n").await.unwrap().unwrap();
        assert_eq!(value, b"1");
        assert!(store.swap("n", Some(&version), b"3").await.unwrap());
        assert!(!store.swap("n", Some(&version), b"4").await.unwrap(), "somebody was faster");
        assert_eq!(store.load("n").await.unwrap().unwrap().0, b"3");
        assert!(store.load("m").await.unwrap().is_none());
    }
    std::fs::remove_dir_all(folder).ok();
}

#[tokio::test]
async fn a_value_of_another_type_or_size_is_refused_and_stays() {
    let memory: Arc<dyn Store> = Arc::new(Memory::default());
    Scope::<String>::new("s", Arc::clone(&memory)).update(|s| s.push('x')).await.unwrap();
    let wrong = Scope::<u32>::new("s", Arc::clone(&memory)).read().await.unwrap_err();
    assert!(wrong.in_full().contains("scope `s` has a value of another type"), "{wrong:?}");
    let scope = Scope::<String>::new("s", memory);
    let large = scope.update(|s| s.push_str(&"y".repeat(MOST))).await.unwrap_err();
    assert!(large.to_string().contains("at most 524288"), "{large}");
    assert_eq!(scope.read().await.unwrap(), "x");
}

/// A store in which others are always faster.
#[derive(Debug)]
struct Contended(Mutex<Option<Instant>>);

impl Store for Contended {
    fn load<'s>(&'s self, _: &'s str) -> BoxFuture<'s, Result<Option<Loaded>>> {
        async { Ok(None) }.boxed()
    }

    fn swap<'s>(
        &'s self,
        _: &'s str,
        _: Option<&'s Version>,
        _: &'s [u8],
    ) -> BoxFuture<'s, Result<bool>> {
        *self.0.lock().unwrap() = Some(Instant::now());
        async { Ok(false) }.boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn who_always_loses_gives_up_after_a_dozen_tries() {
    let mut tries = 0;
    let contended = Arc::new(Contended(Mutex::new(None)));
    let scope = Scope::<u32>::new("n", Arc::<Contended>::clone(&contended));
    let lost = scope.update(|_| tries += 1).await.unwrap_err();
    let last = contended.0.lock().unwrap().expect("it was tried");
    assert_eq!(last.elapsed(), std::time::Duration::ZERO, "nothing is waited for at the end");
    assert!(lost.to_string().contains("others changed it"), "{lost}");
    assert_eq!(tries, TRIES);
}

#[tokio::test]
async fn a_file_is_replaced_whole() {
    use std::os::unix::fs::MetadataExt as _;
    let (stores, folder) = stores("whole");
    let scope = Scope::<u32>::new("n", Arc::clone(&stores[1]));
    let mut files = std::collections::BTreeSet::new();
    for _ in 0..2 {
        scope.update(|n| *n += 1).await.unwrap();
        // Who reads the one before still reads it, and not half of another.
        let file = std::fs::File::open(folder.join("n.scope")).unwrap();
        files.insert(file.metadata().unwrap().ino());
    }
    assert_eq!(files.len(), 2);
    std::fs::remove_dir_all(folder).ok();
}
