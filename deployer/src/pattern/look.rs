//! What does a test ask of a plan? How many, who is public, and the objects themselves.

use serde_json::Value;

use crate::plan::Object;
use crate::plan::Plan;

impl Plan {
    /// The object of this kind and name.
    #[must_use]
    pub fn object(&self, kind: &str, name: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.kind().kind == kind && object.name() == name)
    }

    /// How many pods of this name there are.
    #[must_use]
    pub fn replicas(&self, name: &str) -> Option<u64> {
        let sets = ["Deployment", "StatefulSet"].into_iter();
        let found = sets.filter_map(|kind| self.object(kind, name)).next()?;
        found.body().pointer("/spec/replicas").and_then(Value::as_u64)
    }

    /// Whether who is outside may ask the service of this name: a route leads to it, or a load balancer.
    #[must_use]
    pub fn is_public(&self, name: &str) -> bool {
        let balanced = self.object("Service", name).is_some_and(|service| {
            service.body().pointer("/spec/type").is_some_and(|kind| kind == "LoadBalancer")
        });
        let routed =
            |object: &&Object| object.kind().kind == "Ingress" && leads(object.body(), name);
        balanced || self.objects.iter().any(|object| routed(&object))
    }
}

/// Whether a rule of this Ingress, or its default, has this service.
fn leads(ingress: &Value, name: &str) -> bool {
    let is = |backend: Option<&Value>| {
        backend
            .and_then(|backend| backend.pointer("/service/name"))
            .is_some_and(|found| found == name)
    };
    let rules = ingress.pointer("/spec/rules").and_then(Value::as_array).into_iter().flatten();
    let paths = rules.filter_map(|rule| rule.pointer("/http/paths")?.as_array()).flatten();
    is(ingress.pointer("/spec/defaultBackend"))
        || paths.into_iter().any(|path| is(path.get("backend")))
}
