//! Will this pod ever run? Some reasons pass, and some never do: each has its time. Containers that were started
//! again and run now are no reason; pure.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use kube::ResourceExt as _;

use crate::report::PodLine;

/// For how long a reason is borne before it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patience {
    /// An image that cannot be pulled.
    pub pull: Duration,
    /// A container that ends again and again is borne so often.
    pub crashes: i32,
    /// A pod for which there is no place: a cluster that grows needs some minutes.
    pub unschedulable: Duration,
    /// Pods that may not be made: a quota, or a rule of the namespace.
    pub refused: Duration,
    /// A container that cannot be made: a ConfigMap or a Secret that is missing.
    pub unmade: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            pull: Duration::from_secs(20),
            crashes: 3,
            unschedulable: Duration::from_secs(300),
            refused: Duration::from_secs(20),
            unmade: Duration::from_secs(20),
        }
    }
}

/// Why a pod does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// In one word; the same trouble has the same one.
    pub(super) reason: String,
    pub(super) why: String,
    /// For how long it is borne from when it was first seen.
    pub(super) borne: Duration,
}

/// What is wrong with a pod, if anything is.
pub(super) fn trouble(pod: &Pod, patience: &Patience) -> Option<Trouble> {
    if pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let mut containers = statuses(pod);
    containers.find_map(|one| in_container(one, patience)).or_else(|| unplaced(pod, patience))
}

fn in_container(container: &ContainerStatus, patience: &Patience) -> Option<Trouble> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.clone()?;
    let never = Duration::ZERO;
    let borne = match reason.as_str() {
        "InvalidImageName" | "ErrImageNeverPull" => never,
        "ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" | "RegistryUnavailable" => {
            patience.pull
        }
        "CrashLoopBackOff" if container.restart_count >= patience.crashes => never,
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            patience.unmade
        }
        _ => return None,
    };
    let mut why = format!("{}: {}", container.name, waiting.message.as_deref().unwrap_or(&reason));
    if reason == "CrashLoopBackOff" {
        why = format!(
            "{} ended {} times{}",
            container.name,
            container.restart_count,
            last(container)
        );
    }
    // A pull that failed and one that waits for the next try are one trouble.
    let reason = if borne == patience.pull { "ImagePullBackOff".to_owned() } else { reason };
    Some(Trouble { reason, why, borne })
}

/// How a container's life before this one ended.
fn last(container: &ContainerStatus) -> String {
    let ended = container.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    ended.map_or_else(String::new, |ended| {
        let reason = ended.reason.as_deref().unwrap_or("Error");
        format!(", last with code {} ({reason})", ended.exit_code)
    })
}

fn unplaced(pod: &Pod, patience: &Patience) -> Option<Trouble> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let condition = conditions.iter().find(|one| {
        one.type_ == "PodScheduled"
            && one.status == "False"
            && one.reason.as_deref() == Some("Unschedulable")
    })?;
    let why = condition.message.clone().unwrap_or_default();
    Some(Trouble { reason: "Unschedulable".to_owned(), why, borne: patience.unschedulable })
}

/// What an event says against making pods.
pub(super) fn refused(event: &Event, patience: &Patience) -> Option<Trouble> {
    (event.reason.as_deref() == Some("FailedCreate")).then(|| {
        let why = event.message.clone().unwrap_or_default();
        Trouble { reason: "FailedCreate".to_owned(), why, borne: patience.refused }
    })
}

/// How a pod is, in a line.
pub(super) fn line(pod: &Pod) -> PodLine {
    let status = pod.status.clone().unwrap_or_default();
    let ready =
        status.conditions.iter().flatten().any(|one| one.type_ == "Ready" && one.status == "True");
    let restarts = statuses(pod).map(|one| one.restart_count).sum();
    let phase = status.phase.unwrap_or_else(|| "Pending".to_owned());
    let (state, why) = if pod.metadata.deletion_timestamp.is_some() {
        ("Terminating".to_owned(), None)
    } else if let Some((state, why)) = statuses(pod).find_map(waits) {
        (state, why)
    } else if let Some(unplaced) = unplaced(pod, &Patience::default()) {
        (unplaced.reason, Some(unplaced.why))
    } else {
        (phase, status.reason.or(status.message))
    };
    PodLine { ready: ready && state == "Running", state, why, restarts }
}

fn waits(container: &ContainerStatus) -> Option<(String, Option<String>)> {
    let state = container.state.as_ref()?;
    if let Some(waiting) = &state.waiting {
        let reason = waiting.reason.clone().unwrap_or_else(|| "Waiting".to_owned());
        let why = if reason == "CrashLoopBackOff" {
            Some(format!("{} ended{}", container.name, last(container)))
        } else {
            waiting.message.clone()
        };
        return Some((reason, why));
    }
    let ended = state.terminated.as_ref().filter(|ended| ended.exit_code != 0)?;
    let reason = ended.reason.clone().unwrap_or_else(|| "Error".to_owned());
    Some((reason, Some(format!("{} ended with code {}", container.name, ended.exit_code))))
}

fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.iter();
    status.flat_map(|status| {
        let first = status.init_container_statuses.iter().flatten();
        first.chain(status.container_statuses.iter().flatten())
    })
}

/// Containers whose words matter when the pod does not run: all that do not run well, else all.
pub(super) fn silent(pod: &Pod) -> Vec<(String, bool)> {
    let all = statuses(pod).map(|one| (one.name.clone(), one.restart_count > 0, one.ready));
    let all = all.collect::<Vec<_>>();
    let bad = all.iter().filter(|(.., ready)| !ready).cloned().collect::<Vec<_>>();
    let chosen = if bad.is_empty() { all } else { bad };
    chosen.into_iter().map(|(name, restarted, _)| (name, restarted)).collect()
}

/// The label's value of a pod.
pub(super) fn label<'p>(pod: &'p Pod, key: &str) -> Option<&'p str> {
    pod.labels().get(key).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    use super::{Patience, line, trouble};

    fn pod(status: Value) -> Pod {
        serde_json::from_value(json!({ "metadata": { "name": "a" }, "status": status })).unwrap()
    }

    fn waiting(reason: &str, restarts: i32) -> Pod {
        pod(json!({ "phase": "Pending", "containerStatuses": [{
            "name": "web", "image": "", "imageID": "", "ready": false, "restartCount": restarts,
            "state": { "waiting": { "reason": reason, "message": "said" } },
            "lastState": { "terminated": { "exitCode": 3, "reason": "Error" } },
        }] }))
    }

    fn check(pod: &Pod, expected: Option<(&str, &str, u64)>) {
        let found = trouble(pod, &Patience::default());
        let found = found.map(|one| (one.reason, one.why, one.borne));
        let expected = expected.map(|(reason, why, borne)| {
            (reason.to_owned(), why.to_owned(), Duration::from_secs(borne))
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_name_that_is_no_image_never_will_be() {
        check(&waiting("InvalidImageName", 0), Some(("InvalidImageName", "web: said", 0)));
    }

    #[test]
    fn a_failed_pull_and_the_wait_for_the_next_are_one_trouble() {
        let expected = Some(("ImagePullBackOff", "web: said", 20));
        check(&waiting("ErrImagePull", 0), expected);
        check(&waiting("ImagePullBackOff", 0), expected);
    }

    #[test]
    fn a_container_may_end_twice() {
        check(&waiting("CrashLoopBackOff", 2), None);
        let why = "web ended 3 times, last with code 3 (Error)";
        check(&waiting("CrashLoopBackOff", 3), Some(("CrashLoopBackOff", why, 0)));
    }

    #[test]
    fn what_takes_its_time_is_no_trouble() {
        check(&waiting("ContainerCreating", 0), None);
        check(&waiting("PodInitializing", 0), None);
    }

    #[test]
    fn a_pod_without_a_place_says_why() {
        let status = json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled",
            "status": "False", "reason": "Unschedulable", "message": "0/1 nodes" }] });
        check(&pod(status), Some(("Unschedulable", "0/1 nodes", 300)));
    }

    #[test]
    fn a_pod_that_goes_is_no_trouble() {
        let mut going = waiting("InvalidImageName", 0);
        let now = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        going.metadata.deletion_timestamp = Some(now);
        check(&going, None);
        assert_eq!(line(&going).state, "Terminating");
    }

    #[test]
    fn a_line_says_how_a_pod_is_and_why() {
        let said = |pod: &Pod| {
            let line = line(pod);
            (line.to_string(), line.ready)
        };
        let crashed = "CrashLoopBackOff, 2 restarts: web ended, last with code 3 (Error)";
        assert_eq!(said(&waiting("CrashLoopBackOff", 2)), (crashed.to_owned(), false));
        let runs = json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }],
            "containerStatuses": [{ "name": "web", "image": "", "imageID": "", "ready": true,
                "restartCount": 1, "state": { "running": {} } }] });
        assert_eq!(said(&pod(runs)), ("ready, 1 restarts".to_owned(), true));
    }
}
