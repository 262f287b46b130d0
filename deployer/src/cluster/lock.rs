//! Who may deploy? One at a time, for as long as a Lease is renewed: whoever is killed keeps it for a few seconds,
//! and nobody has to clear it by hand.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams, PostParams};
use metaparticle_sync::Sync;
use metaparticle_sync::clock::Boot;
use metaparticle_sync::holder::{Held, NotAcquired, Overrun};
use metaparticle_sync::store::Leases;
use serde_json::json;

use crate::cluster::MANAGER;
use crate::cluster::ask::answered;
use crate::cluster::connect::Cluster;
use crate::cluster::deploy::Options;
use crate::cluster::fault::Fault;
use crate::cluster::own;
use crate::cluster::parent::{BY, OF, Parent};
use crate::report::{Event, Thing, Told};

impl Cluster {
    /// Does `work` while nobody else deploys the application, and stops it when the lock is lost.
    pub(super) async fn locked<T>(
        &self,
        parent: &Parent,
        options: &Options,
        told: &Told<'_>,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        self.lease(parent).await?;
        let leases = Leases::new(self.leases.clone(), &self.place.namespace);
        let sync = Sync::named(&options.who, fastrand::u64(..), leases, Boot);
        let done = async {
            let held = self.acquire(&sync, parent, options, told).await?;
            let done = tokio::select! {
                done = held.within(work) => done.map_err(Fault::LockLost).flatten(),
                () = options.stop.cancelled() => Err(Fault::Detached),
            };
            // That it was lost after the last write is no matter.
            held.release().await.ok();
            done
        };
        let done = done.await;
        sync.shutdown().await;
        done
    }

    async fn acquire(
        &self,
        sync: &Sync,
        parent: &Parent,
        options: &Options,
        told: &Told<'_>,
    ) -> Result<Held, Fault> {
        // What it does late is refused: the parent is only written over what was read.
        let lock = sync.lock(&Parent::name_of(&parent.application)).on_overrun(Overrun::Fenced);
        if let Some(held) = lock.try_acquire().await.map_err(Fault::NoLock)? {
            return Ok(held);
        }
        let holder = self.holder(parent).await?;
        told(Event::Locked { holder: holder.clone() });
        let within = options.lock_within;
        tokio::select! {
            held = lock.acquire_within(within) => held.map_err(|error| match error {
                NotAcquired::Late { .. } => Fault::Locked { holder, within },
                error => Fault::NoLock(error),
            }),
            () = options.stop.cancelled() => Err(Fault::Detached),
        }
    }

    async fn holder(&self, parent: &Parent) -> Result<String, Fault> {
        let lease = self.leased(&parent.application).await?;
        let holder = lease.and_then(|lease| lease.spec?.holder_identity);
        Ok(holder.filter(|holder| !holder.is_empty()).unwrap_or_else(|| "somebody".to_owned()))
    }

    /// The Lease belongs to the parent, so that it goes with it.
    async fn lease(&self, parent: &Parent) -> Result<(), Fault> {
        let (api, name) = (self.lease_api(), Parent::name_of(&parent.application));
        let fault = |verb, error| self.client_fault(verb, &thing(&name), error);
        let owner = OwnerReference {
            api_version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            name: name.clone(),
            uid: parent.uid.clone().unwrap_or_default(),
            ..OwnerReference::default()
        };
        let by = Some(MANAGER.to_owned());
        if let Some(lease) = self.leased(&parent.application).await? {
            if lease.owner_references().iter().any(|one| one.uid == owner.uid) {
                return Ok(());
            }
            let change = json!({ "metadata": { "ownerReferences": [owner] } });
            let params = PatchParams { field_manager: by, ..PatchParams::default() };
            let patched = answered(api.patch(&name, &params, &Patch::Merge(change))).await;
            return patched.map(drop).map_err(|error| fault("patch", error));
        }
        let mut lease = Lease { spec: Some(free()), ..Lease::default() };
        lease.metadata.name = Some(name.clone());
        lease.metadata.owner_references = Some(vec![owner]);
        let labels = [(BY, MANAGER), (OF, &parent.application)];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
        lease.metadata.labels = Some(labels.into());
        let params = PostParams { field_manager: by, ..PostParams::default() };
        match answered(api.create(&params, &lease)).await {
            Ok(_) => Ok(()),
            // Somebody was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            Err(error) => Err(fault("create", error)),
        }
    }

    /// The application's Lease, if it is there and not somebody else's.
    pub(super) async fn leased(&self, application: &str) -> Result<Option<Lease>, Fault> {
        let (api, name) = (self.lease_api(), Parent::name_of(application));
        let lease = answered(api.get_opt(&name)).await;
        let lease = lease.map_err(|error| self.client_fault("get", &thing(&name), error))?;
        if let Some(lease) = lease.iter().find(|lease| !is_ours(lease, application)) {
            let by = own::by(&serde_json::to_value(lease).unwrap_or_default());
            return Err(Fault::Foreign { object: thing(&name), by });
        }
        Ok(lease)
    }

    fn lease_api(&self) -> Api<Lease> {
        Api::namespaced(self.client.clone(), &self.place.namespace)
    }
}

/// Whether it was made for the application: for this parent, or a former one.
fn is_ours(lease: &Lease, application: &str) -> bool {
    let name = Parent::name_of(application);
    let says = |key: &str, word: &str| lease.labels().get(key).is_some_and(|said| said == word);
    let mut owners = lease.owner_references().iter();
    owners.any(|one| one.kind == "ConfigMap" && one.name == name)
        || (says(BY, MANAGER) && says(OF, application))
}

/// One that nobody holds.
fn free() -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(String::new()),
        lease_duration_seconds: Some(1),
        lease_transitions: Some(0),
        ..LeaseSpec::default()
    }
}

fn thing(name: &str) -> Thing {
    Thing::new("Lease", name)
}

/// For how long a deploy waits for another one.
pub(super) const WITHIN: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use k8s_openapi::api::coordination::v1::Lease;
    use serde_json::{Value, json};

    use super::is_ours;

    #[test]
    fn a_lease_is_ours_by_its_owner_or_its_labels_and_else_somebodys() {
        let check = |metadata: Value, ours: bool| {
            let lease: Lease = serde_json::from_value(json!({ "metadata": metadata })).unwrap();
            assert_eq!(is_ours(&lease, "shop"), ours, "{metadata}");
        };
        let owner = |kind: &str, name: &str| {
            json!({ "name": "mp-shop", "ownerReferences":
                [{ "apiVersion": "v1", "kind": kind, "name": name, "uid": "former" }] })
        };
        let labels = |by: &str, of: &str| {
            json!({ "name": "mp-shop", "labels":
                { "app.kubernetes.io/managed-by": by, "app.kubernetes.io/part-of": of } })
        };
        check(owner("ConfigMap", "mp-shop"), true);
        check(labels("metaparticle", "shop"), true);
        check(owner("Deployment", "mp-shop"), false);
        check(owner("ConfigMap", "mp-other"), false);
        check(labels("metaparticle", "other"), false);
        check(labels("other", "shop"), false);
        check(json!({ "name": "mp-shop", "labels": { "team": "other" } }), false);
    }
}
