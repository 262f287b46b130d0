//! Do the roles of `deploy` grant what the watch asks for, and nothing else?

use std::collections::BTreeSet;
use std::time::Duration;

use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::json;

use super::server::Server;
use super::shell::{all, beside, small};
use super::{ingress, object, saying};
use crate::watch::Options;

const IN_ALL: &str = include_str!("../../../../deploy/base/rbac.yaml");
const IN_ONE: &str = include_str!("../../../../deploy/overlays/namespace/role.yaml");

const SYNC: &str = include_str!("../../../../sync/src/lib.rs");

/// A verb, of a resource, of a group; the core's is empty.
type Right = (String, String, String);

/// What the role of this kind grants.
fn granted(text: &str, kind: &str) -> BTreeSet<Right> {
    let documents = Yaml::load_from_str(text).unwrap();
    let roles = documents.iter().filter(|one| one["kind"].as_str() == Some(kind));
    let mut rights = BTreeSet::new();
    for rule in roles.flat_map(|role| role["rules"].as_vec().unwrap()) {
        let words = |name: &str| {
            rule[name].as_vec().unwrap().iter().map(|word| word.as_str().unwrap().to_owned())
        };
        for group in words("apiGroups") {
            for resource in words("resources") {
                rights.extend(words("verbs").map(|verb| (verb, resource.clone(), group.clone())));
            }
        }
    }
    rights
}

/// What right a request needs, `VERB PATH`.
fn needed(asked: &str) -> Right {
    let (verb, path) = asked.split_once(' ').unwrap();
    let parts: Vec<_> = path.trim_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => panic!("{asked}"),
    };
    let resource = match rest {
        ["namespaces", _, resource, _, part] => format!("{resource}/{part}"),
        ["namespaces", _, resource, ..] | [resource, ..] => (*resource).to_owned(),
        [] => panic!("{asked}"),
    };
    (verb.to_owned(), resource, group.to_owned())
}

fn asked(server: &Server) -> BTreeSet<Right> {
    server.asked().iter().map(|asked| needed(asked)).collect()
}

/// What a gateway asks for that does all it can.
async fn check(options: Options, granted: BTreeSet<Right>) {
    let server = small();
    // A mistake is an Event that is created, and renewed; an Ingress's status is written.
    server.set("services", &saying("a", &[("shard-key", "pth:x")]));
    // A Secret is listed before it is known to be wanted, and asked for.
    server.set("secrets", &object("v1", "Secret", "late", json!({ "data": {} })));
    beside(&server, options, async |looked| {
        looked.routed("/").await;
        let mut ingress = ingress("tls", &["h/tls>a"]);
        ingress["spec"]["tls"] = json!([{ "secretName": "late" }]);
        server.set("ingresses", &ingress);
        tokio::time::sleep(Duration::from_secs(40 * 60)).await;
        assert_eq!(asked(&server), granted);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_role_grants_what_is_asked_for_and_nothing_else() {
    check(all(), granted(IN_ALL, "ClusterRole")).await;
    let namespace = Some("shop".to_owned());
    check(Options { namespace, ..all() }, granted(IN_ONE, "Role")).await;
}

#[test]
fn the_role_for_elections_grants_what_sync_says_that_it_needs() {
    let needed = SYNC.split("//! ```yaml").nth(1).and_then(|rest| rest.split("//! ```").next());
    let needed = needed.expect("a role").replace("//! ", "");
    assert_eq!(granted(IN_ALL, "Role"), granted(&needed, "Role"));
}
