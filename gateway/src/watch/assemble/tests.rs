//! What does a cluster become, and what stays when something changes?

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Classes, Looks, Publish};
use crate::watch::cluster::News;
use crate::watch::digest::Id;
use crate::watch::tests::{World, ingress, merge, object, saying, service, set, slice};

fn with(mut object: Value, more: Value) -> Value {
    merge(&mut object, more);
    object
}

/// The Service `db`, that says these words, the StatefulSet `db` of three, and a route.
fn db(words: &[(&str, &str)], endpoints: &str) -> World {
    World::of(&[
        saying("db", words),
        set("db", "db", 3),
        ingress("x", &["/>db"]),
        slice("db-x", "db", endpoints),
    ])
}

const DB: &str = "shop/db:80";

#[test]
fn only_what_changed_is_built_again() {
    let mut world = World::of(&[
        service("a"),
        saying("b", &[("pattern", "shard")]),
        slice("a-x", "a", "a-1=10.0.0.1"),
        slice("b-x", "b", "b-1=10.0.1.1 b-2=10.0.1.2"),
        ingress("x", &["/a>a", "/b>b"]),
    ]);
    let before = world.picture();
    assert!(world.set(&slice("a-x", "a", "a-1=10.0.0.1 a-2=10.0.0.2")));
    let after = world.picture();
    assert_eq!(after.version, before.version + 1);
    let of = |picture: &crate::snapshot::Snapshot, name: &str| {
        Arc::clone(picture.service(name).unwrap())
    };
    assert!(Arc::ptr_eq(&of(&before, "shop/b:80"), &of(&after, "shop/b:80")));
    assert!(!Arc::ptr_eq(&of(&before, "shop/a:80"), &of(&after, "shop/a:80")));
    assert!(Arc::ptr_eq(&of(&before, "shop/a:80").live, &of(&after, "shop/a:80").live));

    // Who is not ready moves no key: the ring is the same one.
    world.set(&slice("b-x", "b", "!b-1=10.0.1.1 b-2=10.0.1.2"));
    let later = world.picture();
    assert!(Arc::ptr_eq(&of(&after, "shop/b:80").ring, &of(&later, "shop/b:80").ring));
}

#[test]
fn what_nobody_needs_to_know_makes_no_picture() {
    let mut world = db(&[], "db-0=10.0.0.1");
    let label = json!({ "metadata": { "labels": { "team": "x" }, "resourceVersion": "9" } });
    assert!(!world.set(&with(slice("db-x", "db", "db-0=10.0.0.1"), label.clone())));
    assert!(!world.set(&with(service("db"), label)));
    assert!(!world.set(&slice("other-x", "other", "x=10.0.0.9")), "nobody routes to it");
}

#[test]
fn a_pod_of_a_stateful_set_keeps_its_shard_and_its_slot() {
    let words = [("shard-count", "statefulset")];
    let mut world = db(&words, "db-0=10.0.0.1 db-1=10.0.0.2 db-2=10.0.0.3");
    assert_eq!(world.wrong(), [""; 0]);
    let ring = Arc::clone(&world.picture().service(DB).unwrap().ring);
    for endpoints in [
        "db-0=10.0.0.1 ~db-1=10.0.0.2 db-2=10.0.0.3",
        "db-0=10.0.0.1 db-2=10.0.0.3",
        "db-0=10.0.0.1 !db-1=10.0.0.7 db-2=10.0.0.3",
        "",
        "db-0=10.0.0.1 db-1=10.0.0.7 db-2=10.0.0.3",
    ] {
        world.set(&slice("db-x", "db", endpoints));
        assert_eq!(world.shards(DB), "db-0 db-1 db-2", "{endpoints}");
        assert!(Arc::ptr_eq(&ring, &world.picture().service(DB).unwrap().ring), "{endpoints}");
    }
    world.set(&set("db", "db", 5));
    assert_eq!(world.shards(DB), "db-0 db-1 db-2 db-3 db-4");
    world.set(&set("db", "db", 1));
    assert_eq!(world.shards(DB), "db-0");
    assert_eq!(
        world.replicas(DB),
        "db-0=10.0.0.1:8080 db-1=10.0.0.7:8080@none db-2=10.0.0.3:8080@none"
    );
}

#[test]
fn a_count_that_cannot_be_kept_is_told() {
    let words = [("shard-count", "statefulset")];
    let mut world = World::of(&[saying("web", &words), ingress("x", &["/>web"])]);
    let wrong = world.wrong();
    let expected =
        "metaparticle.io/shard-count: found `statefulset`; allowed: a Service whose selector";
    assert!(wrong.len() == 1 && wrong[0].contains(expected), "{wrong:?}");
    world.set(&set("web", "web", 2));
    assert_eq!((world.wrong(), world.shards("shop/web:80")), (vec![], "web-0 web-1".into()));
}

#[test]
fn replicas_beyond_a_count_are_told() {
    let world = db(&[("shard-count", "2")], "db-0=10.0.0.1 db-1=10.0.0.2 db-4=10.0.0.3");
    let wrong = world.wrong();
    let expected = "found `2`; allowed: a number from 5, `statefulset` or `observed`; until then 1";
    assert!(wrong.len() == 1 && wrong[0].contains(expected), "{wrong:?}");
}

#[test]
fn a_pod_of_a_deployment_is_its_uid_and_is_gone_when_it_ends() {
    let world = World::of(&[
        service("web"),
        ingress("x", &["/>web"]),
        slice("web-x", "web", "web-a=10.0.0.1 ~web-b=10.0.0.2 !web-c=10.0.0.3"),
    ]);
    assert_eq!(
        world.replicas("shop/web:80"),
        "web-a=10.0.0.1:8080@uid-web-a !web-c=10.0.0.3:8080@uid-web-c"
    );
}

#[test]
fn pods_that_are_asked_though_not_ready_are_kept_while_all_of_them_end() {
    let spec = json!({ "spec": { "publishNotReadyAddresses": true } });
    let mut world = World::of(&[
        with(service("web"), spec),
        ingress("x", &["/>web"]),
        slice("web-x", "web", "xa=10.0.0.1 ~b=10.0.0.2"),
    ]);
    assert_eq!(world.replicas("shop/web:80"), "a=10.0.0.1:8080@uid-a b=10.0.0.2:8080@uid-b");
    world.set(&slice("web-x", "web", "xa=10.0.0.1 !c=10.0.0.3"));
    assert_eq!(world.replicas("shop/web:80"), "c=10.0.0.3:8080@uid-c");
}

#[test]
fn a_label_on_pods_or_slices_names_a_shard_that_several_serve() {
    let pod = |name: &str, uid: &str, shard: &str| {
        let labels = json!({ "metaparticle.io/shard": shard });
        object("v1", "Pod", name, json!({ "metadata": { "uid": uid, "labels": labels } }))
    };
    let labels = json!({ "metadata": { "labels": { "metaparticle.io/shard": "right" } } });
    let mut world = World::of(&[
        service("web"),
        ingress("x", &["/>web"]),
        slice("web-x", "web", "a=10.0.0.1 b=10.0.0.2 c=10.0.0.3"),
        with(slice("web-y", "web", "d=10.0.0.4"), labels),
        pod("a", "uid-a", "left"),
        pod("b", "uid-b", "left"),
        pod("c", "an older c", "left"),
    ]);
    assert_eq!(world.shards("shop/web:80"), "left right uid-c");
    world.delete(&pod("b", "", ""));
    assert_eq!(world.shards("shop/web:80"), "left right uid-b uid-c");
}

#[test]
fn what_is_spoken_follows_from_the_port() {
    let port = |word: &str| json!({ "spec": { "ports": [{ "name": "http", "port": 80, "appProtocol": word }] } });
    let slice = slice("web-x", "web", "a=10.0.0.1");
    let mut world = World::of(&[ingress("x", &["/>web"]), service("web"), slice]);
    let speaks = |world: &World| {
        let picture = world.picture();
        let service = picture.service("shop/web:80").unwrap();
        service.replicas.first().map(|replica| replica.protocol.to_string())
    };
    for (word, expected) in [
        ("kubernetes.io/h2c", Some("h2c")),
        ("kubernetes.io/ws", Some("http1")),
        ("http", Some("http1")),
        ("HTTPS", Some("https")),
        ("kubernetes.io/wss", Some("https")),
    ] {
        world.set(&with(service("web"), port(word)));
        assert_eq!(speaks(&world).as_deref(), expected, "{word}");
        assert_eq!(world.wrong(), [""; 0], "{word}");
    }
}

#[test]
fn a_name_outside_the_cluster_is_followed_where_that_is_wanted() {
    let spec = json!({ "spec": { "type": "ExternalName", "externalName": "db.example.com." } });
    let outside = with(service("web"), spec);
    let mut world = World::of(&[ingress("x", &["/>web"]), outside.clone()]);
    let names: Vec<_> = world.assembler.external_names().into_iter().collect();
    assert_eq!(names, ["db.example.com".into()]);
    let found = vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    world.assembler.take(News::Resolved("db.example.com".into(), found));
    world.settle();
    let expected = "192.0.2.7:80=192.0.2.7:80 [2001:db8::7]:80=[2001:db8::7]:80";
    assert_eq!(world.replicas("shop/web:80"), expected);

    let (classes, publish) = (Classes::Named("metaparticle".into()), Publish::Nothing);
    let looks = Looks { classes, publish, secrets: false, external_names: false };
    let mut world = World::looking(looks);
    world.apply(&ingress("x", &["/>web"]));
    world.set(&outside);
    assert_eq!(
        (world.replicas("shop/web:80"), world.assembler.external_names().len()),
        (String::new(), 0)
    );
    let wrong = world.wrong();
    assert!(wrong[0].contains("spec.externalName: found `db.example.com`"), "{wrong:?}");
}

#[test]
fn headless_services_and_plain_endpoints_are_as_good() {
    let subset = json!({
        "addresses": [{ "ip": "10.0.0.1", "hostname": "db-0",
            "targetRef": { "kind": "Pod", "name": "db-0", "uid": "u0" } }],
        "notReadyAddresses": [{ "ip": "10.0.0.2" }],
        "ports": [{ "name": "http", "port": 8080 }],
    });
    let endpoints = object("v1", "Endpoints", "db", json!({ "subsets": [subset] }));
    let headless = with(service("db"), json!({ "spec": { "clusterIP": "None" } }));
    let world = World::of(&[headless, endpoints, ingress("x", &["/>db"])]);
    assert_eq!(world.replicas(DB), "!10.0.0.2:8080=10.0.0.2:8080 db-0=10.0.0.1:8080");
}

#[test]
fn bad_annotations_are_told_and_what_was_right_stays() {
    let mut world = db(&[("pattern", "shard"), ("shard-key", "host")], "db-0=10.0.0.1");
    world.set(&saying("db", &[("pattern", "shard"), ("shard-key", "pth:x"), ("timeout", "x")]));
    let picture = world.picture();
    assert_eq!(picture.service(DB).unwrap().policy.shard_key.to_string(), "host");
    let wrong = world.wrong();
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    let expected = "Service shop/db: metaparticle.io/shard-key: found `pth:x`; allowed: ";
    assert!(wrong[0].starts_with(expected), "{wrong:?}");
    world.set(&saying("db", &[("shard-key", "client-ip")]));
    assert_eq!(world.picture().service(DB).unwrap().policy.shard_key.to_string(), "client-ip");
    assert_eq!(world.wrong(), [""; 0]);
}

#[test]
fn mistakes_of_services_that_nobody_routes_to_are_told_too() {
    let world = World::of(&[saying("idle", &[("pattern", "sprad")])]);
    assert_eq!(world.wrong().len(), 1);
}

#[test]
fn the_addresses_of_a_service_are_published() {
    let publish = Publish::Service(Id::new("shop", "gateway"));
    let classes = Classes::Named("metaparticle".into());
    let mut world =
        World::looking(Looks { classes, publish, secrets: false, external_names: false });
    world.apply(&ingress("x", &["/>web"]));
    world.settle();
    let told = |world: &World| world.assembler.unpublished().pop().map(|(_, all)| all.join(" "));
    assert_eq!(told(&world), None, "until it is known");
    let own = json!(["198.51.100.7"]);
    let balancer = json!({ "ingress": [{ "hostname": "lb.example" }] });
    for (kind, own, balancer, expected) in [
        ("ClusterIP", json!([]), json!({}), Some("10.96.0.1")),
        ("LoadBalancer", json!([]), json!({}), None),
        ("NodePort", json!([]), json!({}), None),
        ("LoadBalancer", json!([]), balancer.clone(), Some("lb.example")),
        ("LoadBalancer", own.clone(), balancer, Some("198.51.100.7 lb.example")),
        ("NodePort", own.clone(), json!({}), Some("198.51.100.7")),
        ("ClusterIP", own, json!({}), Some("198.51.100.7")),
    ] {
        let spec = json!({ "type": kind, "clusterIPs": ["10.96.0.1"], "externalIPs": own });
        let more = json!({ "spec": spec, "status": { "loadBalancer": balancer } });
        world.set(&with(service("gateway"), more));
        assert_eq!(told(&world).as_deref(), expected, "{kind}");
    }
}

#[test]
fn what_no_route_needs_makes_no_picture() {
    let words = json!({ "metadata": { "annotations": { "metaparticle.io/timeout": "5s" } } });
    let mut world =
        World::of(&[service("a"), with(ingress("x", &["/>a", "/m>late"]), words.clone())]);
    assert!(!world.set(&service("idle")), "nobody routes to it");
    assert!(!world.set(&saying("idle", &[("retries", "3")])));
    let foreign = json!({ "spec": { "ingressClassName": "nginx" } });
    assert!(!world.set(&with(ingress("foreign", &["/y>a"]), foreign)));
    let status = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.9" }] } } });
    assert!(!world.set(&with(with(ingress("x", &["/>a", "/m>late"]), words.clone()), status)));
    assert!(!world.set(&with(ingress("y", &["/>a"]), words.clone())), "an older one has it");
    let wrong = world.wrong();
    assert!(wrong.iter().any(|line| line.contains("shop/x does, and keeps them")), "{wrong:?}");
    // And what a route does need makes one.
    assert!(!world.set(&service("late")), "nobody answers, as before");
    assert!(world.set(&slice("late-x", "late", "late-1=10.0.0.7")));
    assert!(world.set(&saying("a", &[("retries", "3")])));
    assert!(world.set(&ingress("x", &["/>a"])));
}

#[test]
fn only_words_that_were_right_before_are_said_to_stay() {
    let mut world = db(&[("shard-key", "host")], "db-0=10.0.0.1");
    let kept = |world: &World| {
        let reports = world.assembler.reports();
        reports.iter().map(|report| report.kept).collect::<Vec<_>>()
    };
    world.set(&saying("db", &[("shard-key", "pth:x")]));
    assert_eq!(kept(&world), [true]);
    world.set(&saying("db", &[("shard-key", "pth:y")]));
    assert_eq!(kept(&world), [true], "the second mistake follows a first one");
    let mut world = db(&[("shard-key", "pth:x")], "db-0=10.0.0.1");
    world.set(&ingress("x", &["/>db", "/m>missing"]));
    assert_eq!(kept(&world), [false, false]);
}
