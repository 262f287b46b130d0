//! What do the pods say? All of them, from now on or so far: pods that come are heard, too, and a connection that
//! breaks is taken up where it broke, without a line twice.

mod follow;
mod resume;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{AsyncBufReadExt as _, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams, LogParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Event, watcher};
use tokio::sync::{Semaphore, watch};

use self::follow::Follower;
use crate::cluster::connect::Cluster;
use crate::cluster::fault::Fault;
use crate::report::Thing;

pub use self::words::{Line, Style};

/// So many containers are heard at once.
const STREAMS_MOST: usize = 500;

/// Which lines are wanted.
#[derive(Debug, Clone)]
pub struct Logs {
    /// The labels of the pods.
    pub selector: String,
    /// Whether what they say from now on is wanted, too: until nobody listens any more.
    pub follow: bool,
    /// Whether it is that of the lives before the last restart.
    pub previous: bool,
    /// Whether init containers are heard.
    pub init: bool,
    /// Only what was said so recently.
    pub since: Option<Duration>,
    /// Only the last lines of each container.
    pub tail: Option<i64>,
}

/// Who hears it.
pub type Heard<'h> = dyn Fn(Line) + Send + Sync + 'h;

impl Logs {
    /// All that the pods of these labels have said so far.
    #[must_use]
    pub fn of(selector: &str) -> Self {
        let selector = selector.to_owned();
        Self { selector, follow: false, previous: false, init: true, since: None, tail: None }
    }

    /// Those of an application's pods.
    #[must_use]
    pub fn of_application(application: &str) -> Self {
        Self::of(&format!("app.kubernetes.io/part-of={application}"))
    }

    /// Those of a service's pods, or a job's.
    #[must_use]
    pub fn of_service(service: &str) -> Self {
        Self::of(&format!("app={service}"))
    }

    /// From now on, too.
    #[must_use]
    pub fn followed(self) -> Self {
        Self { follow: true, ..self }
    }

    fn begins(&self) -> Option<Timestamp> {
        self.since.map(|since| Timestamp::now() - since)
    }

    fn params(&self, container: &str) -> LogParams {
        LogParams {
            container: Some(container.to_owned()),
            tail_lines: self.tail,
            since_time: self.begins(),
            timestamps: true,
            ..LogParams::default()
        }
    }
}

impl Cluster {
    /// Tells what pods say. With `follow` it ends only when it is dropped: a service's pods may always come back.
    ///
    /// # Errors
    /// When the pods cannot be listed.
    pub async fn logs(&self, logs: &Logs, heard: &Heard<'_>) -> Result<(), Fault> {
        if logs.follow { self.follow(logs, heard).await } else { self.so_far(logs, heard).await }
    }

    async fn so_far(&self, logs: &Logs, heard: &Heard<'_>) -> Result<(), Fault> {
        let pods = Api::<Pod>::namespaced(self.client.clone(), &self.place.namespace);
        let thing = Thing::new("Pod", "");
        let all = pods.list(&ListParams::default().labels(&logs.selector)).await;
        let all = all.map_err(|error| self.client_fault("list", &thing, error))?;
        for pod in &all.items {
            for container in containers(pod, logs.init) {
                let params = LogParams { previous: logs.previous, ..logs.params(&container) };
                let name = pod.name_any();
                let of = |text: &str| Line::of(&name, &container, text);
                match pods.log_stream(&name, &params).await {
                    Ok(said) => {
                        let mut lines = said.lines();
                        while let Ok(Some(line)) = lines.try_next().await {
                            heard(of(&line));
                        }
                    }
                    // A container that has not begun has said nothing, and a pod that has gone says nothing.
                    Err(kube::Error::Api(status)) if matches!(status.code, 400 | 404) => {}
                    Err(error) => return Err(self.client_fault("read the logs of", &thing, error)),
                }
            }
        }
        Ok(())
    }

    async fn follow(&self, logs: &Logs, heard: &Heard<'_>) -> Result<(), Fault> {
        let pods = Api::<Pod>::namespaced(self.client.clone(), &self.place.namespace);
        let config = Config::default().labels(&logs.selector);
        let mut events = watcher(pods.clone(), config).default_backoff().boxed();
        let (places, mut followers) = (Semaphore::new(STREAMS_MOST), FuturesUnordered::new());
        let mut crowd = Crowd::default();
        let mut blind = false;
        loop {
            tokio::select! {
                Some(event) = events.next() => match event {
                    Ok(event) => {
                        blind = false;
                        for (seen, name, container) in crowd.hear(event, logs.init) {
                            let follower =
                                Follower { pods: &pods, name, container, logs, heard, places: &places };
                            followers.push(follower.run(seen));
                        }
                    }
                    Err(error) if !blind => {
                        blind = true;
                        heard(Line::Trouble { what: format!("pods cannot be watched: {error}; trying again") });
                    }
                    Err(_) => {}
                },
                Some(()) = followers.next() => {}
            }
        }
    }
}

/// The pods that are heard, each as it was seen last.
#[derive(Debug, Default)]
struct Crowd {
    pods: BTreeMap<String, watch::Sender<Option<Pod>>>,
    listed: Vec<String>,
}

/// A container that is to be followed: what is seen of its pod, the pod's name, its own.
type Newcomer = (watch::Receiver<Option<Pod>>, String, String);

impl Crowd {
    /// Takes in what happened; tells which containers are new.
    fn hear(&mut self, event: Event<Pod>, init: bool) -> Vec<Newcomer> {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(pod) => {
                self.listed.push(uid(&pod));
                return self.see(pod, init);
            }
            Event::Apply(pod) => return self.see(pod, init),
            Event::Delete(pod) => self.lose(&uid(&pod)),
            Event::InitDone => {
                let lost = self.pods.keys().filter(|uid| !self.listed.contains(uid));
                for uid in lost.cloned().collect::<Vec<_>>() {
                    self.lose(&uid);
                }
            }
        }
        Vec::new()
    }

    fn see(&mut self, pod: Pod, init: bool) -> Vec<Newcomer> {
        if let Some(known) = self.pods.get(&uid(&pod)) {
            known.send_replace(Some(pod));
            return Vec::new();
        }
        let (name, containers) = (pod.name_any(), containers(&pod, init));
        let uid = uid(&pod);
        let (told, seen) = watch::channel(Some(pod));
        self.pods.insert(uid, told);
        containers.into_iter().map(|container| (seen.clone(), name.clone(), container)).collect()
    }

    fn lose(&mut self, uid: &str) {
        if let Some(told) = self.pods.remove(uid) {
            told.send_replace(None);
        }
    }
}

fn uid(pod: &Pod) -> String {
    pod.uid().unwrap_or_default()
}

fn containers(pod: &Pod, init: bool) -> Vec<String> {
    let spec = pod.spec.iter();
    let names = spec.flat_map(|spec| {
        let first = spec.init_containers.iter().flatten().filter(|_| init);
        first.chain(&spec.containers).map(|container| container.name.clone())
    });
    names.collect()
}
