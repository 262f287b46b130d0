//! How does a holder write so that no former holder can? It shows its token with every write: whoever was
//! stopped in the middle, and goes on when another has the lock, is refused by what it writes to.

use std::io::Write as _;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use metaparticle_sync::Sync;
use metaparticle_sync::fence;
use metaparticle_sync::holder::Held;
use metaparticle_sync::store::Leases;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    // First of all: the first process of a container that does not ask for signals gets none.
    let mut terminate = signal(SignalKind::terminate())?;
    let maps = Api::default_namespaced(Leases::client(kube::Config::infer().await?)?);
    let sync = Sync::connect().await?;
    let lock = sync.lock("example-fenced").ttl(Duration::from_secs(5));
    let turns = async {
        loop {
            lock.run(async |held| count(&maps, &held).await).await??;
            // Others have their turn.
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        ended = turns => return ended,
        _ = terminate.recv() => {}
    }
    sync.shutdown().await;
    Ok(())
}

/// Counts in a ConfigMap, for a while.
async fn count(maps: &Api<ConfigMap>, held: &Held) -> Result<()> {
    for _ in 0..5 {
        held.check()?;
        let written = fence::change(maps, "example-register", held.token(), |map| {
            let data = map.data.get_or_insert_default();
            let count = data.get("count").and_then(|count| count.parse().ok()).unwrap_or(0_u64);
            data.insert("count".to_owned(), (count + 1).to_string());
        });
        let version = written.await?.metadata.resource_version.unwrap_or_default();
        writeln!(std::io::stdout(), "wrote {version} {}", held.token())?;
    }
    Ok(())
}
