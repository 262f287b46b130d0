//! What would change? The object as it is beside what the API server says it would be: both have all defaults,
//! so none of them shows; pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::report::Field;

/// What the API server writes by itself.
const ITS_OWN: [&str; 6] =
    ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"];

/// Where the cluster says how it is.
const STATUS: &str = "status";

/// What lists of objects call their members by.
const NAMES: [&str; 3] = ["name", "mountPath", "uid"];

/// The fields in which `next` is not as `live`, in order of their paths.
#[must_use]
pub fn fields(live: &Value, next: &Value) -> Vec<Field> {
    let (mut live, mut next) = (bare(live), bare(next));
    if live["kind"] == "Secret" {
        hide(&mut live, &mut next);
    }
    mask(&mut live, &mut next);
    let mut found = Vec::new();
    compare("", Some(&live), Some(&next), &mut found);
    found
}

fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    // Who holds a Lease writes it again and again, and a plan never does.
    let written = if object["kind"] == "Lease" { "spec" } else { STATUS };
    if let Some(all) = object.as_object_mut() {
        all.shift_remove(written);
    }
    if let Some(meta) = object["metadata"].as_object_mut() {
        meta.retain(|key, _| !ITS_OWN.contains(&key.as_str()));
    }
    object
}

/// A secret shows that it changes, and not what it is.
fn hide(live: &mut Value, next: &mut Value) {
    let (Some(old), Some(new)) = (live["data"].as_object_mut(), next["data"].as_object_mut())
    else {
        return;
    };
    for (key, value) in new {
        let same = old.get(key) == Some(value);
        *value = Value::from(if same { "(secret)" } else { "(another secret)" });
    }
    old.values_mut().for_each(|value| *value = Value::from("(secret)"));
}

/// What a program is told by its environment may be what nobody else should read: it shows that it changes, too.
fn mask(live: &mut Value, next: &mut Value) {
    let mut known = BTreeMap::new();
    each_variable(live, "", &mut |path, value| {
        known.insert(path.to_owned(), std::mem::replace(value, Value::from("(a value)")));
    });
    each_variable(next, "", &mut |path, value| {
        let same = known.get(path) == Some(value);
        *value = Value::from(if same { "(a value)" } else { "(another value)" });
    });
}

/// Calls `each` with the value of each variable, and a path that is the same in both objects.
fn each_variable(value: &mut Value, path: &str, each: &mut impl FnMut(&str, &mut Value)) {
    match value {
        Value::Array(items) => {
            for (number, item) in items.iter_mut().enumerate() {
                let name = item["name"].as_str().map_or_else(|| number.to_string(), str::to_owned);
                let path = format!("{path}[{name}]");
                if let Some(value) = item.get_mut("value").filter(|_| path.contains(".env[")) {
                    each(&path, value);
                }
                each_variable(item, &path, each);
            }
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                each_variable(value, &format!("{path}.{key}"), each);
            }
        }
        _ => {}
    }
}

fn compare(path: &str, live: Option<&Value>, next: Option<&Value>, found: &mut Vec<Field>) {
    if live == next {
        return;
    }
    match (live, next) {
        (Some(Value::Object(live)), Some(Value::Object(next))) => {
            for key in keys(live, next) {
                compare(&member(path, key), live.get(key), next.get(key), found);
            }
        }
        (Some(Value::Array(live)), Some(Value::Array(next))) => list(path, live, next, found),
        _ => {
            found.push(Field { path: path.to_owned(), before: live.cloned(), after: next.cloned() })
        }
    }
}

fn keys<'v>(live: &'v Map<String, Value>, next: &'v Map<String, Value>) -> Vec<&'v str> {
    let mut keys = live.keys().chain(next.keys()).map(String::as_str).collect::<Vec<_>>();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// A key with dots in it, as annotations have, is put in brackets.
fn member(path: &str, key: &str) -> String {
    match (path, key.contains('.')) {
        ("", _) => key.to_owned(),
        (_, true) => format!("{path}[{key}]"),
        (_, false) => format!("{path}.{key}"),
    }
}

/// Members that have names are compared by them, others by their places.
fn list(path: &str, live: &[Value], next: &[Value], found: &mut Vec<Field>) {
    let named = NAMES.into_iter().find(|key| is_named(live, key) && is_named(next, key));
    let Some(key) = named else {
        for place in 0..live.len().max(next.len()) {
            compare(&format!("{path}[{place}]"), live.get(place), next.get(place), found);
        }
        return;
    };
    let name = |one: &Value| one[key].as_str().unwrap_or_default().to_owned();
    let mut names = live.iter().chain(next).map(name).collect::<Vec<_>>();
    names.sort_unstable();
    names.dedup();
    for one in names {
        let of = |all: &'_ [Value]| all.iter().find(|member| name(member) == one).cloned();
        compare(&format!("{path}[{one}]"), of(live).as_ref(), of(next).as_ref(), found);
    }
}

/// Whether all members have a name of their own by this key.
fn is_named(all: &[Value], key: &str) -> bool {
    let mut names = all.iter().filter_map(|one| one[key].as_str()).collect::<Vec<_>>();
    names.sort_unstable();
    names.dedup();
    names.len() == all.len()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::fields;

    fn check(live: &Value, next: &Value, expected: &[&str]) {
        let said = fields(live, next).into_iter().map(|field| {
            let value = |value: Option<Value>| {
                value.map_or_else(|| "nothing".to_owned(), |value| value.to_string())
            };
            format!("{}: {} → {}", field.path, value(field.before), value(field.after))
        });
        assert_eq!(said.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_the_server_writes_by_itself_is_no_difference() {
        check(
            &json!({ "metadata": { "name": "a", "generation": 1, "managedFields": [1], "uid": "x" },
                "spec": { "replicas": 1 }, "status": { "replicas": 1 } }),
            &json!({ "metadata": { "name": "a", "generation": 2, "resourceVersion": "9" },
                "spec": { "replicas": 2 } }),
            &["spec.replicas: 1 → 2"],
        );
    }

    #[test]
    fn containers_are_compared_by_name_wherever_they_stand() {
        let spec = |containers: Value| json!({ "spec": { "containers": containers } });
        check(
            &spec(json!([{ "name": "a", "image": "x:1" }, { "name": "b", "image": "y:1" }])),
            &spec(json!([{ "name": "b", "image": "y:2" }, { "name": "a", "image": "x:1" }])),
            &["spec.containers[b].image: \"y:1\" → \"y:2\""],
        );
    }

    #[test]
    fn lists_without_names_are_compared_by_place() {
        check(
            &json!({ "args": ["a", "b"] }),
            &json!({ "args": ["a", "c", "d"] }),
            &["args[1]: \"b\" → \"c\"", "args[2]: nothing → \"d\""],
        );
    }

    #[test]
    fn an_annotation_is_named_whole() {
        check(
            &json!({ "metadata": { "annotations": {} } }),
            &json!({ "metadata": { "annotations": { "metaparticle.io/pattern": "shard" } } }),
            &["metadata.annotations[metaparticle.io/pattern]: nothing → \"shard\""],
        );
    }

    #[test]
    fn who_holds_a_lease_is_no_difference() {
        let lease = |holder: &str, of: &str| {
            json!({ "kind": "Lease", "metadata": { "labels": { "app": of } },
                "spec": { "holderIdentity": holder } })
        };
        check(&lease("a", "one"), &lease("b", "one"), &[]);
        let moved = &["metadata.labels.app: \"one\" → \"two\""];
        check(&lease("a", "one"), &lease("a", "two"), moved);
    }

    #[test]
    fn a_secret_is_not_shown() {
        check(
            &json!({ "kind": "Secret", "data": { "a": "MQ==", "b": "Mg==" } }),
            &json!({ "kind": "Secret", "data": { "a": "MQ==", "b": "Mw==" } }),
            &["data.b: \"(secret)\" → \"(another secret)\""],
        );
    }
}
