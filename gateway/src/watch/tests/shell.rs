//! The watch before an API server: what it asks, what it makes of the answers, what it writes.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metaparticle_sync::Sync;
use serde_json::json;
use tokio::sync::Notify;

use super::server::Server;
use super::{class, ingress, saying, service, set, slice};
use crate::snapshot::{Latest, channel};
use crate::watch::{Health, Options, Source, run};

/// What a watch has told so far.
#[derive(Clone)]
pub(super) struct Looked {
    pub(super) latest: Latest,
    pub(super) health: Health,
    wrong: Arc<Mutex<Vec<String>>>,
    /// The hosts that have certificates.
    shown: Arc<Mutex<Vec<String>>>,
    told: Arc<Notify>,
}

impl Looked {
    /// Waits until `found` finds what it looks for.
    pub(super) async fn until<T>(&self, what: &str, found: impl Fn(&Self) -> Option<T>) -> T {
        let looking = async {
            loop {
                let told = self.told.notified();
                if let Some(found) = found(self) {
                    return found;
                }
                // Connections that heal make no picture: look for them, too. The clock is paused.
                tokio::select! {
                    () = told => {}
                    () = tokio::time::sleep(Duration::from_millis(50)) => {}
                }
            }
        };
        let outcome = tokio::time::timeout(Duration::from_secs(120), looking).await;
        outcome.unwrap_or_else(|_| panic!("{what}; wrong is {:?}", self.wrong()))
    }

    pub(super) async fn routed(&self, path: &str) -> String {
        self.until(path, |looked| looked.asked(path)).await
    }

    pub(super) fn asked(&self, path: &str) -> Option<String> {
        let picture = self.latest.load();
        let route = crate::route::find(&picture, "h", path).ok()?;
        let ready = route.service.ready.iter();
        let names = ready.map(|place| route.service.replicas[*place as usize].name.to_string());
        Some(names.collect::<Vec<_>>().join(" "))
    }

    pub(super) fn version(&self) -> u64 {
        self.latest.load().version
    }

    pub(super) fn shown(&self) -> Vec<String> {
        self.shown.lock().unwrap().clone()
    }

    pub(super) fn wrong(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }
}

/// The options of a gateway that does all it can.
pub(super) fn all() -> Options {
    Options { secrets: true, publish_addresses: vec!["192.0.2.1".to_owned()], ..Options::default() }
}

/// Runs `test` beside a watch of `server`.
pub(super) async fn beside<F: Future<Output = ()>>(
    server: &Server,
    options: Options,
    test: impl FnOnce(Looked) -> F,
) {
    beside_electing(server, options, Sync::memory(), test).await;
}

/// The same, for gateways that elect one of them by `sync`.
pub(super) async fn beside_electing<F: Future<Output = ()>>(
    server: &Server,
    options: Options,
    sync: Sync,
    test: impl FnOnce(Looked) -> F,
) {
    let (mut publisher, latest) = channel();
    let looked = Looked {
        latest,
        health: Health::default(),
        wrong: Arc::default(),
        shown: Arc::default(),
        told: Arc::default(),
    };
    let (wrong, told) = (Arc::clone(&looked.wrong), Arc::clone(&looked.told));
    let shown = Arc::clone(&looked.shown);
    let painted = Arc::clone(&told);
    let seen = |seen: crate::watch::Seen<'_>| {
        publisher.publish(seen.world);
        *shown.lock().unwrap() = seen.certificates.keys().map(ToString::to_string).collect();
        painted.notify_waiters();
    };
    let wrong = |lines| {
        *wrong.lock().unwrap() = lines;
        told.notify_waiters();
    };
    let source = Source::of(server.clone(), sync);
    tokio::select! {
        () = Box::pin(run(source, &options, looked.health.clone(), seen, wrong)) => {}
        () = Box::pin(test(looked.clone())) => {}
    }
}

/// The class, a Service `a` with one pod, and a route to it.
pub(super) fn small() -> Server {
    let server = Server::default();
    server.set("ingressclasses", &class("metaparticle", "metaparticle.io/gateway", false));
    server.set("services", &service("a"));
    server.set("endpointslices", &slice("a-x", "a", "a-1=10.0.0.1"));
    server.set("ingresses", &ingress("x", &["h/>a"]));
    server
}

#[tokio::test(start_paused = true)]
async fn nothing_is_served_until_all_is_seen_and_then_every_change_is() {
    let server = small();
    beside(&server, all(), async |looked| {
        assert_eq!(looked.routed("/").await, "a-1");
        assert_eq!(looked.version(), 1, "the first picture is whole");
        server.set("endpointslices", &slice("a-x", "a", "a-1=10.0.0.1 a-2=10.0.0.2"));
        looked.until("two", |looked| (looked.asked("/")? == "a-1 a-2").then_some(())).await;
        server.delete("ingresses", &ingress("x", &[]));
        looked.until("none", |looked| looked.asked("/").is_none().then_some(())).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_one_picture() {
    let server = small();
    beside(&server, all(), async |looked| {
        looked.routed("/").await;
        for number in 0..50 {
            server
                .set("endpointslices", &slice("a-x", "a", &format!("a-{number}=10.0.0.{number}")));
        }
        looked.until("the last", |looked| (looked.asked("/")? == "a-49").then_some(())).await;
        assert!(looked.version() <= 3, "{} pictures of one burst", looked.version());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_verb_is_named_and_tried_until_it_is_granted() {
    let server = small();
    server.refuse(&["list statefulsets", "watch pods"]);
    beside(&server, all(), async |looked| {
        let named = |looked: &Looked| {
            let wrong = looked.wrong();
            (wrong.len() == 2).then(|| wrong.join("\n"))
        };
        let wrong = looked.until("two refusals", named).await;
        assert!(wrong.contains("may not `list` `statefulsets.apps` in all namespaces"), "{wrong}");
        assert!(wrong.contains("may not `watch` `pods` in all namespaces"), "{wrong}");
        // Long enough for a picture, were there one.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(looked.version(), 0, "shards would be called otherwise");
        server.refuse(&[]);
        assert_eq!(looked.routed("/").await, "a-1");
        looked.until("no refusal", |looked| looked.wrong().is_empty().then_some(())).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_mistake_is_one_event_however_many_gateways_see_it() {
    let server = small();
    beside(&server, all(), async |one| {
        beside(&server, all(), async |other| {
            one.routed("/").await;
            other.routed("/").await;
            server.set("services", &saying("a", &[("shard-key", "pth:x"), ("retries", "x")]));
            let event = server.until(|server| server.all("events").pop()).await;
            let message = event["message"].as_str().unwrap();
            assert!(
                message.contains("metaparticle.io/shard-key: found `pth:x`; allowed: "),
                "{message}"
            );
            assert!(message.contains("metaparticle.io/retries: found `x`"), "{message}");
            let about = &event["involvedObject"];
            assert_eq!((&about["kind"], &about["name"]), (&json!("Service"), &json!("a")));
            assert_eq!((&about["uid"], &event["type"]), (&json!("Service-a"), &json!("Warning")));
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert_eq!(server.all("events").len(), 1);
            assert_eq!(one.wrong().len(), 2);
            // Half an hour later it still holds, and is said again before it is forgotten.
            let told = || {
                let asked = server.asked();
                asked.iter().filter(|asked| asked.contains("/events")).count()
            };
            let before = told();
            tokio::time::sleep(Duration::from_secs(40 * 60)).await;
            assert_eq!(server.all("events").len(), 1);
            assert_eq!(told(), before + 4, "each is refused a second one, and renews the first");
            server.set("services", &saying("a", &[("shard-key", "pth:y")]));
            server.until(|server| (server.all("events").len() == 2).then_some(())).await;
            server.set("services", &service("a"));
            one.until("mended", |looked| looked.wrong().is_empty().then_some(())).await;
        })
        .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_mended_at_once_is_no_event() {
    let server = small();
    beside(&server, all(), async |looked| {
        looked.routed("/").await;
        server.set("ingresses", &ingress("y", &["h/late>late"]));
        looked.until("a mistake", |looked| (looked.wrong().len() == 1).then_some(())).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.set("services", &service("late"));
        looked.until("mended", |looked| looked.wrong().is_empty().then_some(())).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(server.all("events").len(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_that_a_role_need_not_grant() {
    let server = small();
    let options = Options {
        namespace: Some("shop".to_owned()),
        class: "metaparticle".to_owned(),
        ..Options::default()
    };
    beside(&server, options, async |looked| {
        looked.routed("/").await;
        server.set("statefulsets", &set("a", "a", 1));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut asked: Vec<_> = server.asked();
        asked.sort();
        asked.dedup();
        let kinds = [
            "/apis/apps/v1/namespaces/shop/statefulsets",
            "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices",
            "/apis/networking.k8s.io/v1/namespaces/shop/ingresses",
            "/api/v1/namespaces/shop/pods",
            "/api/v1/namespaces/shop/services",
        ];
        let mut expected: Vec<_> = ["list", "watch"]
            .iter()
            .flat_map(|verb| kinds.map(|kind| format!("{verb} {kind}")))
            .collect();
        expected.sort();
        assert_eq!(asked, expected);
    })
    .await;
}
