//! A cluster of values, and what the gateway makes of it.

mod agreement;
mod conformance;
mod outage;
mod rights;
mod secrets;
mod server;
mod shards;
mod shell;
mod status;

use std::collections::HashMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::assemble::{Assembler, Looks, Publish};
use super::certificates;
use super::cluster::{News, Wanted};
use super::digest::{self, Id};
use super::ingress::Classes;
use super::table::Change;
use crate::route;
use crate::snapshot::{Latest, Publisher, channel};

/// A cluster, and the picture of it.
pub(super) struct World {
    pub(super) assembler: Assembler,
    wanted: Wanted,
    secrets: HashMap<Id, Value>,
    publisher: Publisher,
    latest: Latest,
}

impl World {
    /// The cluster of these objects, and of the class `metaparticle`.
    pub(super) fn of(objects: &[Value]) -> Self {
        let mut world = Self::looking(Looks {
            classes: Classes::Watched("metaparticle.io/gateway".into()),
            secrets: true,
            publish: Publish::Addresses(["192.0.2.1".into()].into()),
            external_names: true,
        });
        world.apply(&class("metaparticle", "metaparticle.io/gateway", false));
        objects.iter().for_each(|object| world.apply(object));
        world.settle();
        world
    }

    pub(super) fn looking(looks: Looks) -> Self {
        let wanted = Wanted::default();
        let mut assembler = Assembler::new(looks, wanted.clone());
        assembler.take(News::Service(Change::Done));
        assembler.take(News::Slices(Change::Done));
        assembler.take(News::Ingress(Change::Done));
        assembler.take(News::Class(Change::Done));
        assembler.take(News::Set(Change::Done));
        assembler.take(News::Pod(Change::Done));
        assembler.take(News::Member(Change::Done));
        assembler.take(News::Secret(Change::Done));
        let (publisher, latest) = channel();
        let secrets = HashMap::new();
        Self { assembler, wanted, secrets, publisher, latest }
    }

    /// What is told of an object that came, or that went.
    fn news(&self, object: &Value, gone: bool) -> News {
        let meta = &object["metadata"];
        let word = |name: &str| meta[name].as_str().unwrap_or_default();
        let id = Id::new(word("namespace"), word("name"));
        macro_rules! change {
            ($digest:expr) => {
                match $digest {
                    Some(digest) if !gone => Change::Set(id, digest),
                    _ => Change::Gone(id),
                }
            };
        }
        match object["kind"].as_str().unwrap_or_default() {
            "Service" => News::Service(change!(Some(digest::service(&parse(object))))),
            "EndpointSlice" => {
                News::Slices(change!(digest::slice(&parse(object)).map(|slice| [slice].into())))
            }
            "Endpoints" => News::Slices(change!(Some(digest::endpoints(&parse(object)).into()))),
            "Ingress" => News::Ingress(change!(Some(digest::ingress(&parse(object))))),
            "IngressClass" => News::Class(change!(Some(digest::class(&parse(object))))),
            "StatefulSet" => News::Set(change!(digest::set(&parse(object)))),
            "Pod" => {
                let meta = parse(&object["metadata"]);
                News::Pod(change!(digest::pod(&meta)))
            }
            "Secret" => {
                let wanted = self.wanted.has(&id);
                News::Secret(change!(Some(certificates::secret(&parse(object), wanted))))
            }
            other => panic!("a cluster here has no {other}"),
        }
    }

    pub(super) fn apply(&mut self, object: &Value) {
        if object["kind"] == "Pod" {
            self.assembler.take(membership(object, false));
        }
        if object["kind"] == "Secret" {
            self.secrets.insert(Id::of(&parse(&object["metadata"])), object.clone());
        }
        self.assembler.take(self.news(object, false));
    }

    pub(super) fn delete(&mut self, object: &Value) {
        if object["kind"] == "Pod" {
            self.assembler.take(membership(object, true));
        }
        self.assembler.take(self.news(object, true));
        self.settle();
    }

    /// Applies it, and paints the picture. Says whether the world is another one.
    pub(super) fn set(&mut self, object: &Value) -> bool {
        self.apply(object);
        self.settle()
    }

    pub(super) fn settle(&mut self) -> bool {
        let mut changed = self.assembler.is_due() && self.assembler.assemble();
        // What is in a Secret is told when somebody asks for it.
        for id in self.assembler.missing() {
            let secret = certificates::secret(&parse(&self.secrets[&id]), true);
            self.assembler.take(News::Fetched(id, secret));
        }
        changed |= self.assembler.is_due() && self.assembler.assemble();
        if changed {
            self.publisher.publish(self.assembler.world());
        }
        changed
    }

    pub(super) fn picture(&self) -> std::sync::Arc<crate::snapshot::Snapshot> {
        self.latest.load()
    }

    /// The Service that a request goes to, without its namespace and port.
    pub(super) fn asked(&self, host: &str, path: &str) -> Option<String> {
        let snapshot = self.latest.load();
        let route = route::find(&snapshot, host, path).ok()?;
        let name = route.service.name.as_str().rsplit('/').next()?;
        Some(name.split(':').next()?.to_owned())
    }

    /// The replicas of a service: `NAME=ADDRESS`, `!` before one that is not ready, `@SHARD` after one
    /// whose shard is called otherwise.
    pub(super) fn replicas(&self, service: &str) -> String {
        let snapshot = self.latest.load();
        let service = snapshot.service(service).unwrap_or_else(|| panic!("{service} is routed to"));
        let told = service.replicas.iter().map(|replica| {
            let shard = replica.shard_name.as_ref().map_or("none", |shard| shard.as_str());
            let other = shard != replica.name.as_str();
            let not = if replica.ready { "" } else { "!" };
            let shard = if other { format!("@{shard}") } else { String::new() };
            format!("{not}{}={}{shard}", replica.name, replica.address)
        });
        told.collect::<Vec<_>>().join(" ")
    }

    /// The shards of a service.
    pub(super) fn shards(&self, service: &str) -> String {
        let snapshot = self.latest.load();
        let service = snapshot.service(service).unwrap_or_else(|| panic!("{service} is routed to"));
        let names = service.shards.iter().map(|shard| shard.name.to_string());
        names.collect::<Vec<_>>().join(" ")
    }

    /// All that is wrong, a line each.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.assembler
            .reports()
            .iter()
            .flat_map(|report| report.lines().collect::<Vec<_>>())
            .collect()
    }
}

pub(super) fn parse<K: DeserializeOwned>(object: &Value) -> K {
    serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object}"))
}

/// What is told of a pod that is one of a StatefulSet, or is not.
fn membership(object: &Value, gone: bool) -> News {
    let meta: ObjectMeta = parse(&object["metadata"]);
    let label = "statefulset.kubernetes.io/pod-name";
    let is_one = meta.labels.as_ref().is_some_and(|labels| labels.contains_key(label));
    News::Member(match is_one && !gone {
        true => Change::Set(Id::of(&meta), digest::member(&meta)),
        false => Change::Gone(Id::of(&meta)),
    })
}

/// An object of the namespace `shop`; its uid follows from its kind and name.
pub(super) fn object(version: &str, kind: &str, name: &str, rest: Value) -> Value {
    let mut object = json!({
        "apiVersion": version,
        "kind": kind,
        "metadata": { "namespace": "shop", "name": name, "uid": format!("{kind}-{name}") },
    });
    merge(&mut object, rest);
    object
}

/// Puts `more` into `into`, maps into maps.
pub(super) fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            let into = |(name, value)| merge(into.entry(name).or_insert(Value::Null), value);
            more.into_iter().for_each(into);
        }
        (into, more) => *into = more,
    }
}

pub(super) fn class(name: &str, controller: &str, default: bool) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {
            "name": name,
            "annotations": { "ingressclass.kubernetes.io/is-default-class": default.to_string() },
        },
        "spec": { "controller": controller },
    })
}

/// A Service `NAME` that selects `app: NAME`, with the port 80 called `http`.
pub(super) fn service(name: &str) -> Value {
    let port = json!({ "name": "http", "port": 80 });
    let spec = json!({ "selector": { "app": name }, "ports": [port] });
    object("v1", "Service", name, json!({ "spec": spec }))
}

/// An annotated Service.
pub(super) fn saying(name: &str, words: &[(&str, &str)]) -> Value {
    let mut object = service(name);
    for (word, value) in words {
        object["metadata"]["annotations"][format!("metaparticle.io/{word}")] = json!(value);
    }
    object
}

/// A slice of a Service: endpoints `POD=IP`, ready; `!` before one that is not, `~` before one that
/// ends and serves, `x` before one that ends and does not.
pub(super) fn slice(name: &str, service: &str, endpoints: &str) -> Value {
    let endpoint = |text: &str| {
        let (state, text) = match text.split_at(1) {
            (state @ ("!" | "~" | "x"), rest) => (state, rest),
            _ => ("", text),
        };
        let (pod, address) = text.split_once('=').unwrap();
        let (ends, serves) = (state == "~" || state == "x", state != "x" && state != "!");
        json!({
            "addresses": [address],
            "conditions": { "ready": state.is_empty(), "serving": serves, "terminating": ends },
            "targetRef": { "kind": "Pod", "name": pod, "uid": format!("uid-{pod}") },
        })
    };
    let endpoints: Vec<_> = endpoints.split_whitespace().map(endpoint).collect();
    let v6 =
        endpoints.first().is_some_and(|one| one["addresses"][0].as_str().unwrap().contains(':'));
    let labels = json!({ "labels": { "kubernetes.io/service-name": service } });
    let rest = json!({
        "metadata": labels,
        "addressType": if v6 { "IPv6" } else { "IPv4" },
        "ports": [{ "name": "http", "port": 8080 }],
        "endpoints": endpoints,
    });
    object("discovery.k8s.io/v1", "EndpointSlice", name, rest)
}

/// A StatefulSet whose pods are `app: APP`.
pub(super) fn set(name: &str, app: &str, replicas: u32) -> Value {
    let template = json!({ "metadata": { "labels": { "app": app, "x": "y" } }, "spec": null });
    let spec = json!({
        "replicas": replicas,
        "selector": {},
        "template": template,
    });
    object("apps/v1", "StatefulSet", name, json!({ "spec": spec }))
}

/// An Ingress of our class; rules `[=]HOST/PATH>SERVICE`, `=` for an exact path; without a host for any;
/// `>SERVICE` alone is the default backend.
pub(super) fn ingress(name: &str, rules: &[&str]) -> Value {
    let mut spec = json!({ "ingressClassName": "metaparticle", "rules": [] });
    for rule in rules {
        let (place, service) = rule.split_once('>').unwrap();
        let backend = json!({ "service": { "name": service, "port": { "number": 80 } } });
        if place.is_empty() {
            spec["defaultBackend"] = backend;
            continue;
        }
        let (exact, place) = place.strip_prefix('=').map_or((false, place), |place| (true, place));
        let (host, path) = place.split_at(place.find('/').unwrap());
        let kind = if exact { "Exact" } else { "Prefix" };
        let path = json!({ "path": path, "pathType": kind, "backend": backend });
        let mut rule = json!({ "http": { "paths": [path] } });
        if !host.is_empty() {
            rule["host"] = json!(host);
        }
        spec["rules"].as_array_mut().unwrap().push(rule);
    }
    object("networking.k8s.io/v1", "Ingress", name, json!({ "spec": spec }))
}
