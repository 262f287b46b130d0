//! What is no longer wanted? What was made for the application and is not in its plan; and only the very objects
//! that were made are deleted.

use serde_json::Value;

use crate::cluster::connect::Cluster;
use crate::cluster::fault::Fault;
use crate::cluster::own::belongs;
use crate::cluster::parent::{Item, Parent};
use crate::plan::Plan;
use crate::report::{Event, Told};

/// What the inventory has and the plan has not: in the order of deleting, which is that of applying, backwards.
pub(super) fn unwanted(inventory: &[Item], plan: &Plan) -> Vec<Item> {
    let wanted = plan.objects.iter().map(Item::of).collect::<Vec<_>>();
    let unwanted = inventory.iter().filter(|item| !wanted.iter().any(|one| one.is(item)));
    let mut unwanted = unwanted.cloned().collect::<Vec<_>>();
    unwanted.sort_by_key(rank);
    unwanted
}

/// First who sends requests, then who serves them, last what they need.
fn rank(item: &Item) -> u8 {
    match item.kind.as_str() {
        "Ingress" | "HorizontalPodAutoscaler" | "PodDisruptionBudget" => 0,
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob" => 1,
        "Service" => 2,
        _ => 3,
    }
}

/// Which object may be deleted for an item: one that belongs to the parent, and is the one that was made.
pub(super) fn deletable<'v>(item: &Item, live: &'v Value, parent: &Parent) -> Option<&'v str> {
    let uid = live["metadata"]["uid"].as_str()?;
    let made = item.uid.as_deref().is_none_or(|made| made == uid);
    (made && belongs(live, parent)).then_some(uid)
}

impl Cluster {
    /// The uid of the object to delete for an item that is no longer wanted.
    pub(super) async fn to_prune(
        &self,
        item: &Item,
        parent: &Parent,
    ) -> Result<Option<String>, Fault> {
        let live = self.get(item).await?;
        Ok(live.and_then(|live| deletable(item, &live, parent).map(str::to_owned)))
    }

    /// Deletes what the plan does not have, and says what it left.
    pub(super) async fn prune(
        &self,
        plan: &Plan,
        parent: &Parent,
        told: &Told<'_>,
    ) -> Result<(), Fault> {
        for item in unwanted(&parent.inventory, plan) {
            let Some(live) = self.get(&item).await? else { continue };
            match deletable(&item, &live, parent) {
                Some(uid) => {
                    self.remove(&item, uid).await?;
                    told(Event::Pruned { object: item.thing() });
                }
                None => told(Event::Warning {
                    what: format!(
                        "{} is not wanted any more, but it is not the one that was made: left as it is",
                        item.thing()
                    ),
                }),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{deletable, unwanted};
    use crate::cluster::parent::{Item, Parent};
    use crate::plan::Object;
    use crate::plan::Plan;

    fn item(kind: &str, name: &str) -> Item {
        Item::any("", "v1", kind, "").named(name)
    }

    #[test]
    fn routes_go_before_workloads_and_these_before_what_they_need() {
        let service =
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" } });
        let objects = vec![Object::from_value(service).unwrap()];
        let plan = Plan { application: "shop".parse().unwrap(), objects };
        let inventory = [
            item("Role", "a"),
            item("Service", "web"),
            item("Service", "old"),
            item("Job", "b"),
            item("Ingress", "c"),
        ];
        let names = unwanted(&inventory, &plan).into_iter().map(|item| item.name);
        assert_eq!(names.collect::<Vec<_>>(), ["c", "b", "old", "a"]);
    }

    fn live(uid: &str, parent: &str) -> Value {
        json!({ "metadata": { "uid": uid,
            "ownerReferences": [{ "kind": "ConfigMap", "name": "mp-shop", "uid": parent }] } })
    }

    #[test]
    fn only_the_very_object_that_was_made_is_deleted() {
        let parent = Parent { uid: Some("p".to_owned()), ..Parent::new("shop") };
        let made = Item { uid: Some("u".to_owned()), ..item("Service", "a") };
        assert_eq!(deletable(&made, &live("u", "p"), &parent), Some("u"));
        assert_eq!(deletable(&made, &live("other", "p"), &parent), None);
        assert_eq!(deletable(&made, &live("u", "other"), &parent), None);
        // One that was about to be made when the deployer was killed.
        assert_eq!(deletable(&item("Service", "a"), &live("u", "p"), &parent), Some("u"));
        assert_eq!(deletable(&item("Service", "a"), &live("u", "other"), &parent), None);
    }
}
