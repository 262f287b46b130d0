//! How is an object applied? By the API server, with the fields that are ours; what somebody else manages is left to
//! them, unless they are told to give it up.

use kube::api::{Patch, PatchParams};
use kube::core::Status;
use serde_json::Value;

use crate::cluster::MANAGER;
use crate::cluster::ask::Answer;
use crate::cluster::connect::Cluster;
use crate::cluster::deploy::Options;
use crate::cluster::diff;
use crate::cluster::fault::Fault;
use crate::cluster::own::{Whose, whose};
use crate::cluster::parent::{Item, Parent};
use crate::cluster::preview::owned;
use crate::cluster::replicas;
use crate::plan::Plan;
use crate::report::{Conflict, Event, Outcome, Thing, Told};

/// An object as the cluster has it now.
#[derive(Debug, Clone)]
pub(super) struct Applied {
    pub(super) item: Item,
    pub(super) body: Value,
}

impl Cluster {
    /// Applies all objects, in their order.
    pub(super) async fn apply(
        &self,
        plan: &Plan,
        parent: &Parent,
        options: &Options,
        told: &Told<'_>,
    ) -> Result<Vec<Applied>, Fault> {
        let scaled = self.autoscaled(plan).await?;
        let mut applied = Vec::new();
        for object in &plan.objects {
            let item = self.item(object)?;
            let mut body = owned(object.body(), parent);
            let live = self.ready_to_apply(&item, &body, parent, options, told).await?;
            if scaled.of(&item).is_some() {
                body = replicas::without(body);
                self.hand_over(&item, live.as_ref()).await?;
            }
            let now = self.put(&item, &body, options.force_conflicts, told).await?;
            let outcome = outcome(live.as_ref(), &now);
            told(Event::Applied { object: item.thing(), outcome });
            let uid = now["metadata"]["uid"].as_str().map(str::to_owned);
            applied.push(Applied { item: Item { uid, ..item }, body: now });
        }
        Ok(applied)
    }

    /// The object as it is: ours, or not there. One that goes is waited for.
    async fn ready_to_apply(
        &self,
        item: &Item,
        body: &Value,
        parent: &Parent,
        options: &Options,
        told: &Told<'_>,
    ) -> Result<Option<Value>, Fault> {
        loop {
            let Some(live) = self.get(item).await? else { return Ok(None) };
            let uid = live["metadata"]["uid"].as_str().unwrap_or_default();
            match whose(item, &live, parent) {
                Whose::Ours if must_be_another(&live, body) => self.remove(item, uid).await?,
                Whose::Ours => return Ok(Some(live)),
                Whose::Foreign(by) => return Err(Fault::Foreign { object: item.thing(), by }),
                Whose::Going => {
                    self.gone_in_time(item, uid, &[], options, told).await?;
                }
            }
        }
    }

    /// Lets the number of replicas stand when it is not said any more: until the autoscaler says one.
    async fn hand_over(&self, item: &Item, live: Option<&Value>) -> Result<(), Fault> {
        let Some(mut live) = live.filter(|live| replicas::only_ours(live)).cloned() else {
            return Ok(());
        };
        let params = PatchParams::apply(replicas::HANDOVER);
        loop {
            match self.patch(item, &params, &Patch::Apply(&replicas::handover(&live))).await {
                Ok(_) => return Ok(()),
                // The autoscaler has just said one: that is what was waited for, or it is read again.
                Err(Answer::Api(status)) if status.code == 409 => match self.get(item).await? {
                    Some(now) if replicas::only_ours(&now) => live = now,
                    _ => return Ok(()),
                },
                Err(answer) => return Err(self.fault("apply", &item.thing(), answer)),
            }
        }
    }

    async fn put(
        &self,
        item: &Item,
        body: &Value,
        force: bool,
        told: &Told<'_>,
    ) -> Result<Value, Fault> {
        let params = PatchParams::apply(MANAGER).validation_strict();
        let status = match self.patch(item, &params, &Patch::Apply(body)).await {
            Ok(now) => return Ok(now),
            Err(Answer::Api(status)) if status.code == 409 => status,
            Err(answer) => return Err(self.fault("apply", &item.thing(), answer)),
        };
        let all = conflicts(&item.thing(), &status);
        let foreign = foreign(&all);
        if all.is_empty() || (!foreign.is_empty() && !force) {
            return Err(match foreign.is_empty() {
                true => self.fault("apply", &item.thing(), Answer::Api(status)),
                false => Fault::Conflicts { conflicts: foreign },
            });
        }
        let now = self.patch(item, &params.force(), &Patch::Apply(body)).await;
        let now = now.map_err(|answer| self.fault("apply", &item.thing(), answer))?;
        all.into_iter().for_each(|conflict| told(Event::Took { conflict }));
        Ok(now)
    }
}

/// A Service with an address never loses it, nor does one without get one: it is deleted, and made again.
pub(super) fn must_be_another(live: &Value, body: &Value) -> bool {
    let headless = |one: &Value| one["spec"]["clusterIP"] == "None";
    body["kind"] == "Service" && headless(live) != headless(body)
}

fn outcome(live: Option<&Value>, now: &Value) -> Outcome {
    match live {
        None => Outcome::Created,
        // It may have another version: what it runs, or who holds it, says how it is.
        Some(live) if diff::fields(live, now).is_empty() => Outcome::Unchanged,
        Some(_) => Outcome::Configured,
    }
}

/// Who else manages which fields, as the API server tells it.
pub(super) fn conflicts(object: &Thing, status: &Status) -> Vec<Conflict> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let conflicts = causes.filter(|cause| cause.reason == "FieldManagerConflict");
    conflicts
        .map(|cause| {
            let quoted = |word: usize| cause.message.split('"').nth(word).unwrap_or("somebody");
            let scales = cause.message.contains("with subresource \"scale\"");
            let manager =
                if scales { format!("{} (scale)", quoted(1)) } else { quoted(1).to_owned() };
            let field = cause.field.trim_start_matches('.').replace('"', "");
            Conflict { object: object.clone(), field, manager }
        })
        .collect()
}

/// Those with others than ourselves: what we set by `scale` is ours to set again.
pub(super) fn foreign(conflicts: &[Conflict]) -> Vec<Conflict> {
    let ours = |manager: &str| {
        [MANAGER, replicas::HANDOVER].contains(&manager.trim_end_matches(" (scale)"))
    };
    conflicts.iter().filter(|conflict| !ours(&conflict.manager)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use serde_json::json;

    use super::{conflicts, foreign, must_be_another};
    use crate::report::Thing;

    #[test]
    fn a_conflict_names_the_field_and_its_manager_and_what_we_scaled_is_ours() {
        let cause = |field: &str, message: &str| json!({ "reason": "FieldManagerConflict", "field": field, "message": message });
        let status: Status = serde_json::from_value(json!({ "code": 409, "details": { "causes": [
            cause(".spec.replicas", "conflict with \"metaparticle\" with subresource \"scale\" using apps/v1"),
            cause(".spec.template.spec.containers[name=\"web\"].image", "conflict with \"kubectl-edit\" using apps/v1"),
        ] } }))
        .unwrap();
        let all = conflicts(&Thing::new("Deployment", "web"), &status);
        let said = all.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            said,
            [
                "Deployment web: spec.replicas is managed by `metaparticle (scale)`",
                "Deployment web: spec.template.spec.containers[name=web].image is managed by `kubectl-edit`",
            ]
        );
        assert_eq!(foreign(&all), all[1..]);
    }

    #[test]
    fn a_service_that_gets_or_loses_its_address_is_made_again() {
        let service =
            |address: &str| json!({ "kind": "Service", "spec": { "clusterIP": address } });
        let plain = json!({ "kind": "Service", "spec": {} });
        for (live, body, another) in [
            (service("10.0.0.1"), service("None"), true),
            (service("None"), plain.clone(), true),
            (service("10.0.0.1"), plain.clone(), false),
            (service("None"), service("None"), false),
            (json!({}), json!({ "kind": "Deployment" }), false),
        ] {
            assert_eq!(must_be_another(&live, &body), another, "{live} {body}");
        }
    }
}
