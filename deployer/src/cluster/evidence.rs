//! Why did it not work? What the cluster said about it, and the last words of the containers.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{Api, LogParams};

use crate::cluster::connect::Cluster;
use crate::cluster::stuck;
use crate::cluster::wait::Stuck;
use crate::report::{Event, Thing, Told};

/// So many lines of each container.
const LINES: i64 = 50;
/// Pods that fail alike say the same: so many are heard.
const PODS_MOST: usize = 3;

impl Cluster {
    /// Tells all that may say why.
    pub(super) async fn tell_evidence(&self, stuck: &Stuck, told: &Told<'_>) {
        let names = stuck.guilty.iter().cloned().collect::<BTreeSet<_>>();
        let about = |thing: &Thing| {
            names.contains(&thing.name)
                || stuck.awaited.iter().any(|one| made_by(&one.thing, thing))
        };
        stuck.picture.words(about).into_iter().for_each(told);
        for pod in names.iter().filter_map(|name| stuck.picture.pod(name)).take(PODS_MOST) {
            for (container, restarted) in stuck::silent(pod) {
                if restarted {
                    self.tell_last_words(pod, &container, true, told).await;
                }
                self.tell_last_words(pod, &container, false, told).await;
            }
        }
    }

    async fn tell_last_words(&self, pod: &Pod, container: &str, previous: bool, told: &Told<'_>) {
        let api = Api::<Pod>::namespaced(self.client.clone(), &self.place.namespace);
        let params = LogParams {
            container: Some(container.to_owned()),
            previous,
            tail_lines: Some(LINES),
            ..LogParams::default()
        };
        // A container that never ran has said nothing.
        let Ok(said) = api.logs(&pod.name_any(), &params).await else { return };
        let lines = said.lines().map(str::to_owned).collect::<Vec<_>>();
        if !lines.is_empty() {
            let container = container.to_owned();
            told(Event::Said { pod: pod.name_any(), container, previous, lines });
        }
    }
}

/// Whether it is the workload, or a ReplicaSet of it.
fn made_by(workload: &Thing, thing: &Thing) -> bool {
    let part = thing.name.strip_prefix(&workload.name);
    workload == thing
        || (thing.kind == "ReplicaSet" && part.is_some_and(|hash| hash.starts_with('-')))
}
