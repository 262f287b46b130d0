//! How do several processes agree on who leads? Each stands; who loses stands again.

use std::io::Write as _;

use metaparticle_sync::Sync;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let sync = Sync::connect().await?;
    let election = sync.elect("example-election");
    let standing = election.run_while_leader(async |held| {
        writeln!(std::io::stdout(), "leading, with token {}", held.token()).ok();
        let lost = held.lost().await;
        writeln!(std::io::stdout(), "leading no more: {lost}").ok();
    });
    tokio::select! {
        led = standing => led?,
        _ = terminate.recv() => {}
    }
    // Given back before this process ends, so that another leads at once.
    sync.shutdown().await;
    Ok(())
}
