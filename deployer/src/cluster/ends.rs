//! Have an application's jobs ended? Watched, until they have.

use std::collections::BTreeMap;
use std::pin::pin;

use futures::TryStreamExt as _;
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt as _;
use kube::api::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Event, watcher};

use crate::cluster::connect::Cluster;
use crate::cluster::fault::Fault;
use crate::cluster::ready::{self, Standing};

impl Cluster {
    /// Waits until all Jobs with these labels have ended, and says whether all ended well. Where there are none,
    /// they have.
    ///
    /// # Errors
    /// When they cannot be watched at all.
    pub async fn jobs_ended(&self, selector: &str) -> Result<bool, Fault> {
        let jobs = Api::<Job>::namespaced(self.client.clone(), &self.place.namespace);
        let config = Config::default().labels(selector);
        let mut events = pin!(watcher(jobs, config).default_backoff());
        let (mut known, mut listed) = (BTreeMap::new(), false);
        loop {
            // What cannot be watched now is watched again, a little later each time.
            let Ok(Some(event)) = events.try_next().await else { continue };
            match event {
                Event::Init => known.clear(),
                Event::InitApply(job) | Event::Apply(job) => {
                    known.insert(job.name_any(), ready::job(&job, true));
                }
                Event::Delete(job) => {
                    known.remove(&job.name_any());
                }
                Event::InitDone => listed = true,
            }
            let waits = known.values().any(|standing| matches!(standing, Standing::Waits(_)));
            if listed && !waits {
                return Ok(known.values().all(|standing| matches!(standing, Standing::Ready)));
            }
        }
    }
}
