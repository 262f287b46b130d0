//! Whose is an object that is there already? Ours are those that belong to the parent; pure.

use serde_json::Value;

use crate::cluster::MANAGER;
use crate::cluster::parent::{Item, Parent};

/// Whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Whose {
    /// The application's.
    Ours,
    /// The application's, and about to be gone.
    Going,
    /// Somebody else's: a word about whom.
    Foreign(String),
}

/// Whose `live` is.
pub(super) fn whose(item: &Item, live: &Value, parent: &Parent) -> Whose {
    let meta = &live["metadata"];
    let uid = meta["uid"].as_str();
    let known = parent.inventory.iter().find(|known| known.is(item));
    // Somebody may have cut its bond; it is still the object that was made for the application.
    let made = uid.is_some() && known.is_some_and(|known| known.uid.as_deref() == uid);
    if !made && !belongs(live, parent) {
        return Whose::Foreign(by(live));
    }
    if meta["deletionTimestamp"].is_string() { Whose::Going } else { Whose::Ours }
}

/// Whether it names the parent as its owner: this one, or a former one of the same application, whose objects
/// are about to be collected.
pub(super) fn belongs(live: &Value, parent: &Parent) -> bool {
    let name = Parent::name_of(&parent.application);
    let managed = live["metadata"]["labels"]["app.kubernetes.io/managed-by"] == MANAGER;
    owners(live).any(|owner| {
        let named = owner["kind"] == "ConfigMap" && owner["name"] == name.as_str();
        let this = parent.uid.is_some() && owner["uid"].as_str() == parent.uid.as_deref();
        named && (this || managed)
    })
}

fn owners(live: &Value) -> impl Iterator<Item = &Value> {
    live["metadata"]["ownerReferences"].as_array().into_iter().flatten()
}

/// Whose it seems to be: its owner, else who wrote it last.
pub(super) fn by(live: &Value) -> String {
    if let Some(owner) = owners(live).next() {
        let word = |key: &str| owner[key].as_str().unwrap_or_default().to_owned();
        return format!("{} {}", word("kind"), word("name"));
    }
    let managers = live["metadata"]["managedFields"].as_array().into_iter().flatten();
    let latest = managers.max_by_key(|entry| entry["time"].as_str().unwrap_or_default().to_owned());
    let manager = latest.and_then(|entry| entry["manager"].as_str());
    manager.map_or_else(|| "nobody says who".to_owned(), |manager| format!("made with `{manager}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Whose, whose};
    use crate::cluster::parent::{Item, Parent};

    fn parent() -> Parent {
        Parent { uid: Some("p1".to_owned()), ..Parent::new("shop") }
    }

    fn item() -> Item {
        Item::any("", "v1", "Service", "services").named("web")
    }

    fn owned(name: &str, uid: &str) -> Value {
        json!({ "metadata": { "uid": "u1",
            "labels": { "app.kubernetes.io/managed-by": "metaparticle" },
            "ownerReferences": [{ "kind": "ConfigMap", "name": name, "uid": uid }] } })
    }

    #[test]
    fn what_belongs_to_the_parent_is_ours() {
        assert_eq!(whose(&item(), &owned("mp-shop", "p1"), &parent()), Whose::Ours);
    }

    #[test]
    fn what_a_former_parent_left_is_ours_until_it_is_collected() {
        assert_eq!(whose(&item(), &owned("mp-shop", "p0"), &parent()), Whose::Ours);
        let mut going = owned("mp-shop", "p0");
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(whose(&item(), &going, &parent()), Whose::Going);
    }

    #[test]
    fn what_belongs_to_another_application_is_foreign() {
        let foreign = Whose::Foreign("ConfigMap mp-other".to_owned());
        assert_eq!(whose(&item(), &owned("mp-other", "p9"), &parent()), foreign);
    }

    #[test]
    fn labels_alone_do_not_make_it_ours() {
        let mut live = owned("mp-shop", "p1");
        live["metadata"]["ownerReferences"] = json!([]);
        live["metadata"]["managedFields"] = json!([
            { "manager": "kubectl-create", "time": "2026-01-01T00:00:00Z" },
            { "manager": "kubectl-edit", "time": "2026-01-02T00:00:00Z" },
        ]);
        let foreign = Whose::Foreign("made with `kubectl-edit`".to_owned());
        assert_eq!(whose(&item(), &live, &parent()), foreign);
    }

    #[test]
    fn the_very_object_that_was_made_is_ours_when_its_bond_was_cut() {
        let mut live = owned("mp-shop", "p1");
        live["metadata"]["ownerReferences"] = json!([]);
        let mut parent = parent();
        parent.inventory.push(Item { uid: Some("u1".to_owned()), ..item() });
        assert_eq!(whose(&item(), &live, &parent), Whose::Ours);
        parent.inventory[0].uid = Some("u0".to_owned());
        assert!(matches!(whose(&item(), &live, &parent), Whose::Foreign(_)));
    }
}
