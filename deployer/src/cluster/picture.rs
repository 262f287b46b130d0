//! What is seen of an application while it is awaited, and what does it mean? Pure: told what changed and when, it
//! says whether all is ready, what is waited for, or why it never will be.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event as Word, Pod};
use kube::ResourceExt as _;

use crate::cluster::ready::{self, Standing};
use crate::cluster::stuck::{self, Patience, Trouble};
use crate::report::{Event, PodLine, Thing};

/// A workload that is awaited: as it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Awaited {
    pub(super) thing: Thing,
    pub(super) uid: String,
    /// Nothing that is said about an earlier one counts.
    pub(super) generation: i64,
}

/// One thing that was seen.
#[derive(Debug, Clone)]
pub(super) enum Seen {
    Deployment(Box<Deployment>),
    StatefulSet(Box<StatefulSet>),
    Job(Box<Job>),
    ReplicaSet(Box<ReplicaSet>),
    Pod(Box<Pod>),
    PodGone(String),
    Word(Box<Word>),
    /// The API server does not tell for now.
    Blind(String),
}

/// What was seen last.
#[derive(Debug, Default)]
pub(super) struct Picture {
    deployments: BTreeMap<String, Deployment>,
    sets: BTreeMap<String, StatefulSet>,
    jobs: BTreeMap<String, Job>,
    replica_sets: BTreeMap<String, ReplicaSet>,
    pods: BTreeMap<String, Pod>,
    words: BTreeMap<String, Word>,
    /// Since when each trouble of each object stands.
    troubled: BTreeMap<(String, String), Duration>,
    /// What was told of each object last: nothing is told twice.
    told: BTreeMap<String, Event>,
}

/// What the picture means.
#[derive(Debug, PartialEq)]
pub(super) struct Meaning {
    /// What is new and worth telling.
    pub(super) news: Vec<Event>,
    /// What is waited for; nothing when all is ready.
    pub(super) waiting: Vec<String>,
    /// Why it never will be.
    pub(super) broken: Vec<String>,
    /// The pods that are why.
    pub(super) guilty: Vec<String>,
}

impl Picture {
    pub(super) fn see(&mut self, seen: Seen) {
        match seen {
            Seen::Deployment(one) => drop(self.deployments.insert(one.name_any(), *one)),
            Seen::StatefulSet(one) => drop(self.sets.insert(one.name_any(), *one)),
            Seen::Job(one) => drop(self.jobs.insert(one.name_any(), *one)),
            Seen::ReplicaSet(one) => drop(self.replica_sets.insert(one.name_any(), *one)),
            Seen::Pod(one) => drop(self.pods.insert(one.name_any(), *one)),
            Seen::PodGone(name) => drop(self.pods.remove(&name)),
            Seen::Word(one) => drop(self.words.insert(one.name_any(), *one)),
            Seen::Blind(_) => {}
        }
    }

    /// What it means at the moment `now`.
    pub(super) fn judge(
        &mut self,
        awaited: &[Awaited],
        patience: &Patience,
        jobs: bool,
        now: Duration,
    ) -> Meaning {
        let mut meaning = Meaning {
            news: Vec::new(),
            waiting: Vec::new(),
            broken: Vec::new(),
            guilty: Vec::new(),
        };
        let (mut shown, mut stands) = (BTreeSet::new(), BTreeSet::new());
        for one in awaited {
            let event = match self.standing(one, jobs) {
                Standing::Ready => Event::Ready { object: one.thing.clone() },
                Standing::Waits(why) => {
                    meaning.waiting.push(format!("{}: {why}", one.thing));
                    Event::Waits { object: one.thing.clone(), why }
                }
                Standing::Failed(why) => {
                    meaning.broken.push(format!("{}: {why}", one.thing));
                    Event::Waits { object: one.thing.clone(), why }
                }
            };
            self.tell(one.thing.to_string(), event, &mut meaning);
            let pods = self.pods_of(one);
            for (name, line) in &pods {
                shown.insert(name.clone());
                let event = Event::Pod { pod: name.clone(), line: line.clone() };
                self.tell(name.clone(), event, &mut meaning);
            }
            for (name, thing, trouble) in self.troubles(one, patience) {
                let key = (name.clone(), trouble.reason.clone());
                stands.insert(key.clone());
                let since = *self.troubled.entry(key).or_insert(now);
                if now - since >= trouble.borne
                    && !meaning.broken.iter().any(|why| why.ends_with(&trouble.why))
                {
                    meaning.broken.push(format!("{thing}: {}: {}", trouble.reason, trouble.why));
                    meaning.guilty.push(name);
                }
            }
        }
        self.troubled.retain(|key, _| stands.contains(key));
        self.forget(&shown, &mut meaning);
        meaning
    }

    /// What the cluster has said about these objects, in the order of time.
    pub(super) fn words(&self, about: impl Fn(&Thing) -> bool) -> Vec<Event> {
        let mut words = self.words.values().filter(|word| word.type_.as_deref() != Some("Normal"));
        let mut all = words.by_ref().filter(|word| about(&thing_of(word))).collect::<Vec<_>>();
        all.sort_by_key(|word| word.last_timestamp.as_ref().map(|time| time.0));
        all.into_iter().map(happened).collect()
    }

    pub(super) fn pod(&self, name: &str) -> Option<&Pod> {
        self.pods.get(name)
    }

    /// The pods of a workload's newest template that are not ready.
    pub(super) fn unready(&self, awaited: &[Awaited]) -> Vec<String> {
        let all = awaited.iter().flat_map(|one| self.pods_of(one));
        all.filter(|(_, line)| !line.ready).map(|(name, _)| name).collect()
    }

    fn tell(&mut self, key: String, event: Event, meaning: &mut Meaning) {
        if self.told.get(&key) != Some(&event) {
            self.told.insert(key, event.clone());
            meaning.news.push(event);
        }
    }

    /// Pods that are no more have no line.
    fn forget(&mut self, shown: &BTreeSet<String>, meaning: &mut Meaning) {
        self.told.retain(|key, event| {
            let gone = matches!(event, Event::Pod { .. }) && !shown.contains(key);
            if gone {
                meaning.news.push(Event::PodGone { pod: key.clone() });
            }
            !gone
        });
    }

    fn standing(&self, awaited: &Awaited, jobs: bool) -> Standing {
        let name = &awaited.thing.name;
        let unseen = || Standing::Waits("the cluster has not shown it yet".to_owned());
        let current = |meta: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta| {
            meta.uid.as_deref() == Some(&awaited.uid)
                && meta.generation.unwrap_or_default() >= awaited.generation
        };
        match awaited.thing.kind.as_str() {
            "Deployment" => self
                .deployments
                .get(name)
                .filter(|one| current(&one.metadata))
                .map(ready::deployment),
            "StatefulSet" => {
                self.sets.get(name).filter(|one| current(&one.metadata)).map(ready::stateful_set)
            }
            "Job" => self
                .jobs
                .get(name)
                .filter(|one| current(&one.metadata))
                .map(|one| ready::job(one, jobs)),
            _ => Some(Standing::Ready),
        }
        .unwrap_or_else(unseen)
    }

    fn is_looked_at(&self, awaited: &Awaited) -> bool {
        let name = &awaited.thing.name;
        let observed = match awaited.thing.kind.as_str() {
            "Deployment" => {
                self.deployments.get(name).and_then(|one| one.status.as_ref()?.observed_generation)
            }
            "StatefulSet" => {
                self.sets.get(name).and_then(|one| one.status.as_ref()?.observed_generation)
            }
            _ => Some(awaited.generation),
        };
        observed.is_some_and(|observed| observed >= awaited.generation)
    }

    /// The pods that a workload's newest template made; those of older ones go by themselves.
    fn pods_of(&self, awaited: &Awaited) -> Vec<(String, PodLine)> {
        let pods = self.new_pods(awaited);
        pods.into_iter().map(|pod| (pod.name_any(), stuck::line(pod))).collect()
    }

    fn new_pods(&self, awaited: &Awaited) -> Vec<&Pod> {
        // Until the cluster has looked at what was applied, the newest template is the one before it.
        if !self.is_looked_at(awaited) {
            return Vec::new();
        }
        let name = &awaited.thing.name;
        let of = |key: &'static str, value: String| {
            self.pods
                .values()
                .filter(move |pod| stuck::label(pod, key) == Some(&value))
                .collect::<Vec<_>>()
        };
        match awaited.thing.kind.as_str() {
            "Deployment" => {
                let newest = self.deployments.get(name);
                let newest = newest.and_then(|one| ready::newest(one, self.replica_sets.values()));
                newest.map(|hash| of(ready::POD_TEMPLATE, hash)).unwrap_or_default()
            }
            "StatefulSet" => {
                let status = self.sets.get(name).and_then(|one| one.status.as_ref());
                let revision = status.and_then(|status| status.update_revision.clone());
                let pods =
                    revision.map(|revision| of(ready::REVISION, revision)).unwrap_or_default();
                pods.into_iter().filter(|pod| owned(pod.owner_references(), &awaited.uid)).collect()
            }
            "Job" => self
                .pods
                .values()
                .filter(|pod| owned(pod.owner_references(), &awaited.uid))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// What is wrong with a workload: with its new pods, and with making them.
    fn troubles(&self, awaited: &Awaited, patience: &Patience) -> Vec<(String, Thing, Trouble)> {
        if self.standing(awaited, false) == Standing::Ready {
            return Vec::new();
        }
        let pods = self.new_pods(awaited).into_iter().filter_map(|pod| {
            let name = pod.name_any();
            Some((name.clone(), Thing::new("Pod", &name), stuck::trouble(pod, patience)?))
        });
        let makers = self.makers(awaited);
        let words = self.words.values().filter_map(|word| {
            let about = thing_of(word);
            let ours = word.involved_object.uid.as_ref().is_some_and(|uid| makers.contains(uid));
            let trouble = stuck::refused(word, patience).filter(|_| ours)?;
            Some((about.to_string(), awaited.thing.clone(), trouble))
        });
        // Where pods are being made, a word against it is of before.
        let lacks = self.lacks(awaited);
        pods.chain(words.filter(|_| lacks)).collect()
    }

    /// Who makes a workload's pods.
    fn makers(&self, awaited: &Awaited) -> BTreeSet<String> {
        let name = &awaited.thing.name;
        let newest = self.deployments.get(name).filter(|_| awaited.thing.kind == "Deployment");
        let newest = newest.and_then(|one| ready::newest(one, self.replica_sets.values()));
        let sets = self.replica_sets.values();
        let set = sets.filter(|set| {
            newest.is_some() && set.labels().get(ready::POD_TEMPLATE) == newest.as_ref()
        });
        set.filter_map(kube::ResourceExt::uid).chain([awaited.uid.clone()]).collect()
    }

    /// Whether a workload has fewer pods than it wants.
    fn lacks(&self, awaited: &Awaited) -> bool {
        let name = &awaited.thing.name;
        let have = self.new_pods(awaited).len();
        let wanted = match awaited.thing.kind.as_str() {
            "Deployment" => self.deployments.get(name).and_then(|one| one.spec.as_ref()?.replicas),
            "StatefulSet" => self.sets.get(name).and_then(|one| one.spec.as_ref()?.replicas),
            _ => self.jobs.get(name).and_then(|one| one.spec.as_ref()?.parallelism),
        };
        usize::try_from(wanted.unwrap_or(1)).is_ok_and(|wanted| have < wanted)
    }
}

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

fn owned(owners: &[OwnerReference], uid: &str) -> bool {
    owners.iter().any(|owner| owner.uid == uid)
}

fn thing_of(word: &Word) -> Thing {
    let about = &word.involved_object;
    Thing::new(about.kind.as_deref().unwrap_or_default(), about.name.as_deref().unwrap_or_default())
}

fn happened(word: &Word) -> Event {
    Event::Happened {
        about: thing_of(word),
        reason: word.reason.clone().unwrap_or_default(),
        message: word.message.clone().unwrap_or_default(),
        count: word.count.unwrap_or(1),
    }
}

#[cfg(test)]
mod tests;
