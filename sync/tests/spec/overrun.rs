//! What stops work that does not stop by itself? A real process, a real clock: it is aborted.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::time::Duration;

use metaparticle_sync::clock::Boot;
use metaparticle_sync::sync::Sync;

use crate::world::Shared;

/// A child of this very test looks for this in its environment.
const CHILD: &str = "SYNC_OVERRUN";

#[test]
fn work_that_blocks_its_runtime_past_the_deadline_is_aborted() {
    if std::env::var_os(CHILD).is_some() {
        return block_for_ever();
    }
    let me = std::env::current_exe().expect("this test");
    let name = "overrun::work_that_blocks_its_runtime_past_the_deadline_is_aborted";
    let child = Command::new(me).args(["--exact", name, "--nocapture"]).env(CHILD, "1").output();
    let child = child.expect("it runs");
    let said = String::from_utf8_lossy(&child.stderr).into_owned();
    assert_eq!(child.status.signal(), Some(6), "{:?}: {said}", child.status);
    assert!(said.contains("aborting the process"), "{said}");
}

fn block_for_ever() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let sync = Sync::new(Shared::default(), Boot);
        let _held =
            sync.lock("it").ttl(Duration::from_secs(2)).acquire().await.expect("it is free");
        // Nothing is renewed, nothing is heard, and no task can say so.
        std::thread::sleep(Duration::from_secs(20));
    });
}
