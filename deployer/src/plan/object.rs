//! What is one object that is applied?
//!
//! Its body is what we say of it: with `apiVersion` and `kind`, without a namespace (that is the target's),
//! owner, status, or anything else that a cluster adds.

use std::any::TypeId;
use std::fmt;

use k8s_openapi::{ClusterResourceScope, Resource};
use serde::Serialize;
use serde_json::{Map, Value};
use thiserror::Error;

/// What sort of object, and where its like is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// `apps`; empty for the core's.
    pub group: String,
    /// `v1`
    pub version: String,
    /// `StatefulSet`
    pub kind: String,
    /// `statefulsets`
    pub plural: String,
    /// Whether it is in a namespace.
    pub namespaced: bool,
}

impl Kind {
    /// The kind of `T`.
    #[must_use]
    pub fn of<T: Resource<Scope: 'static>>() -> Self {
        Self {
            group: T::GROUP.to_owned(),
            version: T::VERSION.to_owned(),
            kind: T::KIND.to_owned(),
            plural: T::URL_PATH_SEGMENT.to_owned(),
            namespaced: TypeId::of::<T::Scope>() != TypeId::of::<ClusterResourceScope>(),
        }
    }

    /// As an object says it: `apps/v1`, `v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)
    }
}

/// Why a value is no object.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// It lacks what every object has.
    #[error("an object needs `{0}`, a text that is not empty")]
    Lacks(&'static str),
}

/// One object to be applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    kind: Kind,
    name: String,
    namespace: Option<String>,
    body: Value,
}

impl Object {
    /// The object that `value` is.
    ///
    /// # Panics
    ///
    /// When `value` has no name: the objects of a plan have one.
    #[must_use]
    pub fn of<T: Resource<Scope: 'static> + Serialize>(value: &T) -> Self {
        let body = serde_json::to_value(value).expect("an object is JSON");
        let made = Self::read(Kind::of::<T>(), body);
        made.expect("an object of a plan has a name")
    }

    /// The object that somebody wrote. Its plural is guessed where its kind is not known here.
    ///
    /// # Errors
    ///
    /// A value without `apiVersion`, `kind` or `metadata.name`.
    pub fn from_value(value: Value) -> Result<Self, Fault> {
        let text = |name: &'static str| {
            let text = value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.map(str::to_owned).ok_or(Fault::Lacks(name))
        };
        let (api_version, kind) = (text("apiVersion")?, text("kind")?);
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let kind = Kind {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: plural(&kind),
            namespaced: !is_of_the_cluster(&kind),
            kind,
        };
        Self::read(kind, value)
    }

    fn read(kind: Kind, mut body: Value) -> Result<Self, Fault> {
        let metadata = body.get_mut("metadata").and_then(Value::as_object_mut);
        let metadata = metadata.ok_or(Fault::Lacks("metadata.name"))?;
        let name = metadata.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
        let name = name.ok_or(Fault::Lacks("metadata.name"))?.to_owned();
        let namespace = metadata.remove("namespace");
        let namespace = namespace.and_then(|name| name.as_str().map(str::to_owned));
        for added in [
            "ownerReferences",
            "managedFields",
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
        ] {
            metadata.remove(added);
        }
        body.as_object_mut().and_then(|body| body.remove("status"));
        Ok(Self { kind, name, namespace, body })
    }

    /// What sort of object.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it must be; `None`: where all of the plan is.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// What is said of it.
    #[must_use]
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// What of it is at `pointer`, as a map of texts: labels, annotations.
    #[must_use]
    pub fn map_at(&self, pointer: &str) -> Option<&Map<String, Value>> {
        self.body.pointer(pointer).and_then(Value::as_object)
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// Kinds that are in no namespace, of those that people deploy.
fn is_of_the_cluster(kind: &str) -> bool {
    [
        "Namespace",
        "Node",
        "PersistentVolume",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "IngressClass",
        "StorageClass",
        "PriorityClass",
    ]
    .contains(&kind)
}

/// The plural that nearly every kind has.
fn plural(kind: &str) -> String {
    let kind = kind.to_lowercase();
    match kind.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if kind == "endpoints" => kind,
        _ if kind.ends_with(['s', 'x']) || kind.ends_with("ch") => format!("{kind}es"),
        _ => format!("{kind}s"),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::apps::v1::StatefulSet;
    use k8s_openapi::api::core::v1::{Namespace, Service};
    use k8s_openapi::api::networking::v1::{Ingress, IngressClass, NetworkPolicy};
    use serde_json::json;

    use super::{Kind, Object};

    #[test]
    fn what_is_written_is_of_the_same_kind_as_what_is_made() {
        for kind in [
            Kind::of::<StatefulSet>(),
            Kind::of::<Service>(),
            Kind::of::<Namespace>(),
            Kind::of::<Ingress>(),
            Kind::of::<IngressClass>(),
            Kind::of::<NetworkPolicy>(),
        ] {
            let value = json!({
                "apiVersion": kind.api_version(), "kind": kind.kind, "metadata": { "name": "n" },
            });
            assert_eq!(Object::from_value(value).unwrap().kind(), &kind);
        }
    }

    #[test]
    fn what_a_cluster_adds_is_not_said() {
        let object = Object::from_value(json!({
            "apiVersion": "v1", "kind": "Service", "status": {},
            "metadata": { "name": "n", "namespace": "shop", "uid": "1", "labels": { "app": "n" } },
        }));
        let object = object.unwrap();
        assert_eq!((object.name(), object.namespace()), ("n", Some("shop")));
        let expected = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "n", "labels": { "app": "n" } },
        });
        assert_eq!(object.body(), &expected);
    }

    #[test]
    fn a_value_without_a_name_is_no_object() {
        for (value, lacks) in [
            (json!(null), "apiVersion"),
            (json!({ "apiVersion": "v1" }), "kind"),
            (json!({ "apiVersion": "v1", "kind": "Service" }), "metadata.name"),
            (json!({ "apiVersion": "v1", "kind": "Service", "metadata": {} }), "metadata.name"),
        ] {
            let fault = Object::from_value(value).unwrap_err().to_string();
            assert_eq!(fault, format!("an object needs `{lacks}`, a text that is not empty"));
        }
    }
}
