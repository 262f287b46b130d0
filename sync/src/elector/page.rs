//! What does a lock look like in JSON? As the first Metaparticle showed it, and a little more.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::lease::Lease;
use crate::moment::Moment;

/// The annotation that says in which pod the holder is.
pub(super) const POD: &str = "metaparticle.io/pod";

/// A lock, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Lock {
    metadata: Metadata,
    kind: &'static str,
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    spec: Spec,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: String,
    namespace: String,
    resource_version: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    owner: String,
    /// For people: what is judged by is a clock that nobody else sees.
    expiry: Option<String>,
    /// The fencing token, while this elector holds it.
    token: Option<String>,
    transitions: i32,
    holder_pod: Option<String>,
    lease: String,
}

impl Lock {
    /// Whether this elector holds it.
    pub(super) fn is_held(&self) -> bool {
        self.spec.token.is_some()
    }

    /// What is known of `lease`, which people call `called`.
    pub(super) fn of(
        called: &str,
        namespace: &str,
        lease_name: &str,
        lease: &Lease,
        now: Moment,
    ) -> Self {
        let record = lease.record();
        let owner = lease.holder(now).map_or_else(String::new, ToString::to_string);
        let left = lease.expires().map(|at| at.since(now)).filter(|left| !left.is_zero());
        let pod = record.and_then(|record| record.marks.annotations.get(POD)).cloned();
        Self {
            metadata: Metadata {
                name: called.to_owned(),
                namespace: namespace.to_owned(),
                resource_version: record.map(|record| record.version.to_string()),
            },
            kind: "Lock",
            api_version: "metaparticle.io/v1",
            spec: Spec {
                holder_pod: pod.filter(|_| !owner.is_empty()),
                owner,
                expiry: left.map(expiry),
                token: lease.term().map(ToString::to_string),
                transitions: record.map_or(0, |record| record.transitions),
                lease: lease_name.to_owned(),
            },
        }
    }
}

fn expiry(left: Duration) -> String {
    let left = SignedDuration::try_from(left).unwrap_or_default();
    format!("{:.3}", Timestamp::now() + left)
}
