//! How many replicas? Said by the scale subresource: so nothing but the number changes, and an autoscaler is not
//! overruled.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::cluster::connect::Cluster;
use crate::cluster::fault::Fault;
use crate::cluster::parent::Item;
use crate::cluster::{MANAGER, replicas::Autoscaled};
use crate::report::{Event, Outcome, Told};

impl Cluster {
    /// Sets the number of replicas of a workload of the application, until the next deploy says another.
    ///
    /// # Errors
    /// When it has none, or when an autoscaler says how many they are.
    pub async fn scale(
        &self,
        application: &str,
        name: &str,
        replicas: u32,
        told: &Told<'_>,
    ) -> Result<(), Fault> {
        let parent = self.known(application).await?;
        let scalable = |item: &&Item| matches!(item.kind.as_str(), "Deployment" | "StatefulSet");
        let item = parent.inventory.iter().filter(scalable).find(|item| item.name == name);
        let item = item.ok_or_else(|| Fault::NotScalable { name: name.to_owned() })?;
        let scaled: Autoscaled = self.autoscalers().await?;
        if let Some(by) = scaled.of(item) {
            return Err(Fault::Autoscaled { object: item.thing(), by: by.to_owned() });
        }
        let params =
            PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let change = json!({ "spec": { "replicas": replicas } });
        let patched: Result<Value, _> =
            self.patch_scale(item, &params, &Patch::Merge(&change)).await;
        patched.map_err(|answer| self.fault("scale", &item.thing(), answer))?;
        told(Event::Applied { object: item.thing(), outcome: Outcome::Configured });
        Ok(())
    }
}
