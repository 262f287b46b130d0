//! What is there now? The picture as JSON: for the dashboard, and for whoever asks with `curl`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::admin::ready::State;
use crate::metrics::Facts;
use crate::model::{Host, Path};
use crate::snapshot::{Replica, Route, Service, Snapshot};
use crate::words::{Policy, table};

/// Everything.
#[derive(Serialize)]
pub(super) struct View<'s> {
    version: u64,
    state: &'static str,
    uptime_seconds: f64,
    mistakes: &'s [String],
    connections: u64,
    memory_held_bytes: u64,
    memory_limit_bytes: u64,
    log_lines_dropped: u64,
    services: Vec<ServiceView<'s>>,
    routes: Vec<RouteView<'s>>,
}

#[derive(Serialize)]
struct ServiceView<'s> {
    name: &'s str,
    pattern: String,
    /// Every word of the policy.
    policy: Words,
    /// Those of them that are not as they are where nothing is said.
    said: Words,
    in_flight: u32,
    /// Requests answered, by class of status.
    requests: BTreeMap<&'static str, u64>,
    retries: u64,
    hedges: u64,
    budget_refused: u64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    shards: Vec<ShardView<'s>>,
    replicas: Vec<ReplicaView<'s>>,
}

#[derive(Serialize)]
struct ShardView<'s> {
    name: &'s str,
    replicas: Vec<&'s str>,
}

#[derive(Serialize)]
struct ReplicaView<'s> {
    name: &'s str,
    address: SocketAddr,
    shard: Option<&'s str>,
    ready: bool,
    ejected: bool,
    in_flight: u32,
    requests: u64,
    failures: u64,
}

#[derive(Serialize)]
struct RouteView<'s> {
    host: String,
    path: &'s str,
    path_type: &'static str,
    service: &'s str,
    pattern: String,
    /// The words that the route says otherwise than its service.
    overrides: Words,
}

/// Words and their values, in the order in which people should meet them.
struct Words(Vec<(&'static str, String)>);

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'s> View<'s> {
    /// The view of `snapshot`.
    pub(super) fn of(
        snapshot: &'s Snapshot,
        facts: &Facts,
        state: State,
        mistakes: &'s [String],
    ) -> Self {
        let &Facts { memory: (used, most), log_dropped, connections, now, .. } = facts;
        let mut routes: Vec<_> = snapshot.routes.iter().collect();
        routes.sort_by_key(|route| (&route.host, &route.path));
        View {
            version: snapshot.version,
            state: state.as_str(),
            uptime_seconds: now.as_secs_f64(),
            mistakes,
            connections,
            memory_held_bytes: used,
            memory_limit_bytes: most,
            log_lines_dropped: log_dropped,
            services: snapshot.services.iter().map(|one| ServiceView::of(one, now)).collect(),
            routes: routes.into_iter().map(RouteView::of).collect(),
        }
    }
}

impl<'s> ServiceView<'s> {
    fn of(service: &'s Service, now: Duration) -> Self {
        const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        let Service { name, policy, replicas, shards, live, .. } = service;
        let mut serving = vec![Vec::new(); shards.len()];
        for replica in replicas {
            if let Some(shard) = replica.shard {
                serving[shard.place()].push(replica.name.as_str());
            }
        }
        let shards = shards.iter().zip(serving);
        let shards = shards.map(|(one, replicas)| ShardView { name: one.name.as_str(), replicas });
        let (retries, hedges, budget_refused) = live.extras();
        let millis = |time: Duration| time.as_secs_f64() * 1000.0;
        ServiceView {
            name: name.as_str(),
            pattern: policy.pattern.to_string(),
            policy: Words(policy.words()),
            said: Words(said(policy)),
            in_flight: live.leaves(),
            requests: CLASSES.into_iter().zip(live.classes()).collect(),
            retries,
            hedges,
            budget_refused,
            p50_ms: live.percentile(50).map(millis),
            p99_ms: live.percentile(99).map(millis),
            shards: shards.collect(),
            replicas: replicas.iter().map(|one| ReplicaView::of(one, now)).collect(),
        }
    }
}

impl<'s> ReplicaView<'s> {
    fn of(replica: &'s Replica, now: Duration) -> Self {
        let (requests, failures) = replica.live.totals();
        ReplicaView {
            name: replica.name.as_str(),
            address: replica.address,
            shard: replica.shard_name.as_ref().map(|shard| shard.as_str()),
            ready: replica.ready,
            ejected: replica.live.is_ejected(now),
            in_flight: replica.live.in_flight(),
            requests,
            failures,
        }
    }
}

impl<'s> RouteView<'s> {
    fn of(route: &'s Route) -> Self {
        let (path, path_type) = match &route.path {
            Path::Exact(path) => (&**path, "Exact"),
            Path::Prefix(path) if path.is_empty() => ("/", "Prefix"),
            Path::Prefix(path) => (&**path, "Prefix"),
        };
        let host = match &route.host {
            Host::Exact(name) => name.to_string(),
            Host::Wildcard(suffix) => format!("*.{suffix}"),
            Host::Any => "*".to_owned(),
        };
        RouteView {
            host,
            path,
            path_type,
            service: route.service.name.as_str(),
            pattern: route.policy.pattern.to_string(),
            overrides: Words(overrides(&route.policy, &route.service.policy)),
        }
    }
}

fn said(policy: &Policy) -> Vec<(&'static str, String)> {
    let words = policy.words().into_iter().zip(table());
    words.filter(|((_, value), word)| value != word.default).map(|(word, _)| word).collect()
}

fn overrides(route: &Policy, service: &Policy) -> Vec<(&'static str, String)> {
    if std::ptr::eq(route, service) {
        return Vec::new();
    }
    let words = route.words().into_iter().zip(service.words());
    words.filter(|(mine, theirs)| mine != theirs).map(|(word, _)| word).collect()
}
