//! Would a deploy work here? Everything that it leans on is asked for, and nothing is changed.

use futures::{StreamExt as _, stream};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::{Namespace, Node};
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::fmt::rfc2822;
use kube::api::{Api, ListParams, PostParams};
use kube::client::Body;
use serde::Serialize;

use crate::cluster::connect::Cluster;
use crate::cluster::fault::Fault;
use crate::report::Thing;

/// A clock that is wrong by more is worth a word: certificates and tokens are judged by it.
const SKEW_MOST: i64 = 5;
/// So many questions at once.
const AT_ONCE: usize = 16;
/// Where a namespace says what pods may do.
const LEVEL: &str = "pod-security.kubernetes.io/enforce";

/// What a deploy does: group, resource, verbs.
const NEEDED: [(&str, &str, &[&str]); 18] = [
    ("", "configmaps", &["get", "list", "watch", "create", "update", "patch", "delete"]),
    ("", "services", &["get", "create", "patch", "delete"]),
    ("", "serviceaccounts", &["get", "create", "patch", "delete"]),
    ("", "pods", &["get", "list", "watch", "delete"]),
    ("", "pods/log", &["get"]),
    ("", "events", &["list", "watch"]),
    ("apps", "deployments", &["get", "list", "watch", "create", "patch", "delete"]),
    ("apps", "deployments/scale", &["patch"]),
    ("apps", "statefulsets", &["get", "list", "watch", "create", "patch", "delete"]),
    ("apps", "replicasets", &["list", "watch"]),
    ("batch", "jobs", &["get", "list", "watch", "create", "patch", "delete"]),
    ("batch", "cronjobs", &["get", "create", "patch", "delete"]),
    ("policy", "poddisruptionbudgets", &["get", "create", "patch", "delete"]),
    ("networking.k8s.io", "ingresses", &["get", "create", "patch", "delete"]),
    // Only for what locks, and for what is scaled by itself; but who may not, hears it then.
    ("rbac.authorization.k8s.io", "roles", &["get", "create", "patch", "delete"]),
    ("rbac.authorization.k8s.io", "rolebindings", &["get", "create", "patch", "delete"]),
    ("autoscaling", "horizontalpodautoscalers", &["list"]),
    (
        "coordination.k8s.io",
        "leases",
        &["get", "list", "watch", "create", "update", "patch", "delete"],
    ),
];

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub what: String,
    /// How it is.
    pub verdict: Verdict,
    /// In words; what to do where it is wrong.
    pub words: String,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Right,
    /// Nobody may tell.
    Unknown,
    /// It may do harm.
    Doubtful,
    /// A deploy would fail.
    Wrong,
}

impl Check {
    /// It is as it should be.
    #[must_use]
    pub fn right(what: &str, words: impl Into<String>) -> Self {
        Self::new(what, Verdict::Right, words)
    }

    /// A deploy would fail; the words say what to do.
    #[must_use]
    pub fn wrong(what: &str, words: impl Into<String>) -> Self {
        Self::new(what, Verdict::Wrong, words)
    }

    fn new(what: &str, verdict: Verdict, words: impl Into<String>) -> Self {
        Self { what: what.to_owned(), verdict, words: words.into() }
    }
}

impl Cluster {
    /// Looks at all that a deploy leans on; `architecture` is that of the program, as images name it (`amd64`).
    pub async fn doctor(&self, architecture: Option<&str>) -> Vec<Check> {
        let (answers, clock) = self.clock().await;
        let mut checks = vec![answers];
        if checks[0].verdict == Verdict::Wrong {
            return checks;
        }
        checks.extend(clock);
        checks.push(self.namespace().await);
        checks.push(self.permissions().await);
        if let Some(architecture) = architecture {
            checks.push(self.nodes(architecture).await);
        }
        checks
    }

    /// Whether it answers, and what time it has there.
    async fn clock(&self) -> (Check, Option<Check>) {
        let what = "API server";
        let request = http::Request::get("/version").body(Body::empty());
        let Ok(request) = request else {
            return (Check::new(what, Verdict::Unknown, "it cannot be asked"), None);
        };
        let answer = match self.client.send(request).await {
            Ok(answer) => answer,
            Err(error) => {
                let fault = self.client_fault("ask", &Thing::new("version", ""), error);
                return (Check::new(what, Verdict::Wrong, fault.to_string()), None);
            }
        };
        let now = Timestamp::now();
        let date = answer.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
        let answers = Check::new(what, Verdict::Right, format!("{} answers", self.place.server));
        (answers, Some(skew(date, now)))
    }

    async fn namespace(&self) -> Check {
        let name = &self.place.namespace;
        match Api::<Namespace>::all(self.client.clone()).get(name).await {
            Ok(found) => {
                let labels = found.metadata.labels.unwrap_or_default();
                let level = labels.get(LEVEL).map_or("none", String::as_str).to_owned();
                let words =
                    format!("{name} is there; it enforces the pod security level `{level}`");
                Check::new("namespace", Verdict::Right, words)
            }
            Err(kube::Error::Api(status)) if status.code == 404 => {
                let fault = Fault::NoNamespace { namespace: name.clone() };
                Check::new("namespace", Verdict::Wrong, fault.to_string())
            }
            Err(_) => {
                let words = format!("it may not be asked about {name}");
                Check::new("namespace", Verdict::Unknown, words)
            }
        }
    }

    async fn permissions(&self) -> Check {
        let questions = NEEDED.iter().flat_map(|(group, resource, verbs)| {
            verbs.iter().map(|verb| self.may(group, resource, verb))
        });
        let answers = stream::iter(questions).buffered(AT_ONCE).collect::<Vec<_>>().await;
        let missing =
            answers.iter().filter_map(|(what, may)| (*may == Some(false)).then_some(what));
        let missing = missing.cloned().collect::<Vec<_>>();
        if !missing.is_empty() {
            let words = format!("a Role must allow: {}", missing.join(", "));
            return Check::new("permissions", Verdict::Wrong, words);
        }
        if answers.iter().any(|(_, may)| may.is_none()) {
            return Check::new("permissions", Verdict::Unknown, "the cluster does not tell");
        }
        Check::new("permissions", Verdict::Right, "all that a deploy does is allowed")
    }

    async fn may(&self, group: &str, resource: &str, verb: &str) -> (String, Option<bool>) {
        let (plural, part) =
            resource.split_once('/').map_or((resource, None), |(one, part)| (one, Some(part)));
        let dot = if group.is_empty() { "" } else { "." };
        let what = format!("{verb} {resource}{dot}{group}");
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    namespace: Some(self.place.namespace.clone()),
                    group: Some(group.to_owned()),
                    resource: Some(plural.to_owned()),
                    subresource: part.map(str::to_owned),
                    verb: Some(verb.to_owned()),
                    ..ResourceAttributes::default()
                }),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let reviews = Api::<SelfSubjectAccessReview>::all(self.client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await.ok();
        (what, answer.and_then(|answer| answer.status).map(|status| status.allowed))
    }

    async fn nodes(&self, architecture: &str) -> Check {
        let nodes = Api::<Node>::all(self.client.clone()).list(&ListParams::default()).await;
        let Ok(nodes) = nodes else {
            return Check::new("architecture", Verdict::Unknown, "nodes may not be listed");
        };
        let of = |node: &Node| Some(node.status.as_ref()?.node_info.as_ref()?.architecture.clone());
        fits(architecture, &nodes.items.iter().filter_map(of).collect::<Vec<_>>())
    }
}

/// How wrong the clocks are.
fn skew(date: Option<&str>, now: Timestamp) -> Check {
    let there = date.and_then(|date| rfc2822::parse(date).ok());
    let Some(there) = there.map(|there| there.timestamp()) else {
        return Check::new(
            "clock",
            Verdict::Unknown,
            "the API server does not say what time it is",
        );
    };
    let skew = now.as_second() - there.as_second();
    if skew.abs() <= SKEW_MOST {
        return Check::new(
            "clock",
            Verdict::Right,
            "this machine and the API server have one time",
        );
    }
    let side = if skew > 0 { "ahead of" } else { "behind" };
    let words = format!(
        "this machine is {} s {side} the API server: let both ask a time server",
        skew.abs()
    );
    Check::new("clock", Verdict::Doubtful, words)
}

/// Whether the program runs on these nodes.
fn fits(architecture: &str, nodes: &[String]) -> Check {
    let right = nodes.iter().filter(|one| *one == architecture).count();
    let words = format!("{right} of {} nodes are {architecture}", nodes.len());
    let verdict = match (right, nodes.len() - right) {
        (0, _) => Verdict::Wrong,
        (_, 0) => Verdict::Right,
        _ => Verdict::Doubtful,
    };
    let help =
        if verdict == Verdict::Right { "" } else { ": build the program for the others, too" };
    Check::new("architecture", verdict, words + help)
}

#[cfg(test)]
mod tests {
    use super::{Verdict, fits, skew};

    #[test]
    fn clocks_may_differ_by_seconds() {
        let now = "2026-01-01T00:00:05Z".parse().unwrap();
        let check = |date: Option<&str>| skew(date, now).verdict;
        assert_eq!(check(Some("Thu, 01 Jan 2026 00:00:00 GMT")), Verdict::Right);
        assert_eq!(check(Some("Wed, 31 Dec 2025 23:59:59 GMT")), Verdict::Doubtful);
        assert_eq!(check(None), Verdict::Unknown);
    }

    #[test]
    fn some_node_must_be_of_the_programs_architecture() {
        let check = |nodes: &[&str]| {
            fits("amd64", &nodes.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()).verdict
        };
        assert_eq!(check(&["amd64", "amd64"]), Verdict::Right);
        assert_eq!(check(&["amd64", "arm64"]), Verdict::Doubtful);
        assert_eq!(check(&["arm64"]), Verdict::Wrong);
    }
}
