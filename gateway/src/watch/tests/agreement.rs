//! Do two gateways name the same owner, though one hears of health later? Over a hundred thousand keys.

use super::{World, ingress, saying, service, set, slice};

const KEYS: u32 = 100_000;

/// How many keys have another owner in the one than in the other.
fn disagreements(one: &World, other: &World, service: &str) -> usize {
    let (one, other) = (one.picture(), other.picture());
    let (one, other) = (one.service(service).unwrap(), other.service(service).unwrap());
    let owner = |service: &crate::snapshot::Service, key: &str| {
        let owner = service.ring.owner(key.as_bytes()).expect("there are shards");
        service.shard(owner).name.clone()
    };
    let differs = |key: &String| owner(one, key) != owner(other, key);
    (0..KEYS).map(|number| format!("user-{number}")).filter(differs).count()
}

/// The endpoints of ten pods; those at the places of `marks` have that state.
fn ten(stem: &str, marks: &[(usize, &str)]) -> String {
    let state = |place| marks.iter().find(|(at, _)| *at == place).map_or("", |(_, state)| state);
    let pods = (0..10).map(|place| format!("{}{stem}-{place}=10.0.0.{place}", state(place)));
    pods.collect::<Vec<_>>().join(" ")
}

#[test]
fn gateways_that_hear_of_health_late_agree_about_owners() {
    let world = |endpoints: &str| {
        let web = slice("web-x", "web", endpoints);
        World::of(&[service("web"), ingress("x", &["/>web"]), web])
    };
    let now = world(&ten("web", &[(1, "!"), (4, "!"), (7, "!")]));
    let late = world(&ten("web", &[(2, "!")]));
    assert_eq!(disagreements(&now, &late, "shop/web:80"), 0);
    let fewer = world("web-0=10.0.0.0 web-1=10.0.0.1");
    assert!(disagreements(&now, &fewer, "shop/web:80") > 0, "the count can count");
}

#[test]
fn gateways_agree_about_a_stateful_set_whatever_they_have_heard_of_its_pods() {
    let world = |endpoints: &str| {
        let words = [("shard-count", "statefulset")];
        let db = slice("db-x", "db", endpoints);
        World::of(&[saying("db", &words), set("db", "db", 10), ingress("x", &["/>db"]), db])
    };
    let all = world(&ten("db", &[]));
    for other in [
        ten("db", &[(3, "~"), (4, "x"), (9, "!")]),
        "db-0=10.0.0.1 db-9=10.0.0.2".to_owned(),
        String::new(),
    ] {
        assert_eq!(disagreements(&all, &world(&other), "shop/db:80"), 0, "{other}");
    }
}
