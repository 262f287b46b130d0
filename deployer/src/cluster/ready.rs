//! Is a workload as it should be? By its own words about the generation that was asked for, never about the one
//! before; pure.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentCondition, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt as _;

/// How a workload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// As it should be.
    Ready,
    /// Not yet: what it waits for.
    Waits(String),
    /// It never will be: why.
    Failed(String),
}

use Standing::{Failed, Ready, Waits};

/// All the new replicas are available, and no old one is left.
pub(super) fn deployment(deployment: &Deployment) -> Standing {
    let status = deployment.status.clone().unwrap_or_default();
    if let Some(behind) = behind(deployment.metadata.generation, status.observed_generation) {
        return behind;
    }
    let spec = deployment.spec.as_ref();
    let wanted = spec.and_then(|spec| spec.replicas).unwrap_or(1);
    let conditions = status.conditions.unwrap_or_default();
    let condition = |kind: &str, status: &str| {
        conditions.iter().find(|one| one.type_ == kind && one.status == status)
    };
    if let Some(late) = condition("Progressing", "False") {
        // By a clock that nobody set: ours says when it is too late.
        return Waits(words(late));
    }
    let number = |number: Option<i32>| number.unwrap_or_default();
    let (all, updated) = (number(status.replicas), number(status.updated_replicas));
    let available = number(status.available_replicas);
    if updated < wanted {
        let why = condition("ReplicaFailure", "True").map(|one| format!(": {}", words(one)));
        return Waits(format!("{updated} of {wanted} replicas are new{}", why.unwrap_or_default()));
    }
    if all > updated {
        return Waits(format!("{} old replicas are still there", all - updated));
    }
    if available < wanted {
        return Waits(format!("{available} of {wanted} replicas are available"));
    }
    Ready
}

fn words(condition: &DeploymentCondition) -> String {
    condition.message.clone().or_else(|| condition.reason.clone()).unwrap_or_default()
}

/// All replicas are of the new revision and available; where a partition holds some back, those are left.
pub(super) fn stateful_set(set: &StatefulSet) -> Standing {
    let status = set.status.clone().unwrap_or_default();
    if let Some(behind) = behind(set.metadata.generation, status.observed_generation) {
        return behind;
    }
    let spec = set.spec.as_ref();
    let wanted = spec.and_then(|spec| spec.replicas).unwrap_or(1);
    let strategy = spec.and_then(|spec| spec.update_strategy.clone()).unwrap_or_default();
    let number = |number: Option<i32>| number.unwrap_or_default();
    let available = number(status.available_replicas);
    // Then only a person's hand replaces pods.
    let by_hand = strategy.type_.as_deref() == Some("OnDelete");
    let partition = strategy.rolling_update.and_then(|rolling| rolling.partition).unwrap_or(0);
    let new = (wanted - partition).max(0);
    let settled = status.current_revision == status.update_revision;
    let updated = if settled { status.replicas } else { number(status.updated_replicas) };
    if !by_hand && updated < new {
        return Waits(format!("{updated} of {new} replicas are new"));
    }
    if status.replicas > wanted {
        return Waits(format!("{} replicas are too many", status.replicas - wanted));
    }
    if available < wanted {
        return Waits(format!("{available} of {wanted} replicas are available"));
    }
    if !by_hand && partition == 0 && !settled {
        return Waits("the new revision is not the current one yet".to_owned());
    }
    Ready
}

/// It is complete, or, where nobody waits for its end, all that it runs at once runs.
pub(super) fn job(job: &Job, to_its_end: bool) -> Standing {
    let status = job.status.clone().unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    let condition =
        |kind: &str| conditions.iter().find(|one| one.type_ == kind && one.status == "True");
    if let Some(failed) = condition("Failed").or_else(|| condition("FailureTarget")) {
        let why = failed.message.clone().or_else(|| failed.reason.clone());
        return Failed(why.unwrap_or_else(|| "it failed".to_owned()));
    }
    if condition("Complete").is_some() || condition("Suspended").is_some() {
        return Ready;
    }
    let spec = job.spec.as_ref();
    let wanted = spec.and_then(|spec| spec.completions).unwrap_or(1);
    let at_once = spec.and_then(|spec| spec.parallelism).unwrap_or(1);
    let done = status.succeeded.unwrap_or_default();
    let runs = status.ready.unwrap_or_default();
    if !to_its_end && done + runs >= wanted.min(at_once) {
        return Ready;
    }
    if to_its_end {
        Waits(format!("{done} of {wanted} are done, {runs} run"))
    } else {
        Waits(format!("{} of {} run", done + runs, wanted.min(at_once)))
    }
}

/// The controller has not looked at what was asked for.
fn behind(generation: Option<i64>, observed: Option<i64>) -> Option<Standing> {
    let behind = observed.unwrap_or_default() < generation.unwrap_or_default();
    behind.then(|| Waits("the cluster has not looked at it yet".to_owned()))
}

/// The label by which the pods of a Deployment's newest ReplicaSet are known.
pub(super) const POD_TEMPLATE: &str = "pod-template-hash";
/// The same of a StatefulSet's revision.
pub(super) const REVISION: &str = "controller-revision-hash";
const NUMBER: &str = "deployment.kubernetes.io/revision";

/// Of which template the pods of a Deployment should be: told by the ReplicaSet that has its revision.
pub(super) fn newest<'r>(
    deployment: &Deployment,
    sets: impl IntoIterator<Item = &'r k8s_openapi::api::apps::v1::ReplicaSet>,
) -> Option<String> {
    let number = deployment.annotations().get(NUMBER)?;
    let mut sets = sets.into_iter();
    let newest = sets.find(|set| {
        let owned = set
            .owner_references()
            .iter()
            .any(|owner| Some(&owner.uid) == deployment.meta().uid.as_ref());
        owned && set.annotations().get(NUMBER) == Some(number)
    })?;
    newest.labels().get(POD_TEMPLATE).cloned()
}

use kube::Resource as _;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Standing::{self, Failed, Ready, Waits};
    use super::{deployment, job, stateful_set};

    fn waits(why: &str) -> Standing {
        Waits(why.to_owned())
    }

    /// Three replicas of generation 2.
    fn deployed(status: Value) -> Standing {
        let one = json!({ "metadata": { "generation": 2 }, "spec": { "replicas": 3, "selector": {},
            "template": {} }, "status": status });
        deployment(&serde_json::from_value(one).unwrap())
    }

    #[test]
    fn what_is_said_about_the_last_generation_does_not_count() {
        let status = json!({ "observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3 });
        assert_eq!(deployed(status), waits("the cluster has not looked at it yet"));
        assert_eq!(deployed(Value::Null), waits("the cluster has not looked at it yet"));
    }

    #[test]
    fn a_deployment_is_ready_when_all_new_replicas_are_available_and_no_old_one_is_left() {
        let status = |replicas: i32, updated: i32, available: i32| {
            json!({ "observedGeneration": 2, "replicas": replicas, "updatedReplicas": updated,
                "availableReplicas": available })
        };
        assert_eq!(deployed(status(3, 2, 3)), waits("2 of 3 replicas are new"));
        assert_eq!(deployed(status(4, 3, 4)), waits("1 old replicas are still there"));
        assert_eq!(deployed(status(3, 3, 2)), waits("2 of 3 replicas are available"));
        assert_eq!(deployed(status(3, 3, 3)), Ready);
    }

    #[test]
    fn a_deployment_says_why_pods_are_not_made_and_that_it_is_late() {
        let status = |kind: &str, status: &str, said: &str| {
            json!({ "observedGeneration": 2,
                "conditions": [{ "type": kind, "status": status, "message": said }] })
        };
        let why = "0 of 3 replicas are new: exceeded quota";
        assert_eq!(deployed(status("ReplicaFailure", "True", "exceeded quota")), waits(why));
        assert_eq!(deployed(status("Progressing", "False", "timed out")), waits("timed out"));
        assert_eq!(
            deployed(status("Progressing", "True", "goes on")),
            waits("0 of 3 replicas are new")
        );
    }

    fn set(spec: Value, status: Value) -> Standing {
        let mut one = json!({ "metadata": { "generation": 2 },
            "spec": { "replicas": 2, "selector": {}, "serviceName": "a", "template": {} }, "status": status });
        one["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        stateful_set(&serde_json::from_value(one).unwrap())
    }

    #[test]
    fn a_stateful_set_is_ready_when_its_new_revision_is_the_current_one() {
        let status = |updated: i32, available: i32, current: &str| {
            json!({ "observedGeneration": 2, "replicas": 2, "updatedReplicas": updated,
                "availableReplicas": available, "currentRevision": current, "updateRevision": "b" })
        };
        assert_eq!(set(json!({}), status(1, 2, "a")), waits("1 of 2 replicas are new"));
        assert_eq!(set(json!({}), status(2, 1, "a")), waits("1 of 2 replicas are available"));
        assert_eq!(
            set(json!({}), status(2, 2, "a")),
            waits("the new revision is not the current one yet")
        );
        assert_eq!(set(json!({}), status(2, 2, "b")), Ready);
        // A set that was only scaled does not count its pods as updated.
        assert_eq!(set(json!({}), status(0, 2, "b")), Ready);
        let partition = json!({ "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 1 } } });
        assert_eq!(set(partition, status(1, 2, "a")), Ready);
    }

    fn ran(status: Value, to_its_end: bool) -> Standing {
        let one = json!({ "spec": { "completions": 4, "parallelism": 2, "template": {} }, "status": status });
        job(&serde_json::from_value(one).unwrap(), to_its_end)
    }

    #[test]
    fn a_job_runs_or_is_complete_or_has_failed() {
        assert_eq!(ran(json!({ "ready": 1 }), false), waits("1 of 2 run"));
        assert_eq!(ran(json!({ "ready": 2 }), false), Ready);
        assert_eq!(
            ran(json!({ "ready": 2, "succeeded": 1 }), true),
            waits("1 of 4 are done, 2 run")
        );
        let ended = |kind: &str| json!({ "conditions": [{ "type": kind, "status": "True", "message": "m" }] });
        assert_eq!(ran(ended("Complete"), true), Ready);
        assert_eq!(ran(ended("Failed"), false), Failed("m".to_owned()));
    }
}
