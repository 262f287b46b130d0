//! Is the house as its plan says? Which room leans on which, and what a pure room knows: see `metaparticle_house`.

use metaparticle_house::{House, worldly};

/// The rooms in reading order: each leans only on those before it.
const ROAD: [&str; 30] = [
    "words", "fields", "model", "ring", "snapshot", "yaml", "file", "watch", "stamp", "memory",
    "tasks", "http1", "request", "route", "key", "pick", "send", "gather", "merge", "log",
    "respond", "handle", "serve", "metrics", "admin", "demo", "settings", "follow", "app", "run",
];

/// Rooms without a runtime, a socket, a clock, chance or a log.
const PURE: [&str; 9] =
    ["words", "fields", "model", "ring", "snapshot", "route", "key", "pick", "merge"];

/// The files of `watch` that only decide: they know the objects of Kubernetes, and nothing else of it.
const DECIDING: [&str; 13] = [
    "annotations",
    "assemble",
    "certificates",
    "cluster",
    "digest",
    "digest/endpoints",
    "digest/ingress",
    "identity",
    "ingress",
    "report",
    "services",
    "slices",
    "terms",
];

const HOUSE: House = House { folder: env!("CARGO_MANIFEST_DIR"), road: &ROAD };

#[test]
fn a_room_uses_only_the_rooms_before_it() {
    assert_eq!(HOUSE.leaning_forward(), []);
}

#[test]
fn a_pure_room_knows_nothing_of_the_world() {
    assert_eq!(HOUSE.worldly(&PURE), []);
}

#[test]
fn only_one_room_knows_the_cluster_and_what_decides_there_is_pure() {
    for sign in ["kube::", "k8s_openapi::"] {
        assert_eq!(HOUSE.knowing(sign, &["watch"]), [""; 0], "`{sign}` is for `watch`");
    }
    for file in DECIDING {
        let text = HOUSE.file(&format!("watch/{file}.rs"));
        assert_eq!(worldly(&text), [""; 0], "`watch/{file}.rs` is not pure");
    }
}

#[test]
fn every_room_is_in_the_plan() {
    assert_eq!(HOUSE.unplanned(), [""; 0]);
}

#[test]
fn the_text_of_a_room_is_really_read() {
    for (room, known) in [("handle", "route::find"), ("pick", "balance"), ("gather", "tokio::")] {
        assert!(HOUSE.text_of(room).contains(known), "`{room}`");
    }
}
