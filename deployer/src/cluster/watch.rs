//! How is it heard what happens? By watching: nothing is asked again after a time.

use std::collections::BTreeSet;
use std::fmt::Debug;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event as Word, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use crate::cluster::ask::answered;
use crate::cluster::connect::Cluster;
use crate::cluster::fault::Fault;
use crate::cluster::parent::Item;
use crate::cluster::picture::Seen;
use crate::report::Thing;

/// What happens, for as long as somebody listens.
pub(super) type Seeing = BoxStream<'static, Seen>;

impl Cluster {
    /// A workload, and what it makes.
    pub(super) fn see_workload(&self, thing: &Thing, selector: &str) -> Seeing {
        let named = Config::default().fields(&format!("metadata.name={}", thing.name));
        let labelled = Config::default().labels(selector);
        let pods =
            self.see::<Pod>(labelled.clone(), |pod| Seen::Pod(Box::new(pod)), Some(Seen::PodGone));
        match thing.kind.as_str() {
            "Deployment" => {
                let one =
                    self.see::<Deployment>(named, |one| Seen::Deployment(Box::new(one)), None);
                let sets =
                    self.see::<ReplicaSet>(labelled, |one| Seen::ReplicaSet(Box::new(one)), None);
                stream::select(one, stream::select(sets, pods)).boxed()
            }
            "StatefulSet" => {
                let one =
                    self.see::<StatefulSet>(named, |one| Seen::StatefulSet(Box::new(one)), None);
                stream::select(one, pods).boxed()
            }
            "Job" => {
                let one = self.see::<Job>(named, |one| Seen::Job(Box::new(one)), None);
                stream::select(one, pods).boxed()
            }
            _ => stream::pending().boxed(),
        }
    }

    /// What the cluster says about objects since `version` of its events.
    pub(super) fn see_words(&self, version: u64) -> Seeing {
        let words = self.see::<Word>(Config::default(), |word| Seen::Word(Box::new(word)), None);
        words
            .filter(move |seen| {
                let old = match seen {
                    Seen::Word(word) => number(word.resource_version()) <= version,
                    _ => false,
                };
                std::future::ready(!old)
            })
            .boxed()
    }

    /// The version of what the cluster has said so far.
    pub(super) async fn words_version(&self) -> Result<u64, Fault> {
        let api = Api::<Word>::namespaced(self.client.clone(), &self.place.namespace);
        let thing = Thing::new("Event", "");
        let one = kube::api::ListParams::default().limit(1);
        let listed = answered(api.list_metadata(&one)).await;
        let listed = listed.map_err(|error| self.client_fault("list", &thing, error))?;
        Ok(number(listed.metadata.resource_version))
    }

    /// Until the object is no more, or is another.
    pub(super) async fn gone(&self, item: &Item, uid: &str) -> Result<(), Fault> {
        let resource = ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk(&item.group, &item.version, &item.kind),
            &item.plural,
        );
        let api = Api::<DynamicObject>::namespaced_with(
            self.client.clone(),
            &self.place.namespace,
            &resource,
        );
        let named = Config::default().fields(&format!("metadata.name={}", item.name));
        let mut events = watcher(api, named).default_backoff().boxed();
        let mut there = false;
        loop {
            match events.next().await {
                Some(Ok(Event::Init)) => there = false,
                Some(Ok(Event::InitApply(one))) => there |= one.uid().as_deref() == Some(uid),
                Some(Ok(Event::InitDone)) if !there => return Ok(()),
                Some(Ok(Event::Apply(one))) if one.uid().as_deref() != Some(uid) => return Ok(()),
                Some(Ok(Event::Delete(_))) | None => return Ok(()),
                Some(Ok(Event::InitDone | Event::Apply(_))) => {}
                Some(Err(error)) => self.lasting(&item.thing(), error)?,
            }
        }
    }

    /// A watch that is not permitted never will be; others come back.
    fn lasting(&self, thing: &Thing, error: kube::runtime::watcher::Error) -> Result<(), Fault> {
        use kube::runtime::watcher::Error as Watch;
        let (Watch::InitialListFailed(error) | Watch::WatchStartFailed(error)) = error else {
            return Ok(());
        };
        match self.client_fault("watch", thing, error) {
            fault @ (Fault::NotPermitted { .. } | Fault::Unknown { .. }) => Err(fault),
            _ => Ok(()),
        }
    }

    fn see<K>(
        &self,
        config: Config,
        seen: fn(K) -> Seen,
        gone: Option<fn(String) -> Seen>,
    ) -> Seeing
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + Debug + DeserializeOwned + Send + 'static,
    {
        let api = Api::<K>::namespaced(self.client.clone(), &self.place.namespace);
        let events = watcher(api, config).default_backoff();
        let told = events.scan(Names::default(), move |names, event| {
            let told = match event {
                Ok(event) => names.hear(event, seen, gone),
                Err(error) => {
                    vec![Seen::Blind(format!("{} cannot be watched: {error}", K::kind(&())))]
                }
            };
            std::future::ready(Some(stream::iter(told)))
        });
        told.flatten().boxed()
    }
}

/// What is there, so that what went away while nobody watched is told, too.
#[derive(Debug, Default)]
struct Names {
    known: BTreeSet<String>,
    listed: BTreeSet<String>,
}

impl Names {
    fn hear<K: Resource>(
        &mut self,
        event: Event<K>,
        seen: fn(K) -> Seen,
        gone: Option<fn(String) -> Seen>,
    ) -> Vec<Seen> {
        match event {
            Event::Init => {
                self.listed.clear();
                Vec::new()
            }
            Event::InitApply(one) => {
                self.listed.insert(one.name_any());
                vec![seen(one)]
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let lost = self.known.difference(&listed).cloned().collect::<Vec<_>>();
                self.known = listed;
                gone.map(|gone| lost.into_iter().map(gone).collect()).unwrap_or_default()
            }
            Event::Apply(one) => {
                self.known.insert(one.name_any());
                vec![seen(one)]
            }
            Event::Delete(one) => {
                self.known.remove(&one.name_any());
                gone.map(|gone| gone(one.name_any())).into_iter().collect()
            }
        }
    }
}

/// A label selector as the API server reads it.
pub(super) fn selector(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter().flatten();
    labels.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

fn number(version: Option<String>) -> u64 {
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}
