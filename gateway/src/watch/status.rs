//! Where are Ingresses reached? Their status says it. Only what is not so is written, so that two
//! gateways that were told the same address do not write in turns; of two that were told different
//! ones each writes ever more seldom.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::api::networking::v1::Ingress;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::Instant;

use super::access;
use super::digest::Id;

/// Between two writes of one status: at first, and at the most.
const PAUSE_FIRST: Duration = Duration::from_secs(2);
const PAUSE_MOST: Duration = Duration::from_secs(120);
/// After so long the next write is a first one.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// Ingresses, and what their status should say.
pub(super) type Unpublished = Vec<(Id, Box<[Box<str>]>)>;

/// The last write of one status, whether it was taken or not.
struct Written {
    addresses: Box<[Box<str>]>,
    at: Instant,
    /// How long there is none after it.
    pause: Duration,
}

/// Writes what is not so; for ever.
pub(super) async fn write(client: Client, mut unpublished: Receiver<Unpublished>) {
    let mut written = HashMap::<Id, Written>::new();
    loop {
        let now = unpublished.borrow_and_update().clone();
        written.retain(|_, last| last.at.elapsed() < FORGOTTEN);
        let (mut failed, mut next) = (None, None::<Instant>);
        for (id, addresses) in now {
            let last = written.get(&id);
            let due = last.map_or_else(Instant::now, |last| last.at + last.pause);
            if due > Instant::now() {
                next = Some(next.map_or(due, |next| next.min(due)));
                continue;
            }
            let again = last.filter(|last| last.addresses == addresses);
            let pause = again.map_or(PAUSE_FIRST, |last| (last.pause * 2).min(PAUSE_MOST));
            failed = patch(&client, &id, &addresses, again.is_some()).await.err().or(failed);
            let at = Instant::now();
            next = Some(next.map_or(at + pause, |next| next.min(at + pause)));
            written.insert(id, Written { addresses, at, pause });
        }
        if let Some(error) = failed {
            tracing::warn!("an Ingress's status cannot be written: {error}");
        }
        // What was written is gone from the list when the watch has seen it.
        let wait = next.map_or(Duration::MAX, |next| next.duration_since(Instant::now()));
        if let Ok(Err(_)) = tokio::time::timeout(wait, unpublished.changed()).await {
            return;
        }
    }
}

/// Writes one status; `again` where that was written before, and somebody else wrote over it, or nobody
/// took it.
async fn patch(
    client: &Client,
    id: &Id,
    addresses: &[Box<str>],
    again: bool,
) -> Result<(), String> {
    let ingresses = Api::<Ingress>::namespaced(client.clone(), &id.namespace);
    let status = Patch::Merge(status(addresses));
    match ingresses.patch_status(&id.name, &PatchParams::default(), &status).await {
        Ok(_) if again => {
            tracing::warn!(
                ingress = %id, ?addresses,
                "its status is written again, as somebody else wrote another address: give each \
                 installation a class of its own (--ingress-controller), and all gateways of one the \
                 same address"
            );
            Ok(())
        }
        Ok(_) => {
            tracing::info!(ingress = %id, ?addresses, "its status says where it is");
            Ok(())
        }
        // It went meanwhile.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(access::told("patch", "ingresses/status", Some(&*id.namespace), &error)),
    }
}

fn status(addresses: &[Box<str>]) -> Value {
    let address = |text: &str| match text.parse::<std::net::IpAddr>() {
        Ok(ip) => json!({ "ip": ip }),
        Err(_) => json!({ "hostname": text }),
    };
    let addresses: Vec<_> = addresses.iter().map(|text| address(text)).collect();
    json!({ "status": { "loadBalancer": { "ingress": addresses } } })
}
