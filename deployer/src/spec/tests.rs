//! Is what somebody wrote read as they meant it?

use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Value, json};

use super::{Door, Fault, Note, Setting, read, read_value};
use crate::application::{Application, Exposure, Instances};

/// A service called `a` with `more` in it, of a spec with that public.
fn spec(more: &Value) -> Value {
    let mut service =
        json!({ "name": "a", "containers": [{ "image": "r/a" }], "ports": [{ "number": 80 }] });
    for (name, value) in more.as_object().expect("an object") {
        service[name] = value.clone();
    }
    json!({ "name": "a", "services": [service], "serve": { "name": "a", "public": true } })
}

#[track_caller]
fn application(document: &Value) -> Application {
    read_value(document, &Setting::default()).expect("a right spec").application
}

#[track_caller]
fn key(more: &Value) -> String {
    let application = application(&spec(more));
    application.services()[0].policy.shard_key.to_string()
}

#[track_caller]
fn mistakes(document: &Value) -> String {
    read_value(document, &Setting::default()).expect_err("mistakes").to_string()
}

#[test]
fn keys_are_known_in_any_letters_and_null_is_nothing() {
    let spec = json!({
        "Name": "a", "GUID": 1, "colour": "red", "jobs": null, "SERVE": null,
        "Services": [null, {
            "NAME": "a", "Replicas": "3", "shardspec": null, "depends": null,
            "containers": [{ "Image": "r/a", "env": null }], "ports": null,
        }],
    });
    let application = application(&spec);
    let service = &application.services()[0];
    assert!(matches!(service.instances, Instances::Alike(count) if count.get() == 3));
    assert_eq!((service.ports.len(), &service.exposure), (0, &Exposure::Inside));
}

#[test]
fn numbers_may_be_texts_or_whole_floats() {
    for right in [json!(3), json!("3"), json!(" 3 "), json!(3.0)] {
        let application = application(&spec(&json!({ "replicas": right })));
        assert_eq!(application.services()[0].instances.count().get(), 3, "{right}");
    }
    for wrong in [json!(-1), json!(2.5), json!("many"), json!(10_001), json!([3]), json!(true)] {
        let told = mistakes(&spec(&json!({ "replicas": wrong })));
        assert!(told.starts_with("services[0].replicas: found `"), "{wrong}: {told}");
    }
}

#[test]
fn shards_are_asked_for_in_every_way_that_a_library_knows() {
    let keyed = "path:^/users/([^/]*),path:(.*)";
    let pattern = "^/users/([^/]*)";
    for shards in [
        json!([3, pattern]),
        json!(["3", pattern]),
        json!({ "shards": 3, "urlPattern": pattern }),
        json!({ "Shards": "3", "shardExpression": pattern }),
    ] {
        assert_eq!(key(&json!({ "shardSpec": shards })), keyed, "{shards}");
    }
    assert_eq!(key(&json!({ "shardSpec": [3] })), "path");
    assert_eq!(key(&json!({ "shardSpec": { "shards": 3 } })), "path");
    assert_eq!(key(&json!({ "shardSpec": [3, ".*"] })), "path");
    for path in ["$.user.id", "user.id", "/user/id", ".user.id"] {
        let shards = json!({ "shards": 3, "fieldPath": path });
        assert_eq!(key(&json!({ "shardSpec": shards })), "body:$.user.id,path:(.*)", "{path}");
    }
}

#[test]
fn a_pattern_without_a_group_is_noted_and_a_wrong_one_is_a_mistake() {
    let read = read_value(&spec(&json!({ "shardSpec": [3, ".*"] })), &Setting::default()).unwrap();
    assert_eq!(read.notes, [Note::NoGroup { pattern: ".*".to_owned() }]);
    let told = mistakes(&spec(&json!({ "shardSpec": [3, "(a"] })));
    assert_eq!(
        told,
        "services[0].shardSpec[1]: found `(a`; allowed: a regular expression with a group, such as \
         `^/users/([^/]+)` (unclosed group)"
    );
    let told = mistakes(&spec(&json!({ "shardSpec": { "shards": 3, "fieldPath": "$[" } })));
    assert!(told.starts_with("services[0].shardSpec.fieldPath: found `$[`"), "{told}");
}

#[test]
fn replicas_and_shards_exclude_each_other_and_neither_is_nothing_to_deploy() {
    let told = mistakes(&spec(&json!({ "replicas": 2, "shardSpec": [3] })));
    assert!(told.contains("not both: they are mutually exclusive"), "{told}");
    for more in [
        json!({}),
        json!({ "replicas": 0 }),
        json!({ "shardSpec": {} }),
        json!({ "shardSpec": [0] }),
    ] {
        let read = read_value(&spec(&more), &Setting::default()).unwrap();
        assert_eq!(read.notes, [Note::Nothing { of: "the service `a`".to_owned() }], "{more}");
        assert!(read.application.plan().objects.is_empty(), "{more}");
    }
    let both = application(&spec(&json!({ "replicas": 2, "shardSpec": { "shards": 0 } })));
    assert_eq!(both.services()[0].instances.count().get(), 2);
}

#[test]
fn only_the_service_that_is_served_is_public() {
    let mut document = spec(&json!({ "replicas": 1 }));
    let public = |document: &Value| {
        matches!(application(document).services()[0].exposure, Exposure::Public(_))
    };
    assert!(public(&document));
    document["serve"] = json!({ "name": "a", "publicProperty": true });
    assert!(public(&document));
    for inside in [
        json!(null),
        json!({ "name": "a" }),
        json!({ "name": "a", "public": false }),
        json!({ "name": "b", "public": true }),
        json!({ "public": true }),
    ] {
        document["serve"] = inside;
        assert!(!public(&document), "{}", document["serve"]);
    }
}

#[test]
fn a_program_is_told_that_it_is_in_a_container_unless_the_spec_says_so() {
    let env = |env: Value| {
        let spec = spec(&json!({ "replicas": 1, "containers": [{ "image": "r/a", "env": env }] }));
        let application = application(&spec);
        let all = &application.services()[0].containers[0].env;
        all.iter().map(|one| format!("{}={:?}", one.name, one.value)).collect::<Vec<_>>().join(" ")
    };
    assert!(env(json!([])).starts_with("METAPARTICLE_IN_CONTAINER=Plain(\"true\")"));
    let said = env(json!([{ "name": "METAPARTICLE_IN_CONTAINER", "value": "1" }]));
    assert!(said.starts_with("METAPARTICLE_IN_CONTAINER=Plain(\"1\") MP_SERVICE"), "{said}");
    let twice =
        env(json!([{ "name": "A", "value": 1 }, { "name": "A", "value": true }, { "name": "B" }]));
    assert!(twice.starts_with("A=Plain(\"true\") B=Plain(\"\") METAPARTICLE"), "{twice}");
}

#[test]
fn without_a_gateway_the_public_has_load_balancers_and_shards_have_nobody() {
    let setting = Setting { door: Door::LoadBalancer, namespace: None };
    let alike = read_value(&spec(&json!({ "replicas": 1 })), &setting).unwrap();
    assert_eq!(alike.application.services()[0].exposure, Exposure::LoadBalancer);
    assert!(!alike.application.needs_gateway() && alike.notes.is_empty());
    let sharded = read_value(&spec(&json!({ "shardSpec": [2] })), &setting).unwrap();
    assert!(!sharded.application.needs_gateway());
    assert!(matches!(&sharded.notes[..], [Note::NoGateway { .. }]), "{:?}", sharded.notes);
}

#[test]
fn mistakes_of_one_part_hide_none_of_another() {
    let spec = json!({
        "services": [
            { "name": "a", "replicas": 1, "containers": [{ "image": "R W" }] },
            { "name": "a", "replicas": 1, "containers": [] },
        ],
    });
    let told = mistakes(&spec);
    let places: Vec<_> = told.lines().filter_map(|line| line.split(": found").next()).collect();
    let expected =
        ["name", "services[0].containers[0].image", "services.a.name", "services.a.containers"];
    assert_eq!(places, expected, "{told}");
}

#[test]
fn what_is_no_spec_is_explained() {
    for (text, expected) in
        [("", "the spec is empty"), ("null", "the spec is `null`"), ("{", "the spec is no JSON")]
    {
        let fault = read(text.as_bytes(), &Setting::default()).unwrap_err().to_string();
        assert!(fault.starts_with(expected), "{fault}");
    }
    let fault = read(b"[1]", &Setting::default()).unwrap_err();
    assert!(matches!(fault, Fault::Mistakes(_)));
}

/// Something that could stand anywhere in a spec.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0_u32..5).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "[a-z(.*)\\\\$@:,/]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        let name = prop_oneof![
            Just("name"),
            Just("services"),
            Just("jobs"),
            Just("serve"),
            Just("public"),
            Just("replicas"),
            Just("shardSpec"),
            Just("shards"),
            Just("urlPattern"),
            Just("fieldPath"),
            Just("containers"),
            Just("image"),
            Just("env"),
            Just("value"),
            Just("ports"),
            Just("number"),
            Just("protocol"),
            Just("schedule"),
            Just("volumes"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6).prop_map(|fields| {
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn reading_and_planning_never_panic(document in anything()) {
        if let Ok(reading) = read_value(&document, &Setting::default()) {
            drop(reading.application.plan());
        }
    }

    #[test]
    fn a_right_head_with_anything_in_it_never_panics(service in anything(), shards in anything(), path in ".{0,20}") {
        let documents = [
            json!({ "name": "a", "services": [service] }),
            spec(&json!({ "shardSpec": shards })),
            spec(&json!({ "shardSpec": { "shards": 2, "urlPattern": path, "fieldPath": path } })),
        ];
        for document in documents {
            if let Ok(reading) = read_value(&document, &Setting::default()) {
                drop(reading.application.plan());
            }
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(read(&bytes, &Setting::default()));
    }
}
