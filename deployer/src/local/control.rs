//! How is a replica killed? `curl -X POST …/kill/NAME`; and started again, `…/revive/NAME`.

use std::net::SocketAddr;
use std::sync::Arc;

use futures::FutureExt;
use http::{HeaderValue, Method};
use metaparticle_gateway::tasks::Tasks;
use metaparticle_sync::Sync as Locks;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::leaf::Leaf;
use crate::local::crew::Crew;
use crate::pattern::Answering;
use crate::wire::{Error, Result, answer};

/// Listens at `address`; gives the one that it has.
pub(super) async fn serve(
    crew: &Arc<Crew>,
    locks: &Locks,
    address: SocketAddr,
    tasks: &Tasks,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let (door, locks) = (Arc::clone(crew), locks.clone());
    let answering: Answering = Arc::new(move |request| {
        let (crew, locks) = (Arc::clone(&door), locks.clone());
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        async move { answer(obey(&crew, &locks, &method, &path).await) }.boxed()
    });
    let leaf = Leaf {
        replica: None,
        build: HeaderValue::from_static("local"),
        answering,
        end: crew.ending(),
        kill: CancellationToken::new(),
    };
    tasks.spawn(leaf.serve(listener, tasks.clone()));
    Ok(bound)
}

async fn obey(crew: &Arc<Crew>, locks: &Locks, method: &Method, path: &str) -> Result<Value> {
    let path = path.trim_matches('/');
    let about = match (method, path.split_once('/')) {
        (&Method::GET, None) if path.is_empty() => None,
        (&Method::POST, Some(("kill", replica))) => {
            crew.kill(replica).map_err(|unknown| Error::not_found(unknown.to_string()))?;
            Some(replica)
        }
        (&Method::POST, Some(("revive", replica))) => {
            crew.revive(replica, locks).await?;
            Some(replica)
        }
        _ => {
            let told = "GET / tells who lives; POST /kill/NAME and POST /revive/NAME change it";
            return Err(Error::not_found(told));
        }
    };
    let line = |(name, address, lives): (String, Option<SocketAddr>, bool)| {
        (name, json!({ "address": address, "lives": lives }))
    };
    let is_meant = |(name, ..): &(String, _, _)| about.is_none_or(|about| about == name);
    Ok(crew.roll().into_iter().filter(is_meant).map(line).collect())
}
