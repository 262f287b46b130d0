//! Which shards does a service have, by which names?

use std::sync::Arc;

use crate::model::{Replica, ReplicaName, Service, ServiceName, StatefulSet};
use crate::words::{Policy, Scope};

/// The shards of a service called `users`, as `NAME=PLACES`, separated by spaces.
fn shards(words: &[(&str, &str)], desired: Option<u32>, replicas: Vec<Replica>) -> String {
    let (policy, mistakes) =
        Policy::read(&Policy::default(), Scope::Service, words.iter().copied());
    assert_eq!(mistakes, []);
    let (name, policy) = (ServiceName::new("users"), Arc::new(policy));
    let set = |count| StatefulSet { stem: "users".into(), rest: "".into(), first: 0, count };
    let desired = desired.map(set).into_iter().collect();
    let service = Service {
        name,
        policy,
        protocol: Default::default(),
        tls: None,
        unserved: None,
        replicas,
        desired,
    };
    let told = service.shards().into_iter().map(|(name, places)| {
        let places: Vec<_> = places.iter().map(ToString::to_string).collect();
        format!("{name}={}", places.join(","))
    });
    told.chain((!service.keeps_count()).then(|| "unkept".to_owned())).collect::<Vec<_>>().join(" ")
}

/// A replica of this name; after an `@` the shard that it was told.
fn replica(name: &str) -> Replica {
    let (name, shard) =
        name.split_once('@').map_or((name, None), |(name, told)| (name, Some(told)));
    Replica {
        name: ReplicaName::new(name),
        address: "127.0.0.1:9001".parse().unwrap(),
        shard: shard.map(super::ShardName::new),
        uid: Some(Arc::from("u-1-x")),
        ready: true,
    }
}

fn check(words: &[(&str, &str)], desired: Option<u32>, replicas: &[&str], expected: &str) {
    let replicas = replicas.iter().copied().map(replica).collect();
    assert_eq!(shards(words, desired, replicas), expected, "{words:?}");
}

#[test]
fn shards_are_as_seen_and_in_shard_order() {
    check(&[], None, &[], "");
    check(&[], None, &["users-10", "users-2", "users-2@users-10"], "users-2=1 users-10=0,2");
    check(&[], Some(5), &["b", "a"], "a=1 b=0");
    check(&[], None, &["s-10.s:80", "s-2.s:80", "s-1.s"], "s-1.s=2 s-2.s:80=1 s-10.s:80=0");
}

#[test]
fn identity_names_the_shards_that_were_not_told() {
    check(&[("shard-identity", "name")], None, &["a", "b@c"], "a=0 c=1");
    check(&[("shard-identity", "uid")], None, &["a", "b@c"], "c=1 u-1-x=0");
    check(&[("shard-identity", "address")], None, &["a", "b@c"], "127.0.0.1:9001=0 c=1");
    let nameless = Replica { uid: None, ..replica("a") };
    assert_eq!(shards(&[("shard-identity", "uid")], None, vec![nameless]), "a=0");
}

#[test]
fn a_count_reserves_the_slots_that_nobody_serves() {
    let three = [("shard-count", "3")];
    check(&three, None, &["users-2", "users-0"], "users-0=1 users-1= users-2=0");
    check(&three, None, &["users-0", "users-7"], "users-0=0 users-1= users-2=");
    check(&three, None, &[], "users-0= users-1= users-2=");
    check(&three, None, &["a@db-1", "b@db-1"], "db-0= db-1=0,1 db-2=");
    check(&three, None, &["a@s-1.s:80"], "s-0.s:80= s-1.s:80=0 s-2.s:80=");
    check(&three, None, &["a@s-1.s:80", "b@s-0.s:81"], "s-0.s:81=1 s-1.s:80=0 unkept");
}

#[test]
fn replicas_beyond_the_count_are_known() {
    let words = [("shard-count", "2")];
    let (policy, _) = Policy::read(&Policy::default(), Scope::Service, words);
    let replicas = ["users-0", "users-2", "x@users-10"].map(replica).into();
    let (name, policy) = (ServiceName::new("users"), Arc::new(policy));
    let mut service = Service {
        name,
        policy,
        protocol: Default::default(),
        tls: None,
        unserved: None,
        replicas,
        desired: vec![],
    };
    let beyond = |service: &Service| {
        let beyond = service.beyond_count().into_iter();
        beyond.map(|(replica, ordinal)| format!("{}={ordinal}", replica.name)).collect::<Vec<_>>()
    };
    assert_eq!(beyond(&service), ["users-2=2", "x=10"]);
    service.policy = Arc::default();
    assert_eq!(beyond(&service), [""; 0]);
}

#[test]
fn a_count_over_names_without_ordinals_is_not_kept() {
    let three = [("shard-count", "3")];
    check(&three, None, &["a", "users-0"], "a=0 users-0=1 unkept");
    check(&three, None, &["users-0", "others-1"], "others-1=1 users-0=0 unkept");
}

#[test]
fn a_stateful_set_reserves_what_it_desires() {
    let set = [("shard-count", "statefulset")];
    check(&set, Some(2), &["users-0"], "users-0=0 users-1=");
    check(&set, Some(0), &["users-0"], "");
    check(&set, Some(3), &[], "users-0= users-1= users-2=");
    check(&set, Some(1), &["users-0", "users-4"], "users-0=0");
    check(&set, Some(1), &["users-0", "others-0"], "others-0=1 users-0=0 unkept");
    check(&set, None, &["users-0"], "users-0=0 unkept");
    check(&set, Some(2_000_000_000), &["users-0"], "users-0=0 unkept");
}

#[test]
fn several_stateful_sets_reserve_the_slots_of_each_from_its_first_number() {
    let words = [("shard-count", "statefulset")];
    let (policy, _) = Policy::read(&Policy::default(), Scope::Service, words);
    let set =
        |stem: &str, first| StatefulSet { stem: stem.into(), rest: "".into(), first, count: 2 };
    let (name, policy) = (ServiceName::new("users"), Arc::new(policy));
    let (protocol, desired) = (Default::default(), vec![set("blue", 0), set("a", 5)]);
    let replicas = vec![replica("blue-1")];
    let service = Service { name, policy, protocol, tls: None, unserved: None, replicas, desired };
    let names = service.shards().into_iter().map(|(name, _)| name.to_string());
    assert_eq!(names.collect::<Vec<_>>(), ["a-5", "a-6", "blue-0", "blue-1"]);
}
