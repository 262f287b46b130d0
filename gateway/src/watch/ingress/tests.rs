//! Which requests go where, beyond what the conformance suite asks?

use serde_json::{Value, json};

use crate::watch::tests::{World, class, ingress, merge, object, saying, service};

fn world(ingresses: &[Value]) -> World {
    let mut world = World::of(&[service("a"), service("b"), service("c")]);
    ingresses.iter().for_each(|object| world.apply(object));
    world.settle();
    world
}

#[track_caller]
fn check(world: &World, asked: &[(&str, &str, Option<&str>)]) {
    for (host, path, expected) in asked {
        assert_eq!(world.asked(host, path).as_deref(), *expected, "{host}{path}");
    }
}

fn with(mut object: Value, more: Value) -> Value {
    merge(&mut object, more);
    object
}

#[test]
fn a_class_is_ours_by_its_controller_the_old_annotation_or_the_default() {
    let unnamed = |name: &str, rules: &[&str]| {
        let mut ingress = ingress(name, rules);
        ingress["spec"].as_object_mut().unwrap().remove("ingressClassName");
        ingress
    };
    let legacy =
        json!({ "metadata": { "annotations": { "kubernetes.io/ingress.class": "metaparticle" } } });
    let mut world = world(&[
        with(unnamed("old", &["old/>a"]), legacy),
        unnamed("none", &["none/>b"]),
        with(ingress("other", &["other/>c"]), json!({ "spec": { "ingressClassName": "nginx" } })),
    ]);
    world.set(&class("nginx", "k8s.io/ingress-nginx", false));
    check(&world, &[("old", "/", Some("a")), ("none", "/", None), ("other", "/", None)]);
    world.set(&class("metaparticle", "metaparticle.io/gateway", true));
    check(&world, &[("old", "/", Some("a")), ("none", "/", Some("b")), ("other", "/", None)]);
    let all = world.assembler.unpublished();
    assert_eq!(all.len(), 2, "{all:?}");
    world.delete(&class("metaparticle", "metaparticle.io/gateway", true));
    check(&world, &[("old", "/", None), ("none", "/", None), ("other", "/", None)]);
}

#[test]
fn an_exact_host_beats_a_wildcard_and_hosts_have_no_case() {
    let world = world(&[ingress("x", &["*.b.c/>a", "A.b.c/>b", "/>c"])]);
    check(
        &world,
        &[
            ("a.b.c", "/", Some("b")),
            ("x.b.c", "/", Some("a")),
            ("x.y.b.c", "/", Some("c")),
            ("b.c", "/", Some("c")),
        ],
    );
}

#[test]
fn what_no_rule_matches_goes_to_the_default_backend_of_the_host_or_of_all() {
    let world = world(&[ingress("x", &["h/api>a", ">b"]), ingress("y", &["i/api>c"])]);
    check(
        &world,
        &[
            ("h", "/api/1", Some("a")),
            ("h", "/", Some("b")),
            ("other", "/", Some("b")),
            ("i", "/api", Some("c")),
            ("i", "/", None),
        ],
    );
}

#[test]
fn a_host_without_paths_is_for_the_default_backend() {
    let host = json!({ "spec": { "rules": [{ "host": "h" }] } });
    let world = world(&[with(ingress("x", &[">a"]), host), ingress("y", &["/>b"])]);
    check(&world, &[("h", "/x", Some("a")), ("other", "/x", Some("b"))]);
}

#[test]
fn the_older_ingress_has_what_two_want_and_the_other_is_told() {
    let at = |time: &str| json!({ "metadata": { "creationTimestamp": time } });
    let mut world = world(&[
        with(ingress("a-young", &["h/>a", "h/x>a"]), at("2026-02-01T00:00:00Z")),
        with(ingress("z-old", &["h/>b"]), at("2026-01-01T00:00:00Z")),
    ]);
    check(&world, &[("h", "/", Some("b")), ("h", "/x", Some("a"))]);
    let wrong = world.wrong();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].starts_with("Ingress shop/a-young: spec.rules[0].http.paths[0]"), "{wrong:?}");
    assert!(wrong[0].contains("shop/z-old does"), "{wrong:?}");
    world.delete(&ingress("z-old", &[]));
    check(&world, &[("h", "/", Some("a"))]);
    assert_eq!(world.wrong(), [""; 0]);
}

#[test]
fn a_backend_that_is_not_there_is_told_and_keeps_its_requests_from_others() {
    let mut world = world(&[ingress("x", &["h/>a", "h/gone>gone"])]);
    check(&world, &[("h", "/gone", Some("gone"))]);
    let wrong = world.wrong();
    assert!(
        wrong[0].contains(".service.name: found `gone`; allowed: the name of a Service"),
        "{wrong:?}"
    );
    world.set(&service("gone"));
    assert_eq!(world.wrong(), [""; 0]);
    let ports = json!({ "spec": { "ports": [{ "name": "web", "port": 8080 }] } });
    world.set(&with(service("gone"), ports));
    let wrong = world.wrong();
    assert!(wrong[0].contains(".service.port: found `80`; allowed: a port"), "{wrong:?}");
    assert!(wrong[0].contains("`web`, `8080`"), "{wrong:?}");
    check(&world, &[("h", "/gone", Some("gone"))]);
}

#[test]
fn all_that_is_wrong_with_an_ingress_is_one_report() {
    let resource = json!({ "resource": { "kind": "Bucket", "name": "b" } });
    let mut wrong = ingress("x", &["h/%20é>a", "i/>a"]);
    wrong["spec"]["rules"][1]["http"]["paths"][0]["backend"] = resource;
    wrong["spec"]["tls"] = json!([{ "secretName": "missing" }]);
    wrong["metadata"]["annotations"] = json!({ "metaparticle.io/balance": "random" });
    let world = world(&[wrong]);
    let lines = world.wrong();
    let has = |what: &str| lines.iter().any(|line| line.contains(what));
    assert!(has("rules[0].http.paths[0].path: found `/%20é`"), "{lines:?}");
    assert!(has("backend: found `Bucket/b`; allowed: a Service"), "{lines:?}");
    assert!(has("spec.tls[0].secretName: found `missing`"), "{lines:?}");
    assert!(
        has("metaparticle.io/balance: found `random`; allowed: on a service only"),
        "{lines:?}"
    );
    assert_eq!((lines.len(), world.assembler.reports().len()), (4, 1));
}

#[test]
fn an_ingress_may_say_its_own_words_and_the_last_right_ones_stand() {
    let words =
        |text: &str| json!({ "metadata": { "annotations": { "metaparticle.io/timeout": text } } });
    let mut world = World::of(&[saying("a", &[("pattern", "shard"), ("timeout", "9s")])]);
    world.apply(&ingress("plain", &["plain/>a"]));
    let timeout = |world: &World, host: &str| {
        let picture = world.picture();
        let route = crate::route::find(&picture, host, "/").unwrap();
        format!("{} {:?}", route.policy.pattern, route.policy.timeout)
    };
    world.set(&with(ingress("x", &["h/>a"]), words("2s")));
    assert_eq!(
        (timeout(&world, "h"), timeout(&world, "plain")),
        ("shard 2s".into(), "shard 9s".into())
    );
    world.set(&with(ingress("x", &["h/>a"]), words("2 seconds")));
    assert_eq!(timeout(&world, "h"), "shard 2s");
    assert_eq!(world.wrong().len(), 1);
    // The service's own words go on changing beneath.
    world.set(&saying("a", &[("pattern", "scatter")]));
    assert_eq!(timeout(&world, "h"), "scatter 2s");
}

#[test]
fn a_certificate_is_for_its_hosts_or_those_of_the_rules_and_the_last_right_one_is_shown() {
    let pair = rcgen::generate_simple_self_signed(["h".to_owned()]).unwrap();
    let secret = |chain: &str| {
        let bytes = |text: &str| k8s_openapi::ByteString(text.into());
        let key = pair.signing_key.serialize_pem();
        let data = json!({ "tls.crt": bytes(chain), "tls.key": bytes(&key) });
        object("v1", "Secret", "cert", json!({ "data": data }))
    };
    let mut x = ingress("x", &["h/>a", "/>b"]);
    x["spec"]["tls"] =
        json!([{ "secretName": "cert" }, { "hosts": ["*.I"], "secretName": "cert" }]);
    let mut world = world(&[x, secret(&pair.cert.pem())]);
    let hosts = |world: &World| {
        let mut hosts: Vec<_> = world.assembler.certificates().keys().cloned().collect();
        hosts.sort();
        hosts.join(" ")
    };
    assert_eq!((hosts(&world), world.wrong()), ("*.i h".to_owned(), vec![]));
    world.set(&secret("nonsense"));
    assert_eq!(hosts(&world), "*.i h");
    let wrong = world.wrong();
    assert!(wrong[0].contains("(`tls.crt` has no certificate)"), "{wrong:?}");
    world.delete(&secret(""));
    assert_eq!(hosts(&world), "");
}

#[test]
fn only_a_status_that_is_not_so_is_written() {
    let mut world = world(&[ingress("x", &["h/>a"])]);
    assert_eq!(world.assembler.unpublished().len(), 1);
    let says = |ip: &str| json!({ "status": { "loadBalancer": { "ingress": [{ "ip": ip }] } } });
    world.set(&with(ingress("x", &["h/>a"]), says("192.0.2.1")));
    assert_eq!(world.assembler.unpublished(), []);
    world.set(&with(ingress("x", &["h/>a"]), says("192.0.2.9")));
    assert_eq!(world.assembler.unpublished().len(), 1);
}
