//! What the file says becomes what runs; what it should not say is told, all of it, with its place.

use std::path::Path;

use metaparticle_gateway::words::Pattern;

use crate::application::{Count, Exposure, Instances, Value};
use crate::read::{Written, application};

#[track_caller]
fn right(text: &str) -> Written {
    application(text).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

#[track_caller]
fn check(text: &str, mistakes: &[&str]) {
    let told = application(text).expect_err("a wrong file");
    let told = told.iter().map(ToString::to_string).collect::<Vec<_>>();
    let short: Vec<_> =
        told.iter().filter_map(|told| Some(told.split_once("; allowed:")?.0)).collect();
    assert_eq!(short, mistakes, "{text}");
}

#[test]
fn a_program_is_packaged_and_an_image_is_taken() {
    let written = right(
        "application: shop\nservices:\n  web: { program: bin/web, port: 80 }\n  db: { image: 'r.example/db:1', port: 81 }",
    );
    let [web, db] = written.application.services() else { panic!("two services") };
    let [program] = written.programs.as_slice() else { panic!("one program") };
    assert_eq!(
        (program.path.as_path(), &program.image),
        (Path::new("bin/web"), &web.containers[0].image)
    );
    assert_eq!(db.containers[0].image.as_str(), "r.example/db:1");
    assert_eq!(db.instances, Instances::Alike(Count::ONE));
}

#[test]
fn what_is_numbered_is_sharded_and_keeps_its_keys() {
    let written = right("application: a\nservices: { s: { image: i, shards: 3, port: 1 } }");
    let service = &written.application.services()[0];
    assert_eq!(service.instances, Instances::Numbered(Count::new(3).unwrap()));
    assert_eq!(service.policy.pattern, Pattern::Shard);
    assert_eq!(service.policy.shard_count.to_string(), "statefulset");
    let written = right(
        "application: a\nservices: { s: { image: i, shards: 3, port: 1, pattern: scatter } }",
    );
    assert_eq!(written.application.services()[0].policy.pattern, Pattern::Scatter);
}

#[test]
fn a_service_is_inside_unless_it_says_otherwise() {
    let exposure = |public: &str| {
        let text = format!("application: a\nservices: {{ s: {{ image: i, port: 1{public} }} }}");
        right(&text).application.services()[0].exposure.clone()
    };
    assert_eq!(exposure(""), Exposure::Inside);
    assert_eq!(exposure(", public: false"), Exposure::Inside);
    let hosts = |public: &str| match exposure(public) {
        Exposure::Public(public) => {
            let hosts = public.hosts.iter().map(ToString::to_string).collect::<Vec<_>>();
            (hosts.join(" "), public.any_host, public.path.as_str().to_owned())
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(hosts(", public: true"), (String::new(), true, "/".to_owned()));
    assert_eq!(hosts(", public: a.example"), ("a.example".to_owned(), false, "/".to_owned()));
    assert_eq!(
        hosts(", public: { hosts: [a.example, b.example], path: /shop }"),
        ("a.example b.example".to_owned(), false, "/shop".to_owned())
    );
}

#[test]
fn a_secret_is_named_and_never_said() {
    let written = right(
        "application: a\nservices: { s: { image: i, env: { A: 1.50, B: { secret: s, key: k } } } }",
    );
    let env = &written.application.services()[0].containers[0].env;
    assert_eq!(env[0].value, Value::Plain("1.50".to_owned()));
    assert_eq!(env[1].value, Value::Secret { name: "s".to_owned(), key: "k".to_owned() });
}

#[test]
fn all_mistakes_are_told_at_once_with_their_places() {
    check(
        "\
application: Shop
services:
  web:
    imagee: x
    replicas: 0
    port: http
    shard-key: pth:x
    public: Shop.Example
jobs:
  load: { image: i, schedule: sometimes, count: many }
",
        &[
            "1:14: application: found `Shop`",
            "4:5: services.web: found `imagee`",
            "4:5: services.web.image: found `nothing`",
            "5:15: services.web.replicas: found `0`",
            "6:11: services.web.port: found `http`",
            "7:16: services.web.shard-key: found `pth:x`",
            "8:13: services.web.public: found `Shop.Example`",
            "10:31: jobs.load.schedule: found `sometimes`",
            "10:49: jobs.load.count: found `many`",
        ],
    );
}

#[test]
fn what_does_not_fit_together_is_told_by_name() {
    let told = application(
        "application: a\nservices: { s: { image: i, public: true } }\njobs: { s: { image: i } }",
    );
    let told: Vec<_> =
        told.expect_err("wrong").iter().map(|mistake| mistake.place.clone()).collect();
    assert_eq!(told, ["jobs.s.name", "services.s.ports"]);
}

#[test]
fn a_file_that_says_nothing_is_shown_one_that_does() {
    for text in ["", "# only a comment", "application: a"] {
        assert_eq!(application(text).expect_err("nothing").len(), 1, "{text}");
    }
}

#[test]
fn locks_that_are_named_are_leases_of_the_plan() {
    let service = |locks: &str| {
        right(&format!(
            "application: a\nservices: {{ s: {{ image: i, port: 1, locks: {locks} }} }}"
        ))
    };
    let named = service("[books, tills]").application;
    let plan = named.plan();
    assert!(plan.object("Lease", "books").is_some() && plan.object("Lease", "tills").is_some());
    assert_eq!(named.services()[0].permissions[0].names, ["books", "tills"]);
    let any = service("true").application;
    assert!(any.leases().is_empty() && any.services()[0].permissions[0].names.is_empty());
    assert!(service("false").application.services()[0].permissions.is_empty());
    check(
        "application: a\nservices: { s: { image: i, port: 1, locks: [B_2] } }",
        &["2:45: services.s.locks: found `B_2`"],
    );
    check(
        "application: a\njobs: { j: { image: i, locks: often } }",
        &["2:31: jobs.j.locks: found `often`"],
    );
}
