//! Is what is declared what is planned, and is what is wrong told, all at once?

use std::time::Duration;

use metaparticle_gateway::words::{Scope, table};
use serde_json::{Value, json};

use super::{App, Missed, Part, Parts, app, candidates, indexed, opened, scatter, shard, spread};
use crate::context::Context;
use crate::wire::Result;

async fn nothing() -> Result<()> {
    Ok(())
}

async fn work(_: Context) -> Result<()> {
    Ok(())
}

async fn lead(_: metaparticle_sync::holder::Held, _: Context) -> Result<()> {
    Ok(())
}

#[allow(clippy::ptr_arg, reason = "an ask is a `String`, and its key is found in that")]
fn same(text: &String) -> String {
    text.clone()
}

async fn echo(text: String) -> Result<String> {
    Ok(text)
}

/// The mistakes of an application, one a line.
fn wrong(app: App) -> String {
    app.check().unwrap_err().to_string()
}

/// The annotations of a Service.
fn annotations(app: App, service: &str) -> Value {
    let plan = app.plan().unwrap();
    plan.object("Service", service).unwrap().body()["metadata"]["annotations"].clone()
}

#[test]
fn a_name_that_two_have_is_told_with_all_others() {
    let told = wrong(
        app("shop")
            .service("web", nothing)
            .service("web", nothing)
            .job("cart", work)
            .leader("cart", lead)
            .lock("sum")
            .lock("sum"),
    );
    for name in ["web", "cart", "sum"] {
        assert!(told.contains(&format!("found `{name}`")), "{told}");
    }
    assert_eq!(told.lines().count(), 3, "{told}");
}

#[test]
fn a_name_that_a_pattern_makes_is_taken_too() {
    let told = wrong(app("a").service("b", shard(2, same, echo)).service("b-shard", nothing));
    assert!(told.contains("b-shard"), "{told}");
}

#[test]
fn wrong_words_numbers_and_names_are_all_told_with_their_place() {
    let told = wrong(
        app("shop")
            .service("Web", nothing)
            .service("none", spread(0, nothing))
            .service("sum", scatter(3, echo, "summ").require("many"))
            .service("secret", spread(1, nothing).secret("PASSWORD", "db"))
            .job("night", indexed(1, work).schedule("at three")),
    );
    for place in [
        "service `Web`",
        "service `none`",
        "service `sum`.scatter-merge",
        "service `sum`.scatter-require",
        "service `secret`.setting `PASSWORD`",
        "job `night`",
    ] {
        assert!(told.contains(place), "{place} in\n{told}");
    }
}

#[test]
fn two_public_services_are_not_at_the_same_place() {
    let at = |path: &str| spread(1, nothing).at(path);
    let told = wrong(app("shop").service("a", at("/x")).service("b", at("/x")));
    assert!(told.contains("a path that `a` does not have"), "{told}");
    let shop = app("shop").service("a", spread(1, nothing).public());
    shop.service("b", spread(1, nothing).public()).check().unwrap();
}

#[test]
fn every_word_of_the_gateway_can_be_said() {
    for word in table().iter().filter(|word| word.is_for(Scope::Service)) {
        // Those that the pattern itself says.
        if ["pattern", "shard-key", "scatter-merge", "shard-count"].contains(&word.name) {
            continue;
        }
        let said = app("a").service("b", scatter(2, echo, "sum").word(word.name, word.default));
        said.check().unwrap();
    }
    let told = wrong(app("a").service("b", spread(1, nothing).word("time-out", "1s")));
    assert!(told.contains("did you mean `timeout`"), "{told}");
}

#[test]
fn what_the_gateway_can_do_by_words_needs_no_pod_between() {
    let users = shard(3, "path:^/users/([^/]+)", echo).on_owner_down("fail").public();
    let plan = app("shop").service("users", users.clone()).plan().unwrap();
    assert_eq!((plan.replicas("users"), plan.is_public("users")), (Some(3), true));
    assert!(plan.object("StatefulSet", "users").is_some());
    let words = annotations(app("shop").service("users", users), "users");
    assert_eq!(words["metaparticle.io/shard-key"], "path:^/users/([^/]+)");
    assert_eq!(words["metaparticle.io/shard-on-owner-down"], "fail");
    assert_eq!(words["metaparticle.io/shard-count"], "statefulset");
}

#[test]
fn a_pod_is_told_its_part_and_nothing_of_who_deploys() {
    let web = spread(2, nothing).env("COLOUR", "red").secret("PASSWORD", "db/password");
    let plan = app("shop").service("web", web).plan().unwrap();
    let web = plan.object("Deployment", "web").unwrap().body();
    let container = &web["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["args"], json!(["serve"]));
    let env = container["env"].as_array().unwrap();
    let named = |name: &str| env.iter().find(|one| one["name"] == name).unwrap().clone();
    assert_eq!(named("MP_ROLE")["value"], "web");
    assert_eq!(named("COLOUR")["value"], "red");
    let secret = &named("PASSWORD")["valueFrom"]["secretKeyRef"];
    assert_eq!((&secret["name"], &secret["key"]), (&json!("db"), &json!("password")));
    assert_eq!(env.len(), 4, "{env:?}");
}

#[test]
fn who_needs_no_locks_has_no_rights() {
    let plan = app("shop").service("web", nothing).plan().unwrap();
    assert!(plan.objects.iter().all(|object| object.kind().kind != "Role"));
    let plan = app("shop").lock("sum").service("web", nothing).plan().unwrap();
    assert!(plan.object("Role", "web").is_some());
}

/// What the pods of this part may do with objects of this sort, rule by rule.
fn rules(app: App, part: &str, resource: &str) -> Vec<(Value, Value)> {
    let plan = app.plan().unwrap();
    let role = plan.object("Role", part).unwrap().body().clone();
    let rules = role["rules"].as_array().unwrap().iter();
    let of = rules.filter(|rule| rule["resources"] == json!([resource]));
    of.map(|rule| (rule["resourceNames"].clone(), rule["verbs"].clone())).collect()
}

#[test]
fn locks_and_elections_are_leases_of_the_plan_that_pods_may_hold_and_not_make() {
    let shop = || app("shop").lock("sum").leader("one", lead).service("web", nothing);
    let plan = shop().plan().unwrap();
    for name in ["sum", "one"] {
        assert_eq!(metaparticle_sync::name::Name::of(name).as_str(), name);
        let lease = plan.object("Lease", name).unwrap().body();
        assert_eq!(lease["metadata"]["labels"]["app.kubernetes.io/part-of"], "shop");
        // That is what holders write.
        assert!(lease.get("spec").is_none(), "{lease}");
    }
    let verbs = json!(["get", "list", "watch", "update"]);
    assert_eq!(rules(shop(), "web", "leases"), [(json!(["sum"]), verbs.clone())]);
    assert_eq!(rules(shop(), "one", "leases"), [(json!(["sum", "one"]), verbs)]);
}

#[test]
fn a_lock_is_not_an_election_nor_the_deployers() {
    let told = wrong(app("shop").lock("one").leader("one", lead).lock("mp-shop"));
    assert!(told.contains("lock `one`") && told.contains("nor a leader"), "{told}");
    assert!(told.contains("lock or leader `mp-shop`"), "{told}");
}

#[test]
fn a_pod_may_look_at_the_scopes_that_it_knows_and_at_no_other_config_map() {
    let shop = app("shop").scope("clock").service("web", nothing);
    let maps = [
        (json!(["shop-scope-clock"]), json!(["get", "update"])),
        (Value::Null, json!(["create"])),
        (json!(["mp-shop"]), json!(["get"])),
    ];
    assert_eq!(rules(shop, "web", "configmaps"), maps);
}

#[test]
fn what_has_no_second_replica_is_not_hedged() {
    app("a").service("b", spread(2, echo).hedge("p95")).check().unwrap();
    let by_words = scatter(3, echo, "sum").word("scatter-hedge", "20ms");
    let by_code = scatter(3, echo, |_: Parts<String>| Ok(())).word("scatter-hedge", "20ms");
    let told = wrong(app("a").service("words", by_words).service("code", by_code));
    for place in ["service `words`.scatter-hedge", "service `code`.scatter-hedge"] {
        assert!(told.contains(place), "{told}");
    }
    assert_eq!(told.matches("found `20ms`").count(), 2, "{told}");
}

#[test]
fn who_stands_between_needs_no_rights() {
    let users = shard(2, same, echo);
    let plan = app("shop").scope("n").lock("sum").service("users", users).plan().unwrap();
    assert!(plan.object("Role", "users-shard").is_some());
    assert!(plan.object("Role", "users").is_none());
}

#[test]
fn leaders_and_jobs_are_planned() {
    let night = indexed(4, work).parallelism(2).schedule("0 3 * * *");
    let plan = app("shop").leader("one", candidates(3, lead)).job("night", night).plan().unwrap();
    assert_eq!(plan.replicas("one"), Some(3));
    let night = plan.object("CronJob", "night").unwrap().body();
    assert_eq!(night["spec"]["schedule"], "0 3 * * *");
}

#[test]
fn the_order_of_parts_is_the_shards_and_those_that_miss_say_why() {
    let parts = Parts::from_iter(["a", "b"]);
    assert_eq!((parts.answered(), parts.total()), (2, 2));
    let names: Vec<_> = parts.iter().map(|part| part.shard.as_str()).collect();
    assert_eq!(names, ["leaf-0", "leaf-1"]);
    assert_eq!(Missed::TimedOut.to_string(), "timed out");
}

#[test]
fn a_state_is_opened_with_the_number_of_its_shard() {
    let code = async |_: String, shard: Context<usize>| Ok(*shard.state());
    let opened = shard(3, same, opened(|index| index * 10, code));
    app("shop").service("users", opened).check().unwrap();
}

#[test]
fn more_leaves_than_there_are_cannot_be_required() {
    let told = wrong(app("a").service("b", scatter(5, echo, "sum").quorum(8)));
    assert_eq!(
        told,
        "service `b`.scatter-require: found `8`; allowed: at most 5, which is how many leaves there are"
    );
    app("a").service("b", scatter(5, echo, "sum").quorum(5)).check().unwrap();
}

#[test]
fn what_a_pattern_says_itself_cannot_be_said_besides() {
    for word in ["pattern", "shard-key", "scatter-merge", "shard-count"] {
        let told = wrong(app("a").service("b", spread(2, nothing).word(word, "2")));
        assert!(told.contains("the pattern itself says this word"), "{told}");
    }
}

#[test]
fn a_secret_has_a_name_and_a_key() {
    for from in ["db", "db/", "/password", "", "db/pass/word", "db/pass word"] {
        let told = wrong(app("a").service("b", spread(1, nothing).secret("PASSWORD", from)));
        assert!(told.contains("such as `db/password`"), "{from}: {told}");
    }
}

#[test]
fn jobs_and_leaders_have_settings_too() {
    let job = indexed(1, work).env("COLOUR", "red").secret("PASSWORD", "db/password");
    let leader = candidates(2, lead).secret("PASSWORD", "db/password");
    let plan = app("shop").job("night", job).leader("one", leader).plan().unwrap();
    let pods =
        plan.objects.iter().filter_map(|object| object.body().pointer("/spec/template/spec"));
    let envs: Vec<_> = pods.map(|pod| pod["containers"][0]["env"].to_string()).collect();
    assert_eq!(envs.len(), 2);
    assert!(envs.iter().all(|env| env.contains("secretKeyRef")), "{envs:?}");
    assert!(envs.iter().any(|env| env.contains(r#""name":"COLOUR","value":"red""#)), "{envs:?}");
}

#[test]
fn a_test_can_make_parts_that_miss() {
    let shard = |number: u32| format!("leaf-{number}");
    let there = Part { shard: shard(0), latency: None, answer: Ok(1) };
    let late = Part { shard: shard(1), latency: None, answer: Err(Missed::TimedOut) };
    let parts = Parts::from(vec![there, late]);
    assert_eq!((parts.answered(), parts.total()), (1, 2));
    assert_eq!(parts.answers().sum::<u32>(), 1);
}

#[test]
fn who_stands_between_has_a_second_more_and_as_large_a_body() {
    let said = |seconds, most: &str| {
        let sum = |parts: Parts<String>| Ok(parts.answered());
        let sum = scatter(2, echo, sum).deadline(Duration::from_secs(seconds)).max_body(most);
        annotations(app("a").service("b", sum), "b")
    };
    let words = said(50, "9MiB");
    assert_eq!(words["metaparticle.io/timeout"], "51s");
    assert_eq!(words["metaparticle.io/max-body"], "9MiB");
}

#[test]
fn hosts_have_paths_of_their_own() {
    let at = |host: &str| spread(1, nothing).at("/x").host(host);
    let two = |one, other| app("a").service("b", at(one)).service("c", at(other));
    two("a.example", "b.example").check().unwrap();
    assert!(wrong(two("a.example", "a.example")).contains("a path that `b` does not have"));
}
