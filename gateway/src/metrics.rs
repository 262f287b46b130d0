//! How much, how fast, how well? The counters, as Prometheus reads them.
//!
//! There is no registry: the page is a walk over the picture's live cells, so that what is counted
//! and what is shown cannot be two things. What left the picture leaves the page. Text format 0.0.4.

mod page;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::snapshot::{BUCKETS, Histogram, Replica, Service, Snapshot};
use crate::watch;

use self::page::{Kind, Page};

/// What a page is, for who asked.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the picture does not know.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Bytes of bodies held, and at the most.
    pub memory: (u64, u64),
    /// Lines of the log that found no room.
    pub log_dropped: u64,
    /// Requests that were refused before a service was found for them.
    pub turned_away: u64,
    /// Connections of clients that are open.
    pub connections: u64,
    /// Mistakes in the source, for which the last good picture still stands.
    pub mistakes: u64,
    /// How long it has been since the start.
    pub now: Duration,
    /// How the kinds of a cluster are watched; none where the source is another.
    pub watched: Vec<watch::Kind>,
}

/// The page of everything in `snapshot`, and of `facts`.
#[must_use]
pub fn render(snapshot: &Snapshot, facts: &Facts) -> String {
    let mut page = Page::default();
    gateway(&mut page, snapshot, facts);
    requests(&mut page, snapshot);
    latencies(&mut page, snapshot);
    services(&mut page, snapshot, facts.now);
    replicas(&mut page, snapshot, facts.now);
    if !facts.watched.is_empty() {
        watched(&mut page, &facts.watched);
    }
    page.text()
}

fn gateway(page: &mut Page, snapshot: &Snapshot, facts: &Facts) {
    let &Facts {
        memory: (used, most),
        log_dropped,
        turned_away,
        connections,
        mistakes,
        now,
        watched: _,
    } = facts;
    page.alone("uptime_seconds", Kind::Gauge, "Time since the start.", now.as_secs_f64());
    let help = "Pictures of the world so far; the one in use is the last.";
    page.alone("snapshot_version", Kind::Gauge, help, snapshot.version);
    page.alone("services", Kind::Gauge, "Services in the picture.", snapshot.services.len());
    let routes = snapshot.routes.iter().count();
    page.alone("routes", Kind::Gauge, "Routes in the picture.", routes);
    let help = "Mistakes in the source; while there are any, the last good picture stands.";
    page.alone("source_mistakes", Kind::Gauge, help, mistakes);
    page.alone("connections", Kind::Gauge, "Open connections of clients.", connections);
    page.alone("memory_held_bytes", Kind::Gauge, "Bytes of bodies that are held.", used);
    page.alone("memory_limit_bytes", Kind::Gauge, "Bytes of bodies that may be held.", most);
    let help = "Lines of the access log that found no room.";
    page.alone("log_lines_dropped_total", Kind::Counter, help, log_dropped);
    let help = "Requests refused before a service was found for them.";
    page.alone("turned_away_total", Kind::Counter, help, turned_away);
}

fn watched(page: &mut Page, kinds: &[watch::Kind]) {
    let kind = |kind: &watch::Kind| [("kind", kind.name)];
    let help = "1 while the cluster tells of this kind; else what was seen last stays in force.";
    page.family("watch_connected", Kind::Gauge, help);
    for one in kinds {
        page.sample("", &kind(one), u8::from(one.connected));
    }
    page.family("watch_objects", Kind::Gauge, "Objects of this kind that are known.");
    for one in kinds {
        page.sample("", &kind(one), one.objects);
    }
    let help = "Time since the cluster told of an object of this kind.";
    page.family("watch_last_event_age_seconds", Kind::Gauge, help);
    for one in kinds {
        if let Some(told) = one.told {
            page.sample("", &kind(one), told.elapsed().as_secs_f64());
        }
    }
}

fn requests(page: &mut Page, snapshot: &Snapshot) {
    const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
    page.family("requests_total", Kind::Counter, "Requests answered, by class of status.");
    for service in &snapshot.services {
        for (class, count) in CLASSES.into_iter().zip(service.live.classes()) {
            page.sample("", &[("service", service.name.as_str()), ("code", class)], count);
        }
    }
}

fn latencies(page: &mut Page, snapshot: &Snapshot) {
    let help = "Time from the head of a request to the end of its answer.";
    page.family("request_duration_seconds", Kind::Histogram, help);
    for service in &snapshot.services {
        histogram(page, &[("service", service.name.as_str())], &service.live.latencies);
    }
}

fn histogram(page: &mut Page, labels: &[(&'static str, &str)], times: &Histogram) {
    let mut so_far = 0;
    let bounds = BUCKETS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
    for (bound, count) in bounds.zip(times.counts()) {
        so_far += count;
        page.sample("_bucket", &[labels, &[("le", bound.as_str())]].concat(), so_far);
    }
    page.sample("_sum", labels, times.sum().as_secs_f64());
    page.sample("_count", labels, so_far);
}

/// A family with a sample a service, or a replica: its name, kind, help, and how it is read.
type Column<T> = (&'static str, Kind, &'static str, fn(&T, Duration) -> u64);

const OF_SERVICES: [Column<Service>; 6] = [
    ("leaves_in_flight", Kind::Gauge, "Leaves in flight: a scatter of N counts as N.", |one, _| {
        one.live.leaves().into()
    }),
    ("replicas", Kind::Gauge, "Replicas, ready or not.", |one, _| one.replicas.len() as u64),
    ("shards", Kind::Gauge, "Shards, served or not.", |one, _| one.shards.len() as u64),
    ("retries_total", Kind::Counter, "Requests that were sent once more.", |one, _| {
        one.live.extras().0
    }),
    ("hedges_total", Kind::Counter, "Second replicas asked for the same.", |one, _| {
        one.live.extras().1
    }),
    (
        "budget_refused_total",
        Kind::Counter,
        "Retries and hedges that were not made, because their budget was spent.",
        |one, _| one.live.extras().2,
    ),
];

const OF_REPLICAS: [Column<Replica>; 5] = [
    ("replica_requests_total", Kind::Counter, "Requests the replica was sent.", |one, _| {
        one.live.totals().0
    }),
    ("replica_failures_total", Kind::Counter, "Requests the replica failed.", |one, _| {
        one.live.totals().1
    }),
    ("replica_in_flight", Kind::Gauge, "Requests the replica has not finished.", |one, _| {
        one.live.in_flight().into()
    }),
    ("replica_ready", Kind::Gauge, "1 where the replica wants requests.", |one, _| {
        one.ready.into()
    }),
    (
        "replica_ejected",
        Kind::Gauge,
        "1 while the replica is left alone, because it failed too often in a row.",
        |one, now| one.live.is_ejected(now).into(),
    ),
];

fn services(page: &mut Page, snapshot: &Snapshot, now: Duration) {
    for (name, kind, help, read) in OF_SERVICES {
        page.family(name, kind, help);
        for service in &snapshot.services {
            page.sample("", &[("service", service.name.as_str())], read(service, now));
        }
    }
}

fn replicas(page: &mut Page, snapshot: &Snapshot, now: Duration) {
    for (name, kind, help, read) in OF_REPLICAS {
        page.family(name, kind, help);
        of_replicas(snapshot, |labels, replica| page.sample("", labels, read(replica, now)));
    }
    let help = "Time from the sending of a request to the head of the replica's answer.";
    page.family("replica_request_duration_seconds", Kind::Histogram, help);
    of_replicas(snapshot, |labels, replica| histogram(page, labels, &replica.live.latencies));
}

fn of_replicas(snapshot: &Snapshot, mut each: impl FnMut(&[(&'static str, &str)], &Replica)) {
    for service in &snapshot.services {
        for replica in &service.replicas {
            // A replica beyond the count serves no shard: an empty label is no label.
            let shard = replica.shard_name.as_ref().map_or("", |shard| shard.as_str());
            let labels = [
                ("service", service.name.as_str()),
                ("shard", shard),
                ("replica", replica.name.as_str()),
            ];
            each(&labels, replica);
        }
    }
}
