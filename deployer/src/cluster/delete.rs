//! How is an application taken away? By deleting its parent: the cluster deletes what belongs to it.

use kube::api::{DeleteParams, Preconditions, PropagationPolicy};
use serde_json::Value;
use tokio::time::timeout;

use crate::cluster::ask::answered;
use crate::cluster::connect::Cluster;
use crate::cluster::deploy::Options;
use crate::cluster::fault::Fault;
use crate::cluster::parent::{Item, Parent};
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
            let (item, with) = (Parent::item(application), &parent.inventory);
            self.gone_in_time(&item, &uid, with, options, told).await?;
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
        match answered(self.maps().delete(&Parent::name_of(&parent.application), &params)).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(error) => Err(self.client_fault("delete", &parent.thing(), error)),
        }
    }

    /// Waits for what is being deleted, and for what goes `with` it: somebody may hold that for ever.
    pub(super) async fn gone_in_time(
        &self,
        item: &Item,
        uid: &str,
        with: &[Item],
        options: &Options,
        told: &Told<'_>,
    ) -> Result<(), Fault> {
        told(Event::Waits { object: item.thing(), why: "it is being deleted".to_owned() });
        let within = options.timeout;
        tokio::select! {
            gone = timeout(within, self.gone(item, uid)) => if let Ok(gone) = gone {
                return gone;
            },
            () = options.stop.cancelled() => return Err(Fault::Detached),
        }
        let mut waiting = Vec::new();
        for item in with.iter().chain([item]) {
            if let Some(live) = self.get(item).await? {
                waiting.push(format!("{} to be deleted{}", item.thing(), holders(&live)));
            }
        }
        Err(Fault::TimedOut { waiting, within })
    }
}

/// Who must let it go before it is deleted.
fn holders(live: &Value) -> String {
    let all = live["metadata"]["finalizers"].as_array().into_iter().flatten();
    let all = all.filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    if all.is_empty() { String::new() } else { format!(" (held by {all})") }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Mutex;
    use std::time::Duration;

    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::json;
    use tower::service_fn;

    use crate::cluster::{Cluster, Fault, Options};
    use crate::report::Event;

    /// An API server of which a parent goes, and never is gone: who watches it hears nothing.
    async fn known(request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": {
            "name": "mp-shop", "uid": "u", "resourceVersion": "1",
            "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example/never"],
            "labels": { "app.kubernetes.io/managed-by": "metaparticle",
                "app.kubernetes.io/part-of": "shop" } } });
        let uri = request.uri().to_string();
        let body = if uri.contains("watch=") {
            return std::future::pending().await;
        } else if uri.contains("/mp-shop") {
            map
        } else {
            json!({ "metadata": { "resourceVersion": "1" }, "items": [map] })
        };
        Ok(Response::new(Body::from(body.to_string().into_bytes())))
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_is_gone_is_told_and_waited_for_as_long_as_was_said() {
        let cluster = Cluster::of(service_fn(known), "shop");
        let options = Options { timeout: Duration::from_secs(5), ..Options::default() };
        let told = Mutex::new(Vec::new());
        let tell = |event: Event| told.lock().expect("a list").extend(event.lines());
        let fault = cluster.ensure("shop", &options, &tell).await.expect_err("no parent");
        let held = "ConfigMap mp-shop to be deleted (held by example/never)";
        assert_eq!(fault.to_string(), format!("not ready within 5 s; still waiting for:\n{held}"));
        let told = told.into_inner().expect("a list");
        assert_eq!(told, ["… ConfigMap mp-shop: it is being deleted"]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_enough_waits_for_no_deletion() {
        let cluster = Cluster::of(service_fn(known), "shop");
        let options = Options::default();
        options.stop.cancel();
        let deleted = cluster.delete("shop", &options, &|_| ()).await;
        assert!(matches!(deleted, Err(Fault::Detached)), "{deleted:?}");
    }
}
