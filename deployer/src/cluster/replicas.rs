//! Who decides how many replicas there are? Where an autoscaler does, a deploy does not: it neither says a number,
//! nor takes away the one that it said before; pure.

use serde_json::{Value, json};

use crate::cluster::MANAGER;
use crate::cluster::parent::Item;

/// Who keeps the number between a deploy that said it and an autoscaler that has not said one yet.
pub(super) const HANDOVER: &str = "metaparticle-handover";

/// The workloads that autoscalers scale, each with the autoscaler's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Autoscaled(Vec<(String, String, String)>);

impl Autoscaled {
    /// Those of these autoscalers.
    pub(super) fn by<'v>(autoscalers: impl IntoIterator<Item = &'v Value>) -> Self {
        let targets = autoscalers.into_iter().filter_map(|one| {
            let target = &one["spec"]["scaleTargetRef"];
            let word = |value: &Value| value.as_str().map(str::to_owned);
            Some((word(&target["kind"])?, word(&target["name"])?, word(&one["metadata"]["name"])?))
        });
        Self(targets.collect())
    }

    /// These, and those.
    pub(super) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Which autoscaler scales it.
    pub(super) fn of(&self, item: &Item) -> Option<&str> {
        let mut all = self.0.iter();
        all.find(|(kind, name, _)| (kind, name) == (&item.kind, &item.name))
            .map(|(.., by)| by.as_str())
    }
}

/// The body without a number of replicas.
pub(super) fn without(mut body: Value) -> Value {
    if let Some(spec) = body["spec"].as_object_mut() {
        spec.shift_remove("replicas");
    }
    body
}

/// Whether nobody but a deploy has said the number: if it says none any more, the number is 1.
pub(super) fn only_ours(live: &Value) -> bool {
    let entries = live["metadata"]["managedFields"].as_array().into_iter().flatten();
    let said = entries.filter(|entry| entry["fieldsV1"]["f:spec"]["f:replicas"].is_object());
    let mut managers =
        said.map(|entry| entry["manager"] == MANAGER && entry["operation"] == "Apply");
    managers.next() == Some(true) && managers.all(|ours| ours)
}

/// What is applied by [`HANDOVER`]: the number as it is, and nothing else.
pub(super) fn handover(live: &Value) -> Value {
    json!({
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": { "name": live["metadata"]["name"] },
        "spec": { "replicas": live["spec"]["replicas"] },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Autoscaled, handover, only_ours, without};
    use crate::cluster::parent::Item;

    fn live(managers: &[(&str, &str)]) -> Value {
        let entry = |(manager, operation): &(&str, &str)| {
            json!({ "manager": manager, "operation": operation,
                "fieldsV1": { "f:spec": { "f:replicas": {} } } })
        };
        let entries = managers.iter().map(entry).collect::<Vec<_>>();
        json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "web", "managedFields": entries }, "spec": { "replicas": 4, "x": 1 } })
    }

    #[test]
    fn an_autoscalers_target_is_found_by_kind_and_name() {
        let autoscaler = json!({ "metadata": { "name": "h" },
            "spec": { "scaleTargetRef": { "kind": "Deployment", "name": "web" } } });
        let scaled = Autoscaled::by([&autoscaler]);
        let item = |kind: &str| Item::any("apps", "v1", kind, "").named("web");
        assert_eq!(scaled.of(&item("Deployment")), Some("h"));
        assert_eq!(scaled.of(&item("StatefulSet")), None);
    }

    #[test]
    fn the_number_is_handed_over_only_while_nobody_else_has_said_it() {
        assert!(only_ours(&live(&[("metaparticle", "Apply")])));
        assert!(!only_ours(&live(&[
            ("metaparticle", "Apply"),
            ("kube-controller-manager", "Update")
        ])));
        assert!(!only_ours(&live(&[("metaparticle-handover", "Apply")])));
        assert!(!only_ours(&live(&[])));
    }

    #[test]
    fn what_is_handed_over_is_the_number_alone() {
        let body = handover(&live(&[]));
        let expected = json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "web" }, "spec": { "replicas": 4 } });
        assert_eq!(body, expected);
        assert_eq!(without(body)["spec"], json!({}));
    }
}
