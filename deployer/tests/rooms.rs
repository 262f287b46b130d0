//! Is the house as its plan says? Which room leans on which, and what a pure room knows: see `metaparticle_house`.

use metaparticle_house::House;

/// The rooms in reading order: each leans only on those before it.
const ROAD: [&str; 28] = [
    "settings",
    "wire",
    "scope",
    // What is to run.
    "application",
    "spec",
    "read",
    "plan",
    "render",
    // Its programs as images, and all of it into a cluster.
    "image",
    "registry",
    "report",
    "cluster",
    "package",
    "compiler",
    "server",
    "cli",
    // Patterns as code.
    "log",
    "context",
    "pattern",
    "road",
    "reply",
    "leaf",
    "lead",
    "local",
    "sim",
    "pod",
    "start",
    "containerize",
];

/// Rooms without a runtime, a socket, a clock, chance or a file.
const PURE: [&str; 5] = ["application", "spec", "read", "plan", "render"];

/// What only some rooms know: packing needs no network, and one room speaks to the cluster.
const ONLY: [(&str, &[&str]); 3] = [
    ("kube::", &["cluster"]),
    (
        "hyper::",
        &["registry", "cluster", "compiler", "server", "wire", "reply", "leaf", "local", "pattern"],
    ),
    ("env::var", &["settings"]),
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
fn what_few_rooms_may_know_no_other_does() {
    for (sign, rooms) in ONLY {
        assert_eq!(HOUSE.knowing(sign, rooms), [""; 0], "`{sign}` is for {rooms:?}");
    }
}

#[test]
fn every_room_is_in_the_plan() {
    assert_eq!(HOUSE.unplanned(), [""; 0]);
}

#[test]
fn the_text_of_a_room_is_really_read() {
    let text = HOUSE.text_of("registry");
    assert!(text.contains("hyper::") && text.contains("crate::image"));
}
