//! What is remembered of an application, and where? In its parent, the ConfigMap `mp-<application>`: all objects
//! that were made for it, and its last plans. They belong to it, so deleting it deletes them; pure.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::cluster::MANAGER;
use crate::cluster::fault::Fault;
use crate::plan::Object;
use crate::plan::Plan;
use crate::report::Thing;

/// How many revisions are kept.
const KEPT: usize = 10;
/// Kubernetes holds a mebibyte in all; the rest is for names, and for base64.
const BYTES_MOST: usize = 700_000;
/// What a plan may unpack to.
const PLAN_MOST: usize = 64 << 20;
const LEVEL: u8 = 6;

pub(super) const BY: &str = "app.kubernetes.io/managed-by";
pub(super) const OF: &str = "app.kubernetes.io/part-of";
const WHAT: &str = "app.kubernetes.io/component";
const INVENTORY: &str = "inventory";
const REVISIONS: &str = "revisions";

/// The parent of an application's objects.
#[derive(Debug, Clone, PartialEq)]
pub struct Parent {
    /// The application.
    pub application: String,
    /// Everything that was made, or is about to be.
    pub inventory: Vec<Item>,
    /// From the oldest to the newest.
    pub revisions: Vec<Revision>,
    /// Which object it is: none before it is created.
    pub(super) uid: Option<String>,
    pub(super) version: Option<String>,
    /// Whether it is being deleted.
    pub(super) going: bool,
}

/// An object of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Item {
    /// `apps`.
    pub group: String,
    /// `v1`.
    pub version: String,
    /// `Deployment`.
    pub kind: String,
    /// `deployments`.
    pub plural: String,
    /// Its name.
    pub name: String,
    /// Which object of that name; unknown before it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// What was applied, as a number.
    #[serde(default)]
    pub hash: String,
}

/// A plan, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// From 1.
    pub number: u32,
    /// What became of it.
    pub state: State,
    /// When it was begun, by the deployer's clock.
    pub at: String,
    /// The plan, as a number.
    pub hash: String,
    /// Who deployed it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// Why it failed, or which it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(skip)]
    packed: Vec<u8>,
}

/// What became of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It was begun.
    Pending,
    /// It was in force; the newest of these is.
    Live,
    /// It never was.
    Failed,
}

/// A number for something that can be written.
pub(super) fn hash(value: &impl Serialize) -> String {
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

impl Item {
    pub(super) fn of(object: &Object) -> Self {
        let kind = object.kind();
        Self {
            group: kind.group.clone(),
            version: kind.version.clone(),
            kind: kind.kind.clone(),
            plural: kind.plural.clone(),
            name: object.name().to_owned(),
            uid: None,
            hash: hash(object.body()),
        }
    }

    /// Any object of a kind.
    pub(super) fn any(group: &str, version: &str, kind: &str, plural: &str) -> Self {
        let word = str::to_owned;
        let (name, hash) = (String::new(), String::new());
        let (group, version, kind, plural) = (word(group), word(version), word(kind), word(plural));
        Self { group, version, kind, plural, name, uid: None, hash }
    }

    pub(super) fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// As people name it.
    #[must_use]
    pub fn thing(&self) -> Thing {
        Thing::new(&self.kind, &self.name)
    }

    /// Whether it is the same object, in whatever version of its kind.
    pub(super) fn is(&self, other: &Self) -> bool {
        (&self.group, &self.kind, &self.name) == (&other.group, &other.kind, &other.name)
    }
}

impl Revision {
    pub(super) fn begun(number: u32, plan: &Plan, at: String, by: &str) -> Result<Self, Fault> {
        let bodies = bodies(plan);
        let packed = compress_to_vec_zlib(&serde_json::to_vec(&bodies).unwrap_or_default(), LEVEL);
        if packed.len() > BYTES_MOST {
            return Err(Fault::TooLarge { bytes: packed.len() });
        }
        let (state, hash, by) = (State::Pending, hash(&bodies), by.to_owned());
        Ok(Self { number, state, at, hash, by, note: None, packed })
    }

    /// The plan's objects.
    pub(super) fn objects(&self, parent: &Thing) -> Result<Vec<Object>, Fault> {
        let broken = |why: String| Fault::Unreadable {
            object: parent.clone(),
            why: format!("revision {}: {why}", self.number),
        };
        let bytes = decompress_to_vec_zlib_with_limit(&self.packed, PLAN_MOST);
        let bytes = bytes.map_err(|error| broken(error.to_string()))?;
        let bodies: Vec<Value> =
            serde_json::from_slice(&bytes).map_err(|error| broken(error.to_string()))?;
        let objects = bodies.into_iter().map(Object::from_value);
        objects.collect::<Result<_, _>>().map_err(|error| broken(error.to_string()))
    }
}

fn bodies(plan: &Plan) -> Vec<&Value> {
    plan.objects.iter().map(Object::body).collect()
}

impl Parent {
    /// The name of an application's parent.
    #[must_use]
    pub fn name_of(application: &str) -> String {
        format!("mp-{application}")
    }

    /// One that remembers nothing.
    pub(super) fn new(application: &str) -> Self {
        Self {
            application: application.to_owned(),
            inventory: Vec::new(),
            revisions: Vec::new(),
            uid: None,
            version: None,
            going: false,
        }
    }

    pub(super) fn item(application: &str) -> Item {
        Item::any("", "v1", "ConfigMap", "configmaps").named(&Self::name_of(application))
    }

    pub(super) fn thing(&self) -> Thing {
        Thing::new("ConfigMap", &Self::name_of(&self.application))
    }

    /// All parents carry these labels.
    pub(super) fn selector() -> String {
        format!("{BY}={MANAGER},{OF},{WHAT}=parent")
    }

    /// Reads it.
    ///
    /// # Errors
    /// When it is somebody else's, or was spoilt.
    pub(super) fn read(application: &str, map: &ConfigMap) -> Result<Self, Fault> {
        let object = Thing::new("ConfigMap", &Self::name_of(application));
        let labels = map.metadata.labels.clone().unwrap_or_default();
        if labels.get(BY).is_none_or(|by| by != MANAGER)
            || labels.get(OF).is_none_or(|of| of != application)
        {
            return Err(Fault::Foreign { object, by: format!("it has no label {BY}={MANAGER}") });
        }
        let data = map.data.clone().unwrap_or_default();
        let broken = |why| Fault::Unreadable { object: object.clone(), why };
        let mut revisions: Vec<Revision> = entry(&data, REVISIONS).map_err(broken)?;
        let packed = map.binary_data.clone().unwrap_or_default();
        for revision in &mut revisions {
            let bytes = packed.get(&key(revision.number));
            revision.packed = bytes.map(|bytes| bytes.0.clone()).unwrap_or_default();
        }
        Ok(Self {
            application: application.to_owned(),
            inventory: entry(&data, INVENTORY).map_err(broken)?,
            revisions,
            uid: map.metadata.uid.clone(),
            version: map.metadata.resource_version.clone(),
            going: map.metadata.deletion_timestamp.is_some(),
        })
    }

    /// Which application a ConfigMap is the parent of.
    pub(super) fn application_of(map: &ConfigMap) -> Option<&str> {
        map.metadata.labels.as_ref()?.get(OF).map(String::as_str)
    }

    /// The object as it is to be.
    pub(super) fn write(&self) -> ConfigMap {
        let labels = [(BY, MANAGER), (OF, &self.application), (WHAT, "parent")];
        let own = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let packed = self.revisions.iter();
        let packed = packed.map(|one| (key(one.number), ByteString(one.packed.clone())));
        let mut map = ConfigMap {
            data: Some(BTreeMap::from([
                (INVENTORY.to_owned(), text(&self.inventory)),
                (REVISIONS.to_owned(), text(&self.revisions)),
            ])),
            binary_data: Some(packed.collect()),
            ..ConfigMap::default()
        };
        map.metadata.name = Some(Self::name_of(&self.application));
        map.metadata.labels = Some(labels.map(own).into());
        map.metadata.resource_version = self.version.clone();
        map.metadata.uid = self.uid.clone();
        map
    }

    /// What makes an object belong to it.
    pub(super) fn owner(&self) -> Option<Value> {
        let uid = self.uid.as_deref()?;
        Some(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": Self::name_of(&self.application),
            "uid": uid,
            "blockOwnerDeletion": true,
        }))
    }

    /// The revision that is in force, or was last.
    #[must_use]
    pub fn live(&self) -> Option<&Revision> {
        self.revisions.iter().rev().find(|one| one.state == State::Live)
    }

    /// The revision of that number.
    #[must_use]
    pub fn revision(&self, number: u32) -> Option<&Revision> {
        self.revisions.iter().find(|one| one.number == number)
    }

    pub(super) fn revision_mut(&mut self, number: u32) -> Option<&mut Revision> {
        self.revisions.iter_mut().find(|one| one.number == number)
    }

    /// Begins a revision, or goes on with the one that was begun and never ended. What is in force already is
    /// none.
    pub(super) fn begin(
        &mut self,
        plan: &Plan,
        at: &str,
        by: &str,
        note: Option<String>,
    ) -> Result<Begun, Fault> {
        let hash = hash(&bodies(plan));
        if let Some(live) = self.live().filter(|live| live.hash == hash) {
            return Ok(Begun { number: live.number, changed: false });
        }
        if let Some(last) = self.revisions.last()
            && last.state == State::Pending
            && last.hash == hash
        {
            return Ok(Begun { number: last.number, changed: true });
        }
        // Another one that was begun was given up.
        for pending in self.revisions.iter_mut().filter(|one| one.state == State::Pending) {
            pending.state = State::Failed;
            pending.note.get_or_insert_with(|| "never ended".to_owned());
        }
        let number = self.revisions.last().map_or(1, |last| last.number + 1);
        let revision = Revision { note, ..Revision::begun(number, plan, at.to_owned(), by)? };
        self.revisions.push(revision);
        self.forget();
        Ok(Begun { number, changed: true })
    }

    /// Drops the oldest revisions that are neither in force nor the newest.
    fn forget(&mut self) {
        let live = self.live().map(|live| live.number);
        let newest = self.revisions.last().map(|last| last.number);
        loop {
            let size = self.revisions.iter().map(|one| one.packed.len()).sum::<usize>();
            if self.revisions.len() <= KEPT && size <= BYTES_MOST {
                return;
            }
            let kept = |one: &Revision| Some(one.number) == live || Some(one.number) == newest;
            let Some(oldest) = self.revisions.iter().position(|one| !kept(one)) else { return };
            self.revisions.remove(oldest);
        }
    }

    /// Adds to the inventory what is about to be made: so that it is found, wherever this is killed.
    pub(super) fn expect(&mut self, items: &[Item]) {
        for item in items {
            match self.inventory.iter_mut().find(|known| known.is(item)) {
                Some(known) => {
                    let uid = item.uid.clone().or_else(|| known.uid.take());
                    *known = Item { uid, ..item.clone() };
                }
                None => self.inventory.push(item.clone()),
            }
        }
        self.inventory.sort();
    }
}

/// What a deploy works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) number: u32,
    /// Whether it is another than the one in force.
    pub(super) changed: bool,
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn key(number: u32) -> String {
    format!("revision-{number}")
}

fn entry<T: for<'d> Deserialize<'d> + Default>(
    data: &BTreeMap<String, String>,
    key: &str,
) -> Result<T, String> {
    let Some(text) = data.get(key) else { return Ok(T::default()) };
    serde_json::from_str(text).map_err(|error| format!("{key}: {error}"))
}

#[cfg(test)]
mod tests;
