//! The 25 scenarios of the ingress-controller-conformance suite (archived), without a cluster: one line
//! each, in the suite's order. TLS and load balancing, which are more than routes, are looked at where
//! they are decided.

use std::collections::BTreeSet;

use serde_json::json;

use super::{World, ingress, merge, object, service, slice};

const PATHS: [&str; 8] = [
    "=exact-path-rules/foo>foo-exact",
    "prefix-path-rules/foo>foo-prefix",
    "prefix-path-rules/aaa/bbb>aaa-slash-bbb-prefix",
    "prefix-path-rules/aaa>aaa-prefix",
    "mixed-path-rules/foo>foo-prefix",
    "=mixed-path-rules/foo>foo-exact",
    "trailing-slash-path-rules/aaa/bbb/>aaa-slash-bbb-slash-prefix",
    "=trailing-slash-path-rules/foo/>foo-slash-exact",
];

/// The Services that rules name.
fn services(rules: &[&str]) -> Vec<serde_json::Value> {
    let names: BTreeSet<_> = rules.iter().map(|rule| rule.split_once('>').unwrap().1).collect();
    names.into_iter().map(service).collect()
}

#[track_caller]
fn check(world: &World, host: &str, path: &str, expected: Option<&str>) {
    assert_eq!(world.asked(host, path).as_deref(), expected, "http://{host}{path}");
}

#[test]
fn default_backend() {
    let mut world = World::of(&services(&[">echo-service"]));
    world.set(&ingress("default-backend", &[">echo-service"]));
    for host in ["my-host", "some-host", ""] {
        for path in ["/", "/sub-path", "/resource"] {
            check(&world, host, path, Some("echo-service"));
        }
    }
}

#[test]
fn host_rules() {
    let rules = ["*.foo.com/>wildcard-foo-com", "foo.bar.com/>foo-bar-com"];
    let mut world = World::of(&services(&rules));
    let pair = rcgen::generate_simple_self_signed(["foo.bar.com".to_owned()]).unwrap();
    let bytes = |text: String| k8s_openapi::ByteString(text.into_bytes());
    let secret = object(
        "v1",
        "Secret",
        "conformance-tls",
        json!({
            "type": "kubernetes.io/tls",
            "data": { "tls.crt": bytes(pair.cert.pem()), "tls.key": bytes(pair.signing_key.serialize_pem()) },
        }),
    );
    let mut rules = ingress("host-rules", &rules);
    let tls = json!([{ "hosts": ["foo.bar.com"], "secretName": "conformance-tls" }]);
    rules["spec"]["tls"] = tls;
    rules["spec"]["rules"][1]["http"]["paths"][0]["backend"]["service"]["port"] =
        json!({ "name": "http" });
    world.apply(&secret);
    world.set(&rules);
    assert_eq!(world.wrong(), [""; 0]);

    let shown = world.assembler.certificates().get("foo.bar.com").expect("a certificate");
    assert_eq!(shown.cert[0].as_ref(), pair.cert.der().as_ref());
    assert_eq!(world.assembler.certificates().len(), 1, "nobody else is shown it");
    check(&world, "foo.bar.com", "/", Some("foo-bar-com"));
    check(&world, "subdomain.bar.com", "/", None);
    check(&world, "bar.foo.com", "/", Some("wildcard-foo-com"));
    check(&world, "baz.bar.foo.com", "/", None);
    check(&world, "foo.com", "/", None);
}

#[test]
fn ingress_class() {
    let mut world = World::of(&services(&["x/>ingress-class-prefix"]));
    let mut foreign = ingress("test-ingress-class", &["ingress-class/>ingress-class-prefix"]);
    merge(&mut foreign, json!({ "spec": { "ingressClassName": "some-invalid-class-name" } }));
    world.set(&foreign);
    check(&world, "ingress-class", "/", None);
    assert_eq!(world.assembler.unpublished(), [], "its status is not ours to write");
}

#[test]
fn load_balancing() {
    let mut world = World::of(&services(&[">echo-service"]));
    world.apply(&ingress("load-balancing", &[">echo-service"]));
    let pods: Vec<_> = (0..10).map(|number| format!("pod-{number}=10.0.0.{number}")).collect();
    world.set(&slice("echo-service-x", "echo-service", &pods.join(" ")));
    check(&world, "load-balancing", "/", Some("echo-service"));
    let picture = world.picture();
    assert_eq!(picture.service("shop/echo-service:80").unwrap().ready.len(), 10);
}

#[test]
fn path_rules() {
    let mut world = World::of(&services(&PATHS));
    world.set(&ingress("path-rules", &PATHS));
    assert_eq!(world.wrong(), [""; 0]);
    check(&world, "exact-path-rules", "/foo", Some("foo-exact"));
    check(&world, "exact-path-rules", "/foo/", None);
    check(&world, "exact-path-rules", "/FOO", None);
    check(&world, "exact-path-rules", "/bar", None);
    check(&world, "prefix-path-rules", "/foo", Some("foo-prefix"));
    check(&world, "prefix-path-rules", "/foo/", Some("foo-prefix"));
    check(&world, "prefix-path-rules", "/FOO", None);
    check(&world, "prefix-path-rules", "/aaa/bbb", Some("aaa-slash-bbb-prefix"));
    check(&world, "prefix-path-rules", "/aaa/bbb/ccc", Some("aaa-slash-bbb-prefix"));
    check(&world, "prefix-path-rules", "/aaa/ccc", Some("aaa-prefix"));
    check(&world, "prefix-path-rules", "/aaaccc", None);
    check(&world, "prefix-path-rules", "/foo/", Some("foo-prefix"));
    check(&world, "mixed-path-rules", "/foo", Some("foo-exact"));
    check(&world, "trailing-slash-path-rules", "/aaa/bbb", Some("aaa-slash-bbb-slash-prefix"));
    check(&world, "trailing-slash-path-rules", "/aaa/bbb/", Some("aaa-slash-bbb-slash-prefix"));
    check(&world, "trailing-slash-path-rules", "/foo", None);
}
