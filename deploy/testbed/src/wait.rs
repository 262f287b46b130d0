//! How is a condition of the cluster awaited? By watching: every change is looked at as it comes, and
//! nothing is asked again after a time.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures::Stream;
use kube::api::Api;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::runtime::{WatchStreamExt as _, watcher::Result as Watched};
use tokio::time::timeout;

use crate::space::Object;

/// A loaded machine may take many seconds to start a pod; nothing here takes a minute.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn until<K: Object, T>(
    api: Api<K>,
    what: &str,
    labels: &str,
    mut found: impl FnMut(&[K]) -> Option<T>,
) -> Result<T> {
    let mut seen = Seen::default();
    let mut events = pin!(watcher(api, Config::default().labels(labels)).backoff(Soon));
    let looking = async {
        while let Some(event) = next(&mut events).await {
            // A watch that broke is opened again by itself; why it broke is told if nothing comes of it.
            match event {
                Ok(event) => seen.take(event),
                Err(error) => seen.trouble = Some(error.to_string()),
            }
            if let Some(found) = seen.whole.then(|| found(&seen.all())).flatten() {
                return Ok(found);
            }
        }
        bail!("the watch ended")
    };
    match timeout(PATIENCE, looking).await {
        Ok(outcome) => outcome,
        Err(late) => Err(late).with_context(|| seen.told(what, labels)),
    }
}

async fn next<K>(
    events: &mut (impl Stream<Item = Watched<Event<K>>> + Unpin),
) -> Option<Watched<Event<K>>> {
    poll_fn(|context| std::pin::Pin::new(&mut *events).poll_next(context)).await
}

/// A watch that broke is opened again this soon: a test waits for it.
const SOON: Duration = Duration::from_millis(200);

struct Soon;

impl Iterator for Soon {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(SOON)
    }
}

impl Backoff for Soon {
    fn reset(&mut self) {}
}

/// What a watch has told so far; until it told everything once, it says nothing about what is missing.
struct Seen<K> {
    objects: BTreeMap<String, K>,
    listed: BTreeMap<String, K>,
    whole: bool,
    trouble: Option<String>,
}

impl<K> Default for Seen<K> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), listed: BTreeMap::new(), whole: false, trouble: None }
    }
}

impl<K: Object> Seen<K> {
    fn take(&mut self, event: Event<K>) {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(object) => drop(self.listed.insert(name_of(&object), object)),
            Event::InitDone => {
                self.objects = std::mem::take(&mut self.listed);
                self.whole = true;
            }
            Event::Apply(object) => drop(self.objects.insert(name_of(&object), object)),
            Event::Delete(object) => drop(self.objects.remove(&name_of(&object))),
        }
    }

    fn all(&self) -> Vec<K> {
        self.objects.values().cloned().collect()
    }

    fn told(&self, what: &str, labels: &str) -> String {
        let there =
            self.objects.iter().map(|(name, object)| format!("\n  {name}: {}", state(object)));
        let there = there.collect::<String>();
        let trouble = self.trouble.as_deref().unwrap_or("none");
        format!(
            "waited in vain for {what} ({labels}); the watch's trouble: {trouble}; there is:{there}"
        )
    }
}

/// What of an object changes by itself: not who it is, nor what was asked of it.
fn state<K: Object>(object: &K) -> String {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    if let Some(parts) = value.as_object_mut() {
        parts
            .retain(|part, _| !["apiVersion", "kind", "metadata", "spec"].contains(&part.as_str()));
    }
    value.to_string()
}

fn name_of<K: Object>(object: &K) -> String {
    object.meta().name.clone().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;

    fn map(name: &str) -> ConfigMap {
        let mut map = ConfigMap::default();
        map.metadata.name = Some(name.to_owned());
        map
    }

    fn seen(events: impl IntoIterator<Item = Event<ConfigMap>>) -> Seen<ConfigMap> {
        let mut seen = Seen::default();
        events.into_iter().for_each(|event| seen.take(event));
        seen
    }

    #[test]
    fn a_list_in_the_middle_is_not_taken_for_all_there_is() {
        assert!(!seen([Event::Init, Event::InitApply(map("a"))]).whole);
        assert!(seen([Event::Init, Event::InitApply(map("a")), Event::InitDone]).whole);
    }

    #[test]
    fn what_went_away_while_nobody_watched_is_forgotten() {
        let seen = seen([
            Event::Init,
            Event::InitApply(map("a")),
            Event::InitDone,
            Event::Init,
            Event::InitApply(map("b")),
            Event::InitDone,
        ]);
        assert_eq!(seen.all(), [map("b")]);
    }

    #[test]
    fn what_is_deleted_is_gone() {
        let seen =
            seen([Event::Init, Event::InitDone, Event::Apply(map("a")), Event::Delete(map("a"))]);
        assert!(seen.all().is_empty());
    }
}
