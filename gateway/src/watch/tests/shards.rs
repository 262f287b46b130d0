//! Does a key keep its owner, whatever becomes of the objects that stand around its pod?

use std::sync::Arc;

use serde_json::json;

use super::{World, ingress, merge, object, saying, service, set, slice};

const DB: &str = "shop/db:80";

/// A pod as a StatefulSet makes it.
fn pod(name: &str) -> serde_json::Value {
    let labels = json!({ "statefulset.kubernetes.io/pod-name": name });
    let meta = json!({ "uid": format!("uid-{name}"), "labels": labels });
    object("v1", "Pod", name, json!({ "metadata": meta }))
}

/// As the original Metaparticle did, whose clients know where their keys are.
#[test]
fn shards_that_are_called_by_their_hosts_own_what_they_owned_in_the_original() {
    for count in ["statefulset", "3"] {
        let words = [
            ("pattern", "shard"),
            ("shard-algorithm", "metaparticle-v1"),
            ("shard-identity", "host"),
            ("shard-count", count),
        ];
        let target = json!({ "spec": { "ports": [
            { "name": "http", "port": 80, "targetPort": 8080 }
        ] } });
        let mut server = saying("server", &words);
        merge(&mut server, target);
        let mut world =
            World::of(&[server, set("server", "server", 3), ingress("x", &["/>server"])]);
        for endpoints in ["", "server-2=10.0.0.3", "server-0=10.0.0.1 !server-1=10.0.0.2"] {
            world.set(&slice("server-x", "server", endpoints));
            assert_eq!(world.wrong(), [""; 0], "{count} {endpoints}");
            let picture = world.picture();
            let service = picture.service("shop/server:80").unwrap();
            for (key, owner) in [
                ("jim", "server-2.server:8080"),
                ("jane", "server-2.server:8080"),
                ("/users/jim/x", "server-1.server:8080"),
                ("user/42/", "server-1.server:8080"),
                ("/", "server-2.server:8080"),
            ] {
                let found = service.shard(service.ring.owner(key.as_bytes()).unwrap());
                assert_eq!(found.name.as_str(), owner, "{count} {endpoints} {key}");
            }
        }
    }
}

#[test]
fn a_stateful_set_that_is_taken_away_from_above_its_pods_moves_nothing() {
    let three = "db-0=10.0.0.1 db-1=10.0.0.2 db-2=10.0.0.3";
    let mut world = World::of(&[
        saying("db", &[("pattern", "shard")]),
        set("db", "db", 3),
        ingress("x", &["/>db"]),
        slice("db-x", "db", three),
        pod("db-0"),
        pod("db-1"),
        pod("db-2"),
    ]);
    let ring = Arc::clone(&world.picture().service(DB).unwrap().ring);
    world.delete(&set("db", "db", 3));
    assert_eq!(world.shards(DB), "db-0 db-1 db-2");
    // Nor does a gateway that begins only now see them otherwise.
    let words = saying("db", &[("pattern", "shard")]);
    let late = World::of(&[
        words,
        ingress("x", &["/>db"]),
        slice("db-x", "db", three),
        pod("db-0"),
        pod("db-1"),
        pod("db-2"),
    ]);
    assert_eq!(late.shards(DB), "db-0 db-1 db-2");
    world.set(&set("db", "db", 3));
    assert!(Arc::ptr_eq(&ring, &world.picture().service(DB).unwrap().ring));
    // Another pod of the name is none of the set until it is told to be.
    world.delete(&set("db", "db", 3));
    world.delete(&pod("db-1"));
    assert_eq!(world.shards(DB), "db-0 db-2 uid-db-1");
}

#[test]
fn labels_that_only_running_pods_have_may_select_them() {
    let mut db = saying("db", &[("pattern", "shard")]);
    db["spec"]["selector"]["role"] = json!("primary");
    let slice = slice("db-x", "db", "db-0=10.0.0.1 db-1=10.0.0.2");
    let mut world = World::of(&[db, ingress("x", &["/>db"]), slice, set("db", "db", 3)]);
    assert_eq!(world.shards(DB), "db-0 db-1");
    world.delete(&set("db", "db", 3));
    assert_eq!(world.shards(DB), "uid-db-0 uid-db-1", "it counts who is above them");
}

/// The status and the reason of a request that is sharded by the key `host`.
fn refused(world: &World, path: &str) -> Option<String> {
    let picture = world.picture();
    let route = crate::route::find(&picture, "h", path).expect("a route");
    let key = crate::key::Key::new(&b"k"[..]);
    crate::pick::leaves(route, Some(&key)).err().map(|error| error.to_string())
}

#[test]
fn a_gateway_that_begins_while_a_word_about_shards_is_wrong_refuses_instead_of_guessing() {
    let endpoints = "db-0=10.0.0.1 db-1=10.0.0.2";
    let begin = |words: &[(&str, &str)]| {
        let objects = [saying("db", words), service("web"), set("db", "db", 2)];
        let mut world = World::of(&objects);
        world.apply(&ingress("x", &["/db>db", "/web>web"]));
        world.apply(&slice("web-x", "web", "w=10.0.0.9"));
        world.set(&slice("db-x", "db", endpoints));
        world
    };
    let right = [("pattern", "shard"), ("shard-key", "host")];
    let mut past = begin(&right);
    let wrong = [("pattern", "shard"), ("shard-key", "pth:x"), ("shard-count", "2")];
    past.set(&saying("db", &wrong));
    assert_eq!(refused(&past, "/db"), None, "what was right last stands");

    let mut late = begin(&wrong);
    let told = refused(&late, "/db").expect("a refusal");
    assert!(told.contains("Service shop/db says `metaparticle.io/shard-key: pth:x`"), "{told}");
    assert_eq!(refused(&late, "/web"), None, "others are served");
    late.set(&saying("db", &right));
    assert_eq!((refused(&late, "/db"), late.wrong()), (None, vec![]), "mended");

    // An Ingress may say it, too, and then it is about its own requests.
    let mut other = ingress("y", &["/own>db"]);
    merge(
        &mut other,
        json!({ "metadata": { "annotations": { "metaparticle.io/pattern": "shrd" } } }),
    );
    late.set(&other);
    let told = refused(&late, "/own").expect("a refusal");
    assert!(told.contains("Ingress shop/y says `metaparticle.io/pattern: shrd`"), "{told}");
    assert_eq!(refused(&late, "/db"), None);

    let spread = begin(&[("shard-key", "pth:x")]);
    assert_eq!(refused(&spread, "/db"), None, "nobody owns a key there");
}
