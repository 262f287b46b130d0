//! What would a deploy do? The API server itself is asked, and writes nothing: it knows all defaults, and whether it
//! would take the objects at all.

use futures::{StreamExt as _, stream};
use kube::api::{ListParams, Patch, PatchParams};
use serde::Serialize;
use serde_json::{Value, json};

use crate::cluster::apply::{conflicts, must_be_another};
use crate::cluster::ask::Answer;
use crate::cluster::connect::Cluster;
use crate::cluster::diff;
use crate::cluster::fault::Fault;
use crate::cluster::own::{Whose, whose};
use crate::cluster::parent::{Item, Parent};
use crate::cluster::replicas::{self, Autoscaled};
use crate::cluster::{MANAGER, prune};
use crate::plan::Object;
use crate::plan::Plan;
use crate::report::{Change, Conflict, Event, Field, Thing};

/// So many questions at once.
const AT_ONCE: usize = 8;

/// What would become of an object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The object.
    pub object: Thing,
    /// What would change.
    #[serde(flatten)]
    pub change: Change,
    /// The fields that somebody else manages and wants otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
}

impl Difference {
    /// As it is told.
    #[must_use]
    pub fn event(&self) -> Event {
        Event::Compared { object: self.object.clone(), change: self.change.clone() }
    }
}

impl Cluster {
    /// What a deploy of `plan` would change: first what it would apply, in its order, then what it would delete.
    /// Objects that stay as they are are in it, too.
    ///
    /// # Errors
    /// When the cluster would not take an object, or one has the name of somebody else's: all of them are told.
    pub async fn diff(&self, plan: &Plan) -> Result<Vec<Difference>, Fault> {
        let parent = self.parent(plan.application.as_str()).await?;
        let parent = parent.unwrap_or_else(|| Parent::new(plan.application.as_str()));
        self.preview(plan, &parent).await
    }

    pub(super) async fn preview(
        &self,
        plan: &Plan,
        parent: &Parent,
    ) -> Result<Vec<Difference>, Fault> {
        let scaled = self.autoscaled(plan).await?;
        let asked = plan.objects.iter().map(|object| self.compare(object, parent, &scaled));
        let answers = stream::iter(asked).buffered(AT_ONCE).collect::<Vec<_>>().await;
        let (mut differences, mut faults) = (Vec::new(), Vec::new());
        for answer in answers {
            match answer {
                Ok(difference) => differences.push(difference),
                // The others would say the same.
                Err(fault) if fault.exit_code() >= 4 => return Err(fault),
                Err(fault) => faults.push(fault),
            }
        }
        match (faults.len(), faults.pop()) {
            (1, Some(fault)) => return Err(fault),
            (_, Some(last)) => {
                faults.push(last);
                return Err(Fault::Several { faults });
            }
            (_, None) => {}
        }
        for item in prune::unwanted(&parent.inventory, plan) {
            if self.to_prune(&item, parent).await?.is_some() {
                let object = item.thing();
                differences.push(Difference {
                    object,
                    change: Change::Delete,
                    conflicts: Vec::new(),
                });
            }
        }
        Ok(differences)
    }

    /// The workloads that autoscalers scale: those of the namespace, and those of the plan.
    pub(super) async fn autoscaled(&self, plan: &Plan) -> Result<Autoscaled, Fault> {
        let there = self.autoscalers().await?;
        let planned = plan.objects.iter().map(Object::body);
        let planned = planned.filter(|body| body["kind"] == "HorizontalPodAutoscaler");
        Ok(there.and(Autoscaled::by(planned)))
    }

    /// The same, of the namespace alone.
    pub(super) async fn autoscalers(&self) -> Result<Autoscaled, Fault> {
        let kind =
            Item::any("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers");
        match self.list(&kind, &ListParams::default()).await {
            Ok(there) => Ok(Autoscaled::by(&there)),
            // Who may not see them has none, as far as anybody can tell.
            Err(Fault::NotPermitted { .. }) => Ok(Autoscaled::default()),
            Err(fault) => Err(fault),
        }
    }

    async fn compare(
        &self,
        object: &Object,
        parent: &Parent,
        scaled: &Autoscaled,
    ) -> Result<Difference, Fault> {
        let item = self.item(object)?;
        let live = self.get(&item).await?;
        let whose = live.as_ref().map(|live| whose(&item, live, parent));
        if let Some(Whose::Foreign(by)) = whose {
            return Err(Fault::Foreign { object: item.thing(), by });
        }
        let live = live.filter(|_| whose != Some(Whose::Going));
        let mut body = owned(object.body(), parent);
        if scaled.of(&item).is_some() {
            body = replicas::without(body);
            if let Some(live) = &live {
                // It would be handed over as it is.
                body["spec"]["replicas"] = live["spec"]["replicas"].clone();
            }
        }
        if let Some(live) = live.as_ref().filter(|live| must_be_another(live, &body)) {
            // The API server would refuse to change it.
            let address = |one: &Value| one["spec"].get("clusterIP").cloned();
            let (before, after) = (address(live), address(&body));
            let change = Change::Update {
                fields: vec![Field { path: "spec.clusterIP".to_owned(), before, after }],
            };
            return Ok(Difference { object: item.thing(), change, conflicts: Vec::new() });
        }
        let dry = PatchParams::apply(MANAGER).dry_run().validation_strict();
        let (next, conflicts) = match self.patch(&item, &dry, &Patch::Apply(&body)).await {
            Ok(next) => (next, Vec::new()),
            Err(Answer::Api(status)) if status.code == 409 => {
                let found = conflicts(&item.thing(), &status);
                let forced = self.patch(&item, &dry.force(), &Patch::Apply(&body)).await;
                (forced.map_err(|answer| self.fault("apply", &item.thing(), answer))?, found)
            }
            Err(answer) => return Err(self.fault("apply", &item.thing(), answer)),
        };
        let change = match live.as_ref().map(|live| diff::fields(live, &next)) {
            None => Change::Create,
            Some(fields) if fields.is_empty() => Change::Same,
            Some(fields) => Change::Update { fields },
        };
        Ok(Difference { object: item.thing(), change, conflicts })
    }

    /// The object as an item of the inventory, if it can belong to the application at all.
    pub(super) fn item(&self, object: &Object) -> Result<Item, Fault> {
        let item = Item::of(object);
        let why = match object.namespace() {
            _ if !object.kind().namespaced => Some("it is in no namespace".to_owned()),
            Some(other) if other != self.place.namespace => {
                let here = &self.place.namespace;
                Some(format!("it is in namespace {other}, and the application in {here}"))
            }
            _ => None,
        };
        match why {
            Some(why) => Err(Fault::Elsewhere { object: item.thing(), why }),
            None => Ok(item),
        }
    }
}

/// The body, belonging to the parent: if there is one yet.
pub(super) fn owned(body: &Value, parent: &Parent) -> Value {
    let mut body = body.clone();
    if let Some(owner) = parent.owner() {
        body["metadata"]["ownerReferences"] = json!([owner]);
    }
    body
}
