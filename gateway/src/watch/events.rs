//! How do people learn what is wrong with what they wrote? By one Event on the object, for as long as it
//! is wrong: its name follows from the mistakes, so that all gateways together make one.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Error};
use serde_json::json;
use tokio::sync::watch::Receiver;
use xxhash_rust::xxh3;

use super::access;
use super::report::Report;

const COMPONENT: &str = "metaparticle-gateway";
const REASON: &str = "Invalid";
/// The API server forgets an Event after an hour; one that still holds is told again before.
const AGAIN: Duration = Duration::from_secs(30 * 60);
/// Between two Events: a cluster full of mistakes is no reason to flood its API server.
const PAUSE: Duration = Duration::from_millis(50);
/// After one that was not taken.
const RETRY: Duration = Duration::from_secs(5);
/// What the API server takes.
const LONGEST: usize = 1024;
const LAST_GOOD: &str = "\nWhat was right last stays in force.";

/// Tells each report that is new; for ever.
pub(super) async fn tell(client: Client, mut reports: Receiver<Vec<Report>>) {
    let mut known = HashMap::new();
    loop {
        let now = reports.borrow_and_update().clone();
        let (mut new, mut failed) = (HashMap::new(), None);
        for report in now {
            let key = (report.kind, report.id.clone());
            let name = name(&report);
            if known.get(&key) != Some(&name)
                && let Err(error) = post(&client, &report, &name).await
            {
                let namespace = Some(&*report.id.namespace);
                failed = Some(access::told("create or patch", "events", namespace, &error));
                continue;
            }
            new.insert(key, name);
        }
        known = new;
        let wait = if let Some(error) = failed {
            tracing::warn!("mistakes cannot be told in Events: {error}");
            RETRY
        } else {
            AGAIN
        };
        match tokio::time::timeout(wait, reports.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) if wait == AGAIN => known.clear(),
            Err(_) => {}
        }
    }
}

/// The Event's name: the same for the same mistakes of the same object, whoever tells them.
fn name(report: &Report) -> String {
    let hash = xxh3::xxh3_64_with_seed(
        report.to_string().as_bytes(),
        xxh3::xxh3_64(report.uid.as_bytes()),
    );
    // A name has at most 253 letters.
    let object: String = report.id.name.chars().take(230).collect();
    format!("{object}.{hash:016x}")
}

async fn post(client: &Client, report: &Report, name: &str) -> Result<(), Error> {
    let events = Api::<Event>::namespaced(client.clone(), &report.id.namespace);
    let now = Time(Timestamp::now());
    tokio::time::sleep(PAUSE).await;
    match events.create(&PostParams::default(), &event(report, name, &now)).await {
        Err(Error::Api(status)) if status.code == 409 => {
            // Another gateway told it, or this one did half an hour ago: it holds still.
            let still = Patch::Merge(json!({ "lastTimestamp": now }));
            events.patch(name, &PatchParams::default(), &still).await.map(drop)
        }
        other => other.map(drop),
    }
}

fn event(report: &Report, name: &str, now: &Time) -> Event {
    let namespace = Some(report.id.namespace.to_string());
    let (version, kind) = report.kind.named();
    Event {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: namespace.clone(),
            ..ObjectMeta::default()
        },
        involved_object: ObjectReference {
            api_version: Some(version.to_owned()),
            kind: Some(kind.to_owned()),
            namespace,
            name: Some(report.id.name.to_string()),
            uid: Some(report.uid.to_string()),
            ..ObjectReference::default()
        },
        type_: Some("Warning".to_owned()),
        reason: Some(REASON.to_owned()),
        message: Some(message(report)),
        source: Some(EventSource { component: Some(COMPONENT.to_owned()), host: None }),
        first_timestamp: Some(now.clone()),
        last_timestamp: Some(now.clone()),
        count: Some(1),
        ..Event::default()
    }
}

fn message(report: &Report) -> String {
    let mut text = report.to_string();
    let room = LONGEST - LAST_GOOD.len() - "…".len();
    if text.len() > room {
        text.truncate(text.floor_char_boundary(room));
        text.push('…');
    }
    text + LAST_GOOD
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::digest::Id;
    use crate::watch::report::Kind;
    use crate::words::Mistake;

    fn report(value: &str) -> Report {
        let mistake = Mistake {
            place: "metaparticle.io/shard-key".to_owned(),
            value: value.to_owned(),
            allowed: "é".repeat(800),
            position: None,
        };
        let id = Id::new("shop", "users");
        Report { kind: Kind::Service, id, uid: "u".into(), mistakes: vec![mistake] }
    }

    #[test]
    fn an_event_is_named_after_what_it_tells() {
        assert_eq!(name(&report("a")), name(&report("a")));
        assert_ne!(name(&report("a")), name(&report("b")));
    }

    #[test]
    fn a_long_message_is_cut_and_says_what_stays_in_force() {
        let message = message(&report("pth:x"));
        assert!(message.len() <= LONGEST, "{}", message.len());
        assert!(message.starts_with("metaparticle.io/shard-key: found `pth:x`"), "{message}");
        assert!(message.ends_with(LAST_GOOD), "{message}");
    }
}
