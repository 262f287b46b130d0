//! How is a plan read by people, and by `kubectl apply -f`? As YAML, in the order of applying.

use serde_json::Value;

use crate::plan::Object;
use crate::plan::Plan;

/// All objects, each a document.
#[must_use]
pub fn yaml(plan: &Plan) -> String {
    plan.objects.iter().map(object).collect::<Vec<_>>().join("---\n")
}

/// One object.
///
/// # Panics
///
/// Never: what is JSON can be said in YAML.
#[must_use]
pub fn object(object: &Object) -> String {
    let Value::Object(body) = object.body() else { return String::new() };
    // Who reads from above wants to know first what it is.
    let first = ["apiVersion", "kind", "metadata"];
    let heads =
        first.iter().filter_map(|name| Some(((*name).to_owned(), body.get(*name)?.clone())));
    let rest = body.iter().filter(|(name, _)| !first.contains(&name.as_str()));
    let rest = rest.map(|(name, value)| (name.clone(), value.clone()));
    let ordered = heads.chain(rest).collect::<serde_json::Map<_, _>>();
    serde_saphyr::to_string(&ordered).expect("what is JSON can be said in YAML")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::object;
    use crate::plan::Object;

    #[test]
    fn what_is_read_again_is_the_same() {
        let body = json!({
            "spec": { "a": "true", "b": "8080", "c": 8080, "d": ["0755", null, "no", "~", "", "a: b"],
                "e": "two\nlines\n", "f": "^/users/([^/]+)", "g": {}, "h": [], "i": " x ", "j": "1e3" },
            "metadata": { "name": "n", "annotations": { "metaparticle.io/shard-key": "path:^/u/(.*)" } },
            "kind": "Service", "apiVersion": "v1",
        });
        let made = Object::from_value(body.clone()).expect("an object");
        let text = object(&made);
        assert!(text.starts_with("apiVersion: v1\nkind: Service\nmetadata:\n"), "{text}");
        let read: Value = serde_saphyr::from_str(&text).expect("YAML");
        assert_eq!(read, body, "{text}");
    }
}
