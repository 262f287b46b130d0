//! Who answers at a port of a Service?

use serde_json::{Value, json};

use super::join;
use crate::watch::digest;
use crate::watch::tests::{merge, parse, service, slice};

fn told(service: &Value, slices: &[Value]) -> String {
    let service = digest::service(&parse(service));
    let slices: Vec<_> = slices.iter().flat_map(|slice| digest::slice(&parse(slice))).collect();
    let found = join(&service, &service.ports[0], &slices);
    let tell = found.iter().map(|one| {
        let state = match (one.ready, one.ending) {
            (true, _) => "",
            (false, false) => "!",
            (false, true) => "x",
        };
        format!("{state}{}={}", one.name(), one.address)
    });
    tell.collect::<Vec<_>>().join(" ")
}

/// What slices of these endpoints say.
#[track_caller]
fn check(slices: &[&str], expected: &str) {
    let slices: Vec<_> = slices.iter().map(|endpoints| slice("x", "web", endpoints)).collect();
    assert_eq!(told(&service("web"), &slices), expected);
}

fn with(mut object: Value, more: Value) -> Value {
    merge(&mut object, more);
    object
}

#[test]
fn slices_are_joined_and_ready_is_as_it_is_said() {
    check(&[], "");
    check(
        &["a=10.0.0.1 !b=10.0.0.2", "c=10.0.0.3"],
        "a=10.0.0.1:8080 !b=10.0.0.2:8080 c=10.0.0.3:8080",
    );
}

#[test]
fn who_ends_and_still_serves_is_asked_only_while_nobody_is_ready() {
    check(&["a=10.0.0.1 ~b=10.0.0.2"], "a=10.0.0.1:8080 xb=10.0.0.2:8080");
    check(
        &["!a=10.0.0.1 ~b=10.0.0.2 xc=10.0.0.3"],
        "!a=10.0.0.1:8080 b=10.0.0.2:8080 xc=10.0.0.3:8080",
    );
    check(&["!a=10.0.0.1", "~b=10.0.0.2"], "!a=10.0.0.1:8080 b=10.0.0.2:8080");
}

#[test]
fn what_is_not_said_is_ready() {
    let mut silent = slice("x", "web", "a=10.0.0.1");
    silent["endpoints"][0].as_object_mut().unwrap().remove("conditions");
    assert_eq!(told(&service("web"), &[silent]), "a=10.0.0.1:8080");
}

#[test]
fn a_pod_in_two_slices_counts_once_and_the_better_word_is_believed() {
    check(&["!a=10.0.0.1", "a=10.0.0.1"], "a=10.0.0.1:8080");
    check(&["a=10.0.0.1", "!a=10.0.0.1"], "a=10.0.0.1:8080");
}

#[test]
fn dual_stack_is_one_pod_at_the_services_first_family() {
    let slices = [slice("v6", "web", "a=fd00::1"), slice("v4", "web", "a=10.0.0.1")];
    assert_eq!(told(&service("web"), &slices), "a=10.0.0.1:8080");
    let v6 = with(service("web"), json!({ "spec": { "ipFamilies": ["IPv6", "IPv4"] } }));
    assert_eq!(told(&v6, &slices), "a=[fd00::1]:8080");
    assert_eq!(told(&v6, &slices[1..]), "a=10.0.0.1:8080");
}

#[test]
fn ports_are_found_by_name_and_may_differ_between_slices() {
    let ports = |ports: Value| json!({ "ports": ports });
    let new = with(
        slice("new", "web", "b=10.0.0.2"),
        ports(json!([
            { "name": "metrics", "port": 9 }, { "name": "http", "port": 9090 },
        ])),
    );
    let other =
        with(slice("other", "web", "c=10.0.0.3"), ports(json!([{ "name": "x", "port": 1 }])));
    let udp = with(
        slice("udp", "web", "d=10.0.0.4"),
        ports(json!([
            { "name": "http", "port": 1, "protocol": "UDP" },
        ])),
    );
    let slices = [slice("x", "web", "a=10.0.0.1"), new, other, udp];
    assert_eq!(told(&service("web"), &slices), "a=10.0.0.1:8080 b=10.0.0.2:9090");
    let unnamed = with(slice("x", "web", "a=10.0.0.1"), ports(json!([{ "name": "", "port": 7 }])));
    let alone = with(service("web"), json!({ "spec": { "ports": [{ "port": 80 }] } }));
    assert_eq!(told(&alone, &[unnamed]), "a=10.0.0.1:7");
}

#[test]
fn addresses_that_are_not_ready_are_asked_where_the_service_says_so() {
    let all = with(service("web"), json!({ "spec": { "publishNotReadyAddresses": true } }));
    assert_eq!(told(&all, &[slice("x", "web", "!a=10.0.0.1")]), "a=10.0.0.1:8080");
}

#[test]
fn who_is_no_pod_is_called_after_its_address_and_a_replaced_pod_is_the_new_one() {
    let mut written = slice("x", "web", "a=10.0.0.1 b=10.0.0.1 c=10.0.0.2");
    for endpoint in written["endpoints"].as_array_mut().unwrap() {
        endpoint.as_object_mut().unwrap().remove("targetRef");
    }
    let expected = "10.0.0.1:8080=10.0.0.1:8080 10.0.0.2:8080=10.0.0.2:8080";
    assert_eq!(told(&service("web"), &[written]), expected);
    let mut old = slice("x", "web", "~db-0=10.0.0.1");
    old["endpoints"][0]["targetRef"]["uid"] = json!("old");
    assert_eq!(
        told(&service("web"), &[old, slice("y", "web", "db-0=10.0.0.2")]),
        "db-0=10.0.0.2:8080"
    );
}

#[test]
fn names_in_the_place_of_addresses_are_left_out() {
    let mut named = slice("x", "web", "a=10.0.0.1 b=10.0.0.2");
    named["endpoints"][0]["addresses"] = json!(["example.com"]);
    assert_eq!(told(&service("web"), &[named]), "b=10.0.0.2:8080");
}
