//! How does a program do something that only one may do at a time? It runs it with a lock.

use std::io::Write as _;
use std::time::Duration;

use metaparticle_sync::Sync;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // First of all: the first process of a container that does not ask for signals gets none.
    let mut terminate = signal(SignalKind::terminate())?;
    let sync = Sync::connect().await?;
    say("waiting for the lock")?;
    let lock = sync.lock("example-lock");
    let worked = lock.run(async |held| {
        say(&format!("holding it, with token {}", held.token()))?;
        let mut seconds = 0;
        loop {
            held.check()?;
            seconds += 1;
            if seconds % 10 == 0 {
                say(&format!("worked for {seconds} s"))?;
            }
            tokio::select! {
                () = sleep(Duration::from_secs(1)) => {}
                lost = held.lost() => return Err::<(), Box<dyn std::error::Error>>(lost.into()),
            }
        }
    });
    tokio::select! {
        worked = worked => worked??,
        _ = terminate.recv() => {}
    }
    // The work was dropped, so the lock can be given back before this process ends.
    sync.shutdown().await;
    say("given back")?;
    Ok(())
}

fn say(what: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{what}")
}
