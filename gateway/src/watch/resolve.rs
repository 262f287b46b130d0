//! Which addresses does a name outside the cluster stand for? It is asked again and again, as nobody
//! tells when it changes; while nobody answers, what was said last stands.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch::Receiver;

use super::cluster::News;

/// Between two questions.
const EVERY: Duration = Duration::from_secs(10);
/// So many addresses of a name are used.
const MOST: usize = 64;

/// Asks for each of `names`; for ever.
pub(super) async fn ask(mut names: Receiver<BTreeSet<Box<str>>>, told: UnboundedSender<News>) {
    loop {
        let now = names.borrow_and_update().clone();
        for name in now {
            let found = tokio::net::lookup_host((&*name, 0)).await;
            let found = found.map(|found| found.map(|one| one.ip()).collect::<BTreeSet<IpAddr>>());
            match found {
                Ok(addresses) => {
                    let addresses = addresses.into_iter().take(MOST).collect();
                    if told.send(News::Resolved(name, addresses)).is_err() {
                        return;
                    }
                }
                Err(error) => tracing::warn!(%name, %error, "an ExternalName is not found"),
            }
        }
        // Nobody to ask for: until there is.
        let wait = if names.borrow().is_empty() { Duration::MAX } else { EVERY };
        if let Ok(Err(_)) = tokio::time::timeout(wait, names.changed()).await {
            return;
        }
    }
}
