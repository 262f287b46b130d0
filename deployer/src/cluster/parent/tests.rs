//! Is everything remembered that is needed, and nothing more than there is room for?

use serde_json::json;

use super::{Begun, Item, KEPT, Parent, State};
use crate::cluster::fault::Fault;
use crate::plan::Plan;
use crate::plan::object::Object;

/// A plan of one object that says this.
fn plan(said: &str) -> Plan {
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": { "k": said } });
    Plan { application: "shop".parse().unwrap(), objects: vec![Object::from_value(map).unwrap()] }
}

fn begin(parent: &mut Parent, said: &str) -> Begun {
    parent.begin(&plan(said), "now", "somebody", None).unwrap()
}

fn end(parent: &mut Parent, number: u32, state: State) {
    parent.revision_mut(number).unwrap().state = state;
}

fn states(parent: &Parent) -> Vec<(u32, State)> {
    parent.revisions.iter().map(|one| (one.number, one.state)).collect()
}

#[test]
fn what_is_written_is_read_again_to_the_last_object() {
    let mut parent = Parent::new("shop");
    begin(&mut parent, "1");
    parent.expect(&[Item::of(&plan("1").objects[0])]);
    let read = Parent::read("shop", &parent.write()).unwrap();
    assert_eq!(read, parent);
    assert_eq!(read.revisions[0].objects(&parent.thing()).unwrap(), plan("1").objects);
}

#[test]
fn a_revision_that_was_begun_is_gone_on_with_and_one_in_force_is_not_begun_again() {
    let mut parent = Parent::new("shop");
    assert_eq!(begin(&mut parent, "1"), Begun { number: 1, changed: true });
    assert_eq!(begin(&mut parent, "1"), Begun { number: 1, changed: true });
    end(&mut parent, 1, State::Live);
    assert_eq!(begin(&mut parent, "1"), Begun { number: 1, changed: false });
    assert_eq!(states(&parent), [(1, State::Live)]);
}

#[test]
fn what_was_begun_and_given_up_has_failed() {
    let mut parent = Parent::new("shop");
    begin(&mut parent, "1");
    end(&mut parent, 1, State::Live);
    begin(&mut parent, "2");
    assert_eq!(begin(&mut parent, "3").number, 3);
    assert_eq!(states(&parent), [(1, State::Live), (2, State::Failed), (3, State::Pending)]);
    assert_eq!(parent.live().unwrap().number, 1);
    // What failed may be tried again.
    end(&mut parent, 3, State::Failed);
    assert_eq!(begin(&mut parent, "2"), Begun { number: 4, changed: true });
}

#[test]
fn the_one_in_force_is_kept_however_often_others_fail() {
    let mut parent = Parent::new("shop");
    begin(&mut parent, "1");
    end(&mut parent, 1, State::Live);
    for number in 2..40 {
        let begun = begin(&mut parent, &number.to_string());
        end(&mut parent, begun.number, State::Failed);
    }
    assert_eq!(parent.revisions.len(), KEPT);
    assert_eq!(parent.live().unwrap().number, 1);
    assert_eq!(parent.revisions.last().unwrap().number, 39);
}

/// Words that do not shrink.
fn noise(bytes: usize) -> String {
    let mut chance = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| chance.alphanumeric()).take(bytes).collect()
}

#[test]
fn old_plans_make_room_for_large_ones_and_one_that_is_too_large_is_refused() {
    let mut parent = Parent::new("shop");
    for number in 0..5 {
        let begun = begin(&mut parent, &(number.to_string() + &noise(300_000)));
        end(&mut parent, begun.number, State::Live);
    }
    let numbers = parent.revisions.iter().map(|one| one.number).collect::<Vec<_>>();
    assert_eq!(numbers, [3, 4, 5]);
    let size = serde_json::to_vec(&parent.write()).unwrap().len();
    assert!(size < 1 << 20, "{size} bytes");
    let too_large = parent.begin(&plan(&noise(1 << 20)), "now", "", None);
    assert!(matches!(too_large, Err(Fault::TooLarge { .. })), "{too_large:?}");
}

#[test]
fn an_item_keeps_the_object_that_was_made_until_another_is() {
    let mut parent = Parent::new("shop");
    let item = Item::of(&plan("1").objects[0]);
    parent.expect(&[Item { uid: Some("u".to_owned()), ..item.clone() }]);
    parent.expect(&[Item { version: "v2".to_owned(), ..item.clone() }]);
    assert_eq!(parent.inventory.len(), 1);
    assert_eq!(parent.inventory[0].uid.as_deref(), Some("u"));
}

#[test]
fn somebody_elses_map_and_a_spoilt_one_are_refused() {
    let mut map = Parent::new("shop").write();
    map.data.as_mut().unwrap().insert("inventory".to_owned(), "{".to_owned());
    let spoilt = Parent::read("shop", &map);
    assert!(matches!(spoilt, Err(Fault::Unreadable { .. })), "{spoilt:?}");
    map.metadata.labels = None;
    let foreign = Parent::read("shop", &map);
    assert!(matches!(foreign, Err(Fault::Foreign { .. })), "{foreign:?}");
}
