//! Is the house as its plan says? Which room leans on which, and what a pure room knows: see `metaparticle_house`.

use metaparticle_house::House;

/// The rooms in reading order: each leans only on those before it.
const ROAD: [&str; 15] = [
    "term", "moment", "name", "lease", "clock", "store", "tasks", "holder", "sync", "lock",
    "elect", "observe", "shards", "fence", "elector",
];

/// `Sync` hands out what the later rooms make: it alone may know them.
const DOOR: &str = "sync";

/// Rooms without a runtime, a socket, a clock, chance or a log.
const PURE: [&str; 4] = ["term", "moment", "name", "lease"];

const HOUSE: House = House { folder: env!("CARGO_MANIFEST_DIR"), road: &ROAD };

#[test]
fn a_room_uses_only_the_rooms_before_it() {
    let mut leaning = HOUSE.leaning_forward();
    leaning.retain(|(room, _)| *room != DOOR);
    assert_eq!(leaning, []);
}

#[test]
fn a_pure_room_knows_nothing_of_the_world() {
    assert_eq!(HOUSE.worldly(&PURE), []);
}

#[test]
fn every_room_is_in_the_plan() {
    assert_eq!(HOUSE.unplanned(), [""; 0]);
}

#[test]
fn the_text_of_a_room_is_really_read() {
    assert!(HOUSE.text_of("holder").contains("tokio::"));
}
