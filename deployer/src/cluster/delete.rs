//! How is an application taken away? By deleting its parent: the cluster deletes what belongs to it.

use tokio::time::{Duration, timeout};

use kube::api::{DeleteParams, Preconditions, PropagationPolicy};

use crate::cluster::connect::Cluster;
use crate::cluster::deploy::Options;
use crate::cluster::fault::Fault;
use crate::cluster::parent::Parent;
use crate::report::{Event, Told};

impl Cluster {
    /// Deletes an application, and waits until nothing of it is left, if that is wished. One that is not there is
    /// deleted already.
    ///
    /// # Errors
    /// When it cannot be deleted, or something of it stays for too long.
    pub async fn delete(
        &self,
        application: &str,
        options: &Options,
        told: &Told<'_>,
    ) -> Result<bool, Fault> {
        self.open(application, options, told)?;
        let Some(parent) = self.parent(application).await? else {
            told(Event::Deleted { found: false, gone: true });
            return Ok(false);
        };
        let uid = parent.uid.clone().unwrap_or_default();
        if !parent.going {
            // Nobody who deploys it now makes anything that nobody would own.
            let deleted = self.locked(&parent, options, told, self.delete_parent(&parent, &uid));
            match Box::pin(deleted).await {
                // The lock goes with the parent.
                Err(Fault::LockLost(_)) if self.is_going(application).await? => {}
                deleted => deleted?,
            }
        }
        if options.wait {
            let item = Parent::item(application);
            let gone = self.gone(&item, &uid);
            let late = |_| self.left(&parent, options.timeout);
            match timeout(options.timeout, gone).await.map_err(late) {
                Ok(gone) => gone?,
                Err(left) => return Err(left.await),
            }
        }
        told(Event::Deleted { found: true, gone: options.wait });
        Ok(true)
    }

    async fn is_going(&self, application: &str) -> Result<bool, Fault> {
        Ok(self.parent(application).await?.is_none_or(|parent| parent.going))
    }

    async fn delete_parent(&self, parent: &Parent, uid: &str) -> Result<(), Fault> {
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Foreground),
            preconditions: Some(Preconditions {
                uid: Some(uid.to_owned()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        match self.maps().delete(&Parent::name_of(&parent.application), &params).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(error) => Err(self.client_fault("delete", &parent.thing(), error)),
        }
    }

    /// What is still there.
    async fn left(&self, parent: &Parent, within: Duration) -> Fault {
        let mut waiting = Vec::new();
        for item in &parent.inventory {
            match self.get(item).await {
                Ok(Some(live)) => {
                    let held = live["metadata"]["finalizers"].as_array().map(|all| {
                        all.iter().filter_map(|one| one.as_str()).collect::<Vec<_>>().join(", ")
                    });
                    let held = held.map(|held| format!(" (held by {held})")).unwrap_or_default();
                    waiting.push(format!("{}{held}", item.thing()));
                }
                Ok(None) => {}
                Err(fault) => return fault,
            }
        }
        if waiting.is_empty() {
            waiting.push(parent.thing().to_string());
        }
        Fault::TimedOut { waiting, within }
    }
}
