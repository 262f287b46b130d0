//! Is a file read as it is meant, and told all its mistakes?

use proptest::prelude::*;

use crate::file::{read, render};
use crate::model::{Host, Path};
use crate::words::{LoadBound, Pattern, table};

const WEB: &str = "services: { web: { replicas: [] } }\n";

/// The mistakes of a file called `f`; of a long line the beginning is enough.
fn check(text: &str, expected: &[&str]) {
    let mistakes = read(text).err().unwrap_or_default();
    let told = render("f", &mistakes);
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines.len(), expected.len() + 1, "{told}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\nis not\n{expected}");
    }
    let plural = if expected.len() == 1 { "" } else { "s" };
    assert_eq!(lines[expected.len()], format!("{} mistake{plural}", expected.len()));
}

/// The mistakes of these routes to `web`, without the first line of the file.
fn check_routes(routes: &str, expected: &[&str]) {
    check(&format!("{WEB}routes:\n{routes}"), expected);
}

/// The mistakes of a service `users`.
fn check_service(fields: &str, expected: &[&str]) {
    check(&format!("routes: []\nservices:\n  users:\n{fields}"), expected);
}

#[test]
fn a_right_file_is_the_world_it_tells() {
    let world = read(
        r#"
services:
  users:
    protocol: h2c
    pattern: shard
    shard-key: path:^/users/([^/]+)
    shard-load-bound: 1.50
    retries: &few 2
    replicas:
      - 127.0.0.1:9001
      - { name: users-1, address: "[::1]:9002", shard: users-1, ready: false }
      - { name: 10, address: localhost:9003, ready: true }
  7: { replicas: [], retries: *few, timeout: 5s }
routes:
  - { path: /users/, service: users }
  - { host: "*.Example.com", path: /x, path-type: Exact, service: 7, pattern: scatter }
  - { host: example.com, path: /, service: "7", retries: 0 }
  - { host: "[::1]", service: users }
"#,
    )
    .unwrap();
    let [users, seven] = world.services.as_slice() else { panic!("two services") };
    assert_eq!(users.policy.load_bound, LoadBound::Factor(1.5));
    assert_eq!((users.policy.retries, seven.policy.retries), (2, 2));
    let replicas = users.replicas.iter().map(|r| format!("{} {}", r.name, r.address));
    assert_eq!(replicas.collect::<Vec<_>>(), REPLICAS);
    assert_eq!(users.replicas.iter().map(|r| r.ready).collect::<Vec<_>>(), [true, false, true]);
    let routes = &world.routes;
    assert_eq!(routes[0].path, Path::Prefix("/users".into()));
    assert_eq!(routes[0].policy.pattern, Pattern::Shard);
    assert_eq!(routes[1].host, Host::Wildcard("example.com".into()));
    assert_eq!(routes[1].path, Path::Exact("/x".into()));
    assert_eq!(routes[1].policy.pattern, Pattern::Scatter);
    assert_eq!(routes[2].path, Path::Prefix("".into()));
    assert_eq!((routes[1].policy.retries, routes[2].policy.retries), (2, 0));
    assert_eq!(routes[3].host, Host::Exact("[::1]".into()));
}

const REPLICAS: [&str; 3] =
    ["127.0.0.1:9001 127.0.0.1:9001", "users-1 [::1]:9002", "10 127.0.0.1:9003"];

#[test]
fn an_empty_file_is_told_what_the_smallest_is() {
    let smallest = "f:1:1: file: found `nothing`; allowed: services: { web: { replicas: [ \
                    \"127.0.0.1:9001\" ] } } and routes: [ { path: /, service: web } ]";
    for empty in ["", "\n\n", "# nothing\n", "---\n", "~"] {
        check(empty, &[smallest]);
    }
    let says = "services: { web: { replicas: [ \"127.0.0.1:9001\" ] } }\n\
                routes: [ { path: /, service: web } ]";
    assert!(read(says).is_ok(), "the smallest file is right");
}

#[test]
fn what_is_not_such_a_file_is_one_mistake() {
    check("services: [", &["f:2:1: file: found ``; allowed: YAML ("]);
    check("a: b: c", &["f:1:5: file: found `a: b: c`; allowed: YAML (mapping values are not"]);
    check("services: {}\nservices: {}", &["f:2:1: file: found `services: {}`; allowed: YAML (dup"]);
    check("- a", &["f:1:1: file: found `a list`; allowed: services: {"]);
    check("--- {}\n--- {}\n", &["f:2:5: file: found `a map`; allowed: one document"]);
    check(&"- ".repeat(100_000), &["f:1:65: file: found `deep indentation`; allowed: at most 64"]);
    check(&" ".repeat((4 << 20) + 1), &["f:1:1: file: found `4194305 bytes`; allowed: at most 4 "]);
}

#[test]
fn a_file_that_laughs_a_thousand_million_times_is_refused() {
    let mut text = "a0: &a0 lol\n".to_owned();
    for level in 1..=12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text += &format!("a{level}: &a{level} [{below}]\n");
    }
    check(
        &text,
        &["f:6:45: file: found `a5: &a5 [*a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, ]`"],
    );
}

#[test]
fn every_level_knows_its_names() {
    check(
        "service: {}\nroutes: []",
        &[
            "f:1:1: file: found `service`; allowed: did you mean `services`? one of `services`",
            "f:1:1: services: found `nothing`; allowed: a map of services",
        ],
    );
    check_service(
        "    replica: []\n    colour: red\n    replicas: [{ adress: 1, address: '1.2.3.4:5' }]",
        &[
            "f:4:5: services.users: found `replica`; allowed: did you mean `replicas`? one of `pr",
            "f:5:5: services.users: found `colour`; allowed: one of `protocol`, `replicas`, `pat",
            "f:6:18: services.users.replicas[0]: found `adress`; allowed: did you mean `address`?",
        ],
    );
    check_routes(
        "- { servce: web, service: web, balance: random, retries: 99 }",
        &[
            "f:3:5: routes[0]: found `servce`; allowed: did you mean `service`? one of `host`",
            "f:3:41: routes[0].balance: found `random`; allowed: on a service only; a route may",
            "f:3:58: routes[0].retries: found `99`; allowed: a number from 0 to 10",
        ],
    );
}

#[test]
fn every_place_knows_its_kind() {
    check("services: 5\nroutes: x", &["f:1:11: services: found `5`", "f:2:9: routes: found `x`"]);
    check_service(
        "    retries: [1]\n    timeout:\n    protocol: {}\n    replicas: web",
        &[
            "f:4:14: services.users.retries: found `a list`; allowed: a number from 0 to 10",
            "f:5:12: services.users.timeout: found `nothing`; allowed: a time with its unit",
            "f:6:15: services.users.protocol: found `a map`; allowed: `http1`, `h2c` or `https`",
            "f:7:15: services.users.replicas: found `web`; allowed: a list of replicas",
        ],
    );
    check_routes(
        "- web\n- [web]",
        &["f:3:3: routes[0]: found `web`", "f:4:3: routes[1]: found `a"],
    );
    check("services: { [a]: {} }\nroutes: []", &["f:1:13: services: found `a list`; allowed: a n"]);
    check(
        "services: { 5: { replicas: [] }, \"5\": { replicas: [] } }\nroutes: []",
        &["f:1:34: services: found `5`; allowed: each name once"],
    );
}

#[test]
fn five_mistakes_are_five() {
    check(
        "services:
  users:
    protocol: http3
    shard-key: pth:x
    shard-count: 0x0
    replicas: [example.com:80]
routes:
  - { path: /users, service: user }
",
        &[
            "f:3:15: services.users.protocol: found `http3`; allowed: `http1`, `h2c` or `https`",
            "f:4:16: services.users.shard-key: found `pth:x`; allowed: a list of `path:REGEX`",
            "f:5:18: services.users.shard-count: found `0x0`; allowed: `observed`",
            "f:6:16: services.users.replicas[0]: found `example.com:80`; allowed: an address such",
            "f:8:30: routes[0].service: found `user`; allowed: did you mean `users`? one of `users`",
        ],
    );
}

#[test]
fn a_replica_has_an_address_and_a_name_of_its_own() {
    check_service(
        "    replicas:
      - localhost
      - 127.0.0.1:0
      - { name: a b, address: 127.0.0.1:1 }
      - { name: a }
      - { address: 127.0.0.1:2, ready: yes }
      - 127.0.0.1:3
      - { name: c, address: localhost:3 }
      - { name: c, address: 127.0.0.1:4 }",
        &[
            "f:5:9: services.users.replicas[0]: found `localhost`; allowed: an address",
            "f:6:9: services.users.replicas[1]: found `127.0.0.1:0`; allowed: an address",
            "f:7:17: services.users.replicas[2].name: found `a b`; allowed: a name of visible",
            "f:8:9: services.users.replicas[3].address: found `nothing`; allowed: an address",
            "f:9:40: services.users.replicas[4].ready: found `yes`; allowed: `true` or `false`",
            "f:11:9: services.users.replicas[6]: found `a map`; allowed: each address once; 127.0",
            "f:12:9: services.users.replicas[7]: found `a map`; allowed: each name once; `c` is in",
        ],
    );
    check_service("    pattern: shard", &["f:4:5: services.users.replicas: found `nothing`"]);
}

#[test]
fn a_count_that_a_file_cannot_keep_is_a_mistake() {
    let misfit = "f:4:18: services.users.shard-count: found `3`; allowed: `observed`, or replicas";
    check_service("    shard-count: 3\n    replicas: ['127.0.0.1:1']", &[misfit]);
    check_service(
        "    shard-count: statefulset\n    replicas: []",
        &["f:4:18: services.users.shard-count: found `statefulset`; allowed: a number such as 5"],
    );
    let users = |last: u32| -> String {
        let replica = |n| format!("{{ name: users-{n}, address: '127.0.0.1:{}' }}, ", n + 1);
        format!(
            "    shard-count: 2\n    replicas: [{}]",
            (0..=last).map(replica).collect::<String>()
        )
    };
    let found = "f:4:18: services.users.shard-count: found `2`; allowed: a number from";
    let beyond = "or no replica beyond the count, as `users-2`, `users-3`, `users-4`";
    check_service(&users(4), &[&format!("{found} 5, {beyond} would be")]);
    check_service(
        &users(9),
        &[&format!("{found} 10, {beyond}, `users-5`, `users-6` and 3 more wo")],
    );
    check_service(
        "    shard-count: 2\n    replicas: [{ shard: a-10000, address: '127.0.0.1:1' }]",
        &["f:4:18: services.users.shard-count: found `2`; allowed: `observed`, or no replica bey"],
    );
    let fits = "services: { a: { shard-count: 3, replicas: [{ name: a-1, address: '[::1]:1' }] } }";
    assert!(read(&format!("{fits}\nroutes: []")).is_ok());
}

#[test]
fn a_route_has_a_host_a_path_and_a_service() {
    check_routes(
        "- { host: '*', service: web }
- { host: 'a.*.b', service: web }
- { host: 'a.b:80', service: web }
- { host: '', service: web }
- { path: users, service: web }
- { path: '/a?b', service: web }
- { path: '/a#b', service: web }
- { path: /a, path-type: prefix, service: web }
- { path: /b }
- { path: /c, service: nobody }
- { path: /d, service: web }
- { path: /d/, service: web }
- { path: /d, service: web, path-type: Exact }",
        &[
            "f:3:11: routes[0].host: found `*`; allowed: a host without its port",
            "f:4:11: routes[1].host: found `a.*.b`",
            "f:5:11: routes[2].host: found `a.b:80`",
            "f:6:11: routes[3].host: found ``",
            "f:7:11: routes[4].path: found `users`; allowed: a path such as /users",
            "f:8:11: routes[5].path: found `/a?b`",
            "f:9:11: routes[6].path: found `/a#b`",
            "f:10:26: routes[7].path-type: found `prefix`; allowed: `Prefix` or `Exact`",
            "f:11:3: routes[8].service: found `nothing`; allowed: the name of a service",
            "f:12:24: routes[9].service: found `nobody`; allowed: one of `web`",
            "f:14:11: routes[11]: found `/d/`; allowed: each host and path once; this one is in li",
        ],
    );
}

#[test]
fn ten_thousand_mistakes_are_told_as_a_thousand() {
    let text = format!("{WEB}routes:\n{}", "- x\n".repeat(10_000));
    let told = render("f", &read(&text).unwrap_err());
    assert_eq!(told.lines().count(), 1001);
    assert!(told.ends_with("1000 mistakes or more\n"));
}

/// Files near the right one: its pieces, put together anyhow.
fn near() -> impl Strategy<Value = String> {
    let pieces = vec![
        "services:",
        "routes:",
        "\n",
        "\n  ",
        "\n    ",
        "\n- ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        ": ",
        "web",
        "replicas",
        "127.0.0.1:9001",
        "path",
        "/x",
        "service",
        "host",
        "'",
        "\"",
        "&a ",
        "*a",
        "!!int ",
        "!t ",
        "? ",
        "|\n",
        "#",
        "0x10",
        "1.50",
        "~",
        "true",
        "é",
        "\u{2028}",
        "\r",
        "\t",
    ];
    let words: Vec<_> = table().iter().map(|word| word.name).collect();
    let piece = prop_oneof![4 => prop::sample::select(pieces), 1 => prop::sample::select(words)];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn no_text_stops_the_reader(text in prop_oneof![any::<String>(), near()]) {
        if let Err(mistakes) = read(&text) {
            prop_assert!(!mistakes.is_empty());
            prop_assert_eq!(render("f", &mistakes).lines().count(), mistakes.len() + 1);
        }
    }
}
