//! What does a picture mean? Told what was seen, one thing after the other.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Awaited, Meaning, Picture, Seen};
use crate::cluster::stuck::Patience;
use crate::report::{Event, Thing};

fn web() -> Vec<Awaited> {
    vec![Awaited { thing: Thing::new("Deployment", "web"), uid: "d".to_owned(), generation: 2 }]
}

/// A Deployment of revision 2, that has so many of its two replicas.
fn deployment(generation: i64, available: i32) -> Seen {
    let one = json!({
        "metadata": { "name": "web", "uid": "d", "generation": generation,
            "annotations": { "deployment.kubernetes.io/revision": "2" } },
        "spec": { "replicas": 2, "selector": {}, "template": {} },
        "status": { "observedGeneration": generation, "replicas": 2, "updatedReplicas": 2,
            "availableReplicas": available },
    });
    Seen::Deployment(Box::new(serde_json::from_value(one).unwrap()))
}

fn replica_set(revision: &str, hash: &str) -> Seen {
    let one = json!({
        "metadata": { "name": format!("web-{hash}"), "uid": format!("rs-{hash}"),
            "labels": { "pod-template-hash": hash },
            "annotations": { "deployment.kubernetes.io/revision": revision },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d" }] },
        "spec": { "selector": {} },
    });
    Seen::ReplicaSet(Box::new(serde_json::from_value(one).unwrap()))
}

fn pod(name: &str, hash: &str, reason: Option<&str>) -> Seen {
    let state = match reason {
        Some(reason) => json!({ "waiting": { "reason": reason, "message": "said" } }),
        None => json!({ "running": {} }),
    };
    let ready = if reason.is_none() { "True" } else { "False" };
    let one = json!({
        "metadata": { "name": name, "labels": { "pod-template-hash": hash } },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": ready }],
            "containerStatuses": [{ "name": "main", "image": "", "imageID": "", "restartCount": 0,
                "ready": reason.is_none(), "state": state }] },
    });
    Seen::Pod(Box::new(serde_json::from_value(one).unwrap()))
}

fn word(about: &str, uid: &str) -> Seen {
    let one = json!({
        "metadata": { "name": format!("{about}.1") }, "type": "Warning",
        "involvedObject": { "kind": "ReplicaSet", "name": about, "uid": uid },
        "reason": "FailedCreate", "message": "exceeded quota",
    });
    Seen::Word(Box::new(serde_json::from_value(one).unwrap()))
}

fn see(picture: &mut Picture, all: impl IntoIterator<Item = Seen>) {
    all.into_iter().for_each(|seen| picture.see(seen));
}

fn judge(picture: &mut Picture, second: u64) -> Meaning {
    picture.judge(&web(), &Patience::default(), false, Duration::from_secs(second))
}

#[test]
fn nothing_is_ready_before_what_was_applied_is_seen() {
    let mut picture = Picture::default();
    let waiting = ["Deployment web: the cluster has not shown it yet"];
    assert_eq!(judge(&mut picture, 0).waiting, waiting);
    // It was ready before, and is seen as it was.
    see(&mut picture, [deployment(1, 2)]);
    assert_eq!(judge(&mut picture, 1).waiting, waiting);
    see(&mut picture, [deployment(2, 2)]);
    assert!(judge(&mut picture, 2).waiting.is_empty());
}

#[test]
fn what_passes_is_borne_and_what_stays_is_not() {
    let mut picture = Picture::default();
    see(
        &mut picture,
        [deployment(2, 1), replica_set("2", "n"), pod("a", "n", Some("ErrImagePull"))],
    );
    assert!(judge(&mut picture, 0).broken.is_empty());
    see(&mut picture, [pod("a", "n", Some("ImagePullBackOff"))]);
    assert!(judge(&mut picture, 19).broken.is_empty());
    let meaning = judge(&mut picture, 20);
    assert_eq!(meaning.broken, ["Pod a: ImagePullBackOff: main: said"]);
    assert_eq!(meaning.guilty, ["a"]);
}

#[test]
fn a_trouble_that_passed_has_its_time_again() {
    let mut picture = Picture::default();
    see(
        &mut picture,
        [deployment(2, 1), replica_set("2", "n"), pod("a", "n", Some("ErrImagePull"))],
    );
    judge(&mut picture, 0);
    see(&mut picture, [pod("a", "n", Some("ContainerCreating"))]);
    judge(&mut picture, 10);
    see(&mut picture, [pod("a", "n", Some("ErrImagePull"))]);
    assert!(judge(&mut picture, 25).broken.is_empty());
    assert!(!judge(&mut picture, 45).broken.is_empty());
}

#[test]
fn the_pods_of_an_older_template_are_no_reason_and_have_no_line() {
    let mut picture = Picture::default();
    see(&mut picture, [deployment(2, 1), replica_set("1", "o"), replica_set("2", "n")]);
    see(
        &mut picture,
        [pod("old", "o", Some("InvalidImageName")), pod("new", "n", Some("Creating"))],
    );
    let meaning = judge(&mut picture, 60);
    assert!(meaning.broken.is_empty(), "{meaning:?}");
    let pods = meaning.news.iter().filter_map(|event| match event {
        Event::Pod { pod, .. } => Some(pod.as_str()),
        _ => None,
    });
    assert_eq!(pods.collect::<Vec<_>>(), ["new"]);
}

#[test]
fn the_pods_of_the_template_before_are_no_reason_while_the_cluster_has_not_looked_at_the_new_one() {
    let mut picture = Picture::default();
    see(
        &mut picture,
        [deployment(1, 1), replica_set("2", "n"), pod("a", "n", Some("InvalidImageName"))],
    );
    assert!(judge(&mut picture, 0).broken.is_empty());
    see(&mut picture, [deployment(2, 1)]);
    assert!(!judge(&mut picture, 0).broken.is_empty());
}

#[test]
fn a_refusal_to_make_pods_counts_for_the_newest_template_while_pods_are_missing() {
    let check = |about: &str, uid: &str, pods: usize| {
        let mut picture = Picture::default();
        see(
            &mut picture,
            [deployment(2, 1), replica_set("1", "o"), replica_set("2", "n"), word(about, uid)],
        );
        see(&mut picture, (0..pods).map(|number| pod(&number.to_string(), "n", Some("Creating"))));
        judge(&mut picture, 0);
        judge(&mut picture, 20).broken
    };
    assert_eq!(check("web-n", "rs-n", 1), ["Deployment web: FailedCreate: exceeded quota"]);
    assert!(check("web-n", "rs-n", 2).is_empty(), "they were made meanwhile");
    assert!(check("web-o", "rs-o", 1).is_empty(), "it is about the old template");
    assert!(check("other", "rs-x", 1).is_empty(), "it is about something else");
}

#[test]
fn nothing_is_told_twice_and_a_pod_that_went_is_told() {
    let mut picture = Picture::default();
    see(&mut picture, [deployment(2, 1), replica_set("2", "n"), pod("a", "n", None)]);
    assert_eq!(judge(&mut picture, 0).news.len(), 2);
    assert!(judge(&mut picture, 1).news.is_empty());
    see(&mut picture, [Seen::PodGone("a".to_owned())]);
    assert_eq!(judge(&mut picture, 2).news, [Event::PodGone { pod: "a".to_owned() }]);
}

#[test]
fn a_set_and_a_job_are_judged_by_their_own_pods() {
    let set: Value = json!({ "metadata": { "name": "db", "uid": "s", "generation": 1 },
        "spec": { "replicas": 1, "selector": {}, "serviceName": "db", "template": {} },
        "status": { "observedGeneration": 1, "replicas": 1, "updateRevision": "db-2", "currentRevision": "db-1" } });
    let pod = |revision: &str| {
        let one = json!({ "metadata": { "name": "db-0", "labels": { "controller-revision-hash": revision },
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "s" }] },
            "status": { "phase": "Pending", "containerStatuses": [{ "name": "main", "image": "", "imageID": "",
                "restartCount": 0, "ready": false, "state": { "waiting": { "reason": "InvalidImageName" } } }] } });
        Seen::Pod(Box::new(serde_json::from_value(one).unwrap()))
    };
    let db =
        [Awaited { thing: Thing::new("StatefulSet", "db"), uid: "s".to_owned(), generation: 1 }];
    let broken = |revision: &str| {
        let mut picture = Picture::default();
        picture.see(Seen::StatefulSet(Box::new(serde_json::from_value(set.clone()).unwrap())));
        picture.see(pod(revision));
        picture.judge(&db, &Patience::default(), false, Duration::ZERO).broken
    };
    assert!(broken("db-1").is_empty());
    assert_eq!(broken("db-2"), ["Pod db-0: InvalidImageName: main: InvalidImageName"]);
}
