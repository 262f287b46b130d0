//! Where are Ingresses reached? Their status says it, and one gateway of an installation writes it: the one
//! that they elected. Only what is not so is written, and where somebody else writes otherwise, ever more
//! seldom.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::api::networking::v1::Ingress;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use metaparticle_sync::Sync;
use metaparticle_sync::holder::Overrun;
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

/// After an election that could not be held.
const STAND_AGAIN: Duration = Duration::from_secs(60);

/// How gateways agree on who writes.
#[derive(Debug)]
pub(super) struct Elect {
    pub(super) sync: Sync,
    /// What the Lease is called.
    pub(super) lease: String,
}

/// Ingresses, and what their status should say.
pub(super) type Unpublished = Vec<(Id, Box<[Box<str>]>)>;

/// The last write of one status, whether it was taken or not.
struct Written {
    addresses: Box<[Box<str>]>,
    at: Instant,
    /// How long there is none after it.
    pause: Duration,
}

/// Writes what is not so, for as long as this gateway is elected; without an election always.
pub(super) async fn write(
    client: Client,
    unpublished: Receiver<Unpublished>,
    elect: Option<Elect>,
) {
    let Some(Elect { sync, lease }) = elect else { return keep(&client, unpublished).await };
    // Two that write the same do no harm, which a gateway that ends for it would.
    let election = sync.elect(&lease).on_overrun(Overrun::Fenced);
    loop {
        let leading = election.run_while_leader(async |_| {
            tracing::info!(%lease, "this gateway writes the status of Ingresses");
            keep(&client, unpublished.clone()).await;
        });
        let Err(error) = leading.await else { return };
        tracing::warn!(
            "the status of Ingresses is not written by this gateway, as it cannot be elected for it: \
             {error}; it needs the Role `metaparticle-gateway-election` of deploy/base, or say \
             --status-lease=off where there is but one gateway"
        );
        tokio::time::sleep(STAND_AGAIN).await;
    }
}

async fn keep(client: &Client, mut unpublished: Receiver<Unpublished>) {
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
            failed = patch(client, &id, &addresses, again.is_some()).await.err().or(failed);
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
