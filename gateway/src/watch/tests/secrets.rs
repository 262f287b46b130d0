//! What is known of Secrets? What those hold that are named, and of all others only that they are there.

use std::time::Duration;

use k8s_openapi::ByteString;
use serde_json::{Value, json};

use super::shell::{all, beside, small};
use super::{World, ingress, merge, object, saying, service, slice};
use crate::model::Authorities;

/// A Secret with a certificate of its own, which is also its authority.
fn secret(name: &str) -> Value {
    let pair = rcgen::generate_simple_self_signed([format!("{name}.example")]).unwrap();
    let bytes = |text: String| ByteString(text.into());
    let data = json!({
        "tls.crt": bytes(pair.cert.pem()),
        "tls.key": bytes(pair.signing_key.serialize_pem()),
        "ca.crt": bytes(pair.cert.pem()),
    });
    object("v1", "Secret", name, json!({ "data": data }))
}

fn tls(name: &str, secret: &str) -> Value {
    let mut ingress = ingress(name, &["h/>a"]);
    ingress["spec"]["tls"] =
        json!([{ "hosts": [format!("{name}.example")], "secretName": secret }]);
    ingress
}

#[tokio::test(start_paused = true)]
async fn only_a_secret_that_is_named_is_asked_for_and_the_first_picture_has_its_certificate() {
    let server = small();
    server.set("secrets", &secret("one"));
    server.set("secrets", &secret("two"));
    server.set("ingresses", &tls("x", "one"));
    let asked = || {
        let asked = server.asked().into_iter().filter(|asked| asked.starts_with("get"));
        asked.collect::<Vec<_>>()
    };
    beside(&server, all(), async |looked| {
        looked.routed("/").await;
        assert_eq!((looked.version(), looked.shown()), (1, vec!["x.example".to_owned()]));
        server.set("secrets", &secret("two"));
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(looked.version(), 1, "a Secret that nobody names is nothing to see");
        let one = "get /api/v1/namespaces/shop/secrets/one".to_owned();
        assert!(asked().iter().all(|asked| *asked == one), "{:?}", asked());

        server.set("ingresses", &tls("y", "two"));
        let both = |looked: &super::shell::Looked| (looked.shown().len() == 2).then_some(());
        looked.until("the other certificate", both).await;
        assert_eq!(asked().last().unwrap(), "get /api/v1/namespaces/shop/secrets/two");
        // From now on it is followed.
        let (version, count) = (looked.version(), asked().len());
        server.set("secrets", &secret("two"));
        looked.until("a change", |looked| (looked.version() > version).then_some(())).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(asked().len(), count);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_served_before_the_certificates_are_seen() {
    let server = small();
    server.set("secrets", &secret("one"));
    server.set("ingresses", &tls("x", "one"));
    server.refuse(&["get secrets"]);
    beside(&server, all(), async |looked| {
        tokio::time::sleep(Duration::from_secs(20)).await;
        let is_listed = server.asked().iter().any(|asked| asked.starts_with("get"));
        assert!(!is_listed || looked.version() == 0, "{:?}", looked.shown());
        server.refuse(&[]);
        looked.routed("/").await;
        assert_eq!(looked.shown(), ["x.example"]);
    })
    .await;
}

/// The words of a Service whose replicas speak TLS, and who is believed.
fn secure(words: &[(&str, &str)]) -> Value {
    let mut object = saying("web", words);
    merge(
        &mut object,
        json!({ "spec": { "ports": [
        { "name": "http", "port": 443, "appProtocol": "https" }
    ] } }),
    );
    object
}

#[test]
fn replicas_that_speak_tls_are_believed_by_the_word_of_those_who_are_named() {
    let mut rule = ingress("x", &["/>web"]);
    rule["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"]["number"] =
        json!(443);
    let replicas = slice("web-x", "web", "a=10.0.0.1");
    let mut world = World::of(&[rule, secure(&[]), replicas, secret("ca"), service("idle")]);
    let terms = |world: &World| {
        let picture = world.picture();
        let replica = &picture.service("shop/web:443").unwrap().replicas[0];
        let terms = replica.tls.clone().unwrap();
        let name = terms.name.clone().unwrap();
        let trust = match &terms.trust {
            Authorities::These(known) => known.len().to_string(),
            other => format!("{other:?}"),
        };
        format!("{name} {trust} {}", replica.id)
    };
    assert_eq!(terms(&world), "web.shop.svc System 1");
    world.set(&secure(&[("tls-verify", "off"), ("tls-server-name", "web.example")]));
    assert_eq!(terms(&world), "web.example Unasked 2", "connections are made anew");
    world.set(&secure(&[("tls-verify", "secret:ca")]));
    assert_eq!((terms(&world), world.wrong()), ("web.shop.svc 1 3".to_owned(), vec![]));
    // What was believed last stands while the Secret is not right,
    let mut wrong = secret("ca");
    wrong["data"]["ca.crt"] = json!(ByteString("nonsense".into()));
    world.set(&wrong);
    assert_eq!(terms(&world), "web.shop.svc 1 3");
    let told = world.wrong();
    assert!(told[0].contains("tls-verify: found `secret:ca`"), "{told:?}");
    assert!(
        told[0].ends_with("until then the authorities that were read last are asked"),
        "{told:?}"
    );
    // and where nothing was, nobody is believed.
    world.set(&secure(&[("tls-verify", "secret:missing")]));
    assert_eq!(terms(&world), "web.shop.svc 0 4");
    assert!(world.wrong()[0].contains("no replica is believed"), "{:?}", world.wrong());
    world.set(&secure(&[("tls-verify", "file:/etc/shadow")]));
    assert!(world.wrong()[0].contains("files are the gateway's own"), "{:?}", world.wrong());
}
