//! Where are Ingresses reached? Their status says it. Only what is not so is written, so that two
//! gateways that were told the same address do not write in turns.

use std::time::Duration;

use k8s_openapi::api::networking::v1::Ingress;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;

use super::access;
use super::digest::Id;

/// After a write that was refused.
const RETRY: Duration = Duration::from_secs(5);

/// Ingresses, and what their status should say.
pub(super) type Unpublished = Vec<(Id, Box<[Box<str>]>)>;

/// Writes what is not so; for ever.
pub(super) async fn write(client: Client, mut unpublished: Receiver<Unpublished>) {
    loop {
        let now = unpublished.borrow_and_update().clone();
        let mut failed = None;
        for (id, addresses) in &now {
            let ingresses = Api::<Ingress>::namespaced(client.clone(), &id.namespace);
            let status = Patch::Merge(status(addresses));
            let written = ingresses.patch_status(&id.name, &PatchParams::default(), &status).await;
            match written {
                Ok(_) => tracing::info!(ingress = %id, ?addresses, "its status says where it is"),
                // It went meanwhile.
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => {
                    let namespace = Some(&*id.namespace);
                    failed = Some(access::told("patch", "ingresses/status", namespace, &error));
                }
            }
        }
        let Some(error) = failed else {
            match unpublished.changed().await {
                Ok(()) => continue,
                Err(_) => return,
            }
        };
        tracing::warn!("an Ingress's status cannot be written: {error}");
        tokio::time::sleep(RETRY).await;
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
