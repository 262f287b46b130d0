//! Do operators see what happens? The access log, and the door of their own.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use http::Response;
use serde_json::{Value, json};

use crate::client::{Answer, Raw};
use crate::replica::{Replica, full};
use crate::world::{Folder, Gateway, run, soon, web};

/// A gateway with a service of each pattern, and the replicas behind all of them; one leaf of the
/// scatter is gone.
struct Scene {
    gateway: Gateway,
    file: String,
    _replicas: [Replica; 3],
}

impl Scene {
    async fn start() -> Self {
        Self::start_with(Folder::new(), &[]).await
    }

    async fn start_with(folder: Folder, flags: &[&str]) -> Self {
        let replicas = [listing().await, listing().await, listing().await];
        let file = every_pattern(&replicas);
        let gateway = Gateway::serve_with(&file, folder, flags).await;
        Self { gateway, file, _replicas: replicas }
    }

    /// Its end: what is in its access log.
    async fn end(mut self, log: &Path) -> Vec<Value> {
        self.gateway.terminate().await;
        assert!(self.gateway.exit().await.success());
        lines(log)
    }
}

/// A replica whose answers can be put together.
async fn listing() -> Replica {
    Replica::start(|_| async { Response::new(full("[1]")) }).await
}

fn every_pattern(replicas: &[Replica; 3]) -> String {
    let [one, two, three] = replicas.each_ref().map(|replica| replica.address);
    format!(
        "\
services:
  web: {{ replicas: [ {{ name: web-0, address: \"{one}\" }} ] }}
  users:
    pattern: shard
    shard-key: header:x-user
    replicas:
      - {{ name: users-0, address: \"{one}\" }}
      - {{ name: users-1, address: \"{two}\" }}
      - {{ name: users-2, address: \"{three}\" }}
  all:
    pattern: scatter
    scatter-merge: concat
    scatter-require: any
    # Nobody listens at the last.
    replicas: [ \"{one}\", \"{two}\", \"127.0.0.1:1\" ]
routes:
  - {{ path: /web, service: web }}
  - {{ path: /users, service: users }}
  - {{ path: /all, service: all }}
"
    )
}

/// The answer to `method target`, on a connection of its own; `lines` are more header lines.
async fn ask(address: SocketAddr, method: &str, target: &str, lines: &str) -> Answer {
    let mut raw = Raw::connect(address).await;
    let close = "Host: web.example\r\nConnection: close";
    raw.send(format!("{method} {target} HTTP/1.1\r\n{close}\r\n{lines}\r\n")).await;
    raw.answer().await
}

async fn get(address: SocketAddr, target: &str) -> Answer {
    ask(address, "GET", target, "").await
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(answer.text()).expect("JSON")
}

/// What `look` gives, once that is something. It is no event: it is looked for.
async fn once<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    soon(what, async {
        loop {
            looks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    })
    .await
}

/// The lines that are in the access log.
fn lines(log: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(log).expect("an access log");
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// `line` tells what every line does of the request for `path` that was answered with `answer`, and
/// besides that `rest`.
#[track_caller]
fn check_line(line: &Value, path: &str, answer: &Answer, rest: Value) {
    let mut told = line.as_object().expect("an object").clone();
    let time = told.remove("time").and_then(|time| time.as_f64());
    assert!(time.is_some_and(|time| time > 1.0e9), "seconds since 1970: {line}");
    let micros = told.remove("micros").and_then(|micros| micros.as_u64());
    assert!(micros.is_some_and(|micros| micros > 0), "{line}");
    let mut expected = json!({
        "method": "GET",
        "host": "web.example",
        "path": path,
        "status": answer.status,
        "bytes": answer.body.len(),
        "client": "127.0.0.1",
        "id": answer.header("x-request-id").expect("an id"),
    });
    let Value::Object(rest) = rest else { panic!("an object") };
    expected.as_object_mut().expect("an object").extend(rest);
    assert_eq!(Value::Object(told), expected);
}

#[tokio::test]
async fn the_access_log_has_a_line_a_request() {
    let folder = Folder::new();
    let log = folder.path("access.log");
    let flags = ["--access-log", log.to_str().expect("text"), "--drain-delay", "10ms"];
    let scene = Scene::start_with(folder, &flags).await;
    let address = scene.gateway.address;
    let web = get(address, "/web/a?token=secret").await;
    once("the first line", async || lines(&log).into_iter().next()).await;
    let users = ask(address, "GET", "/users", "x-user: alice\r\n").await;
    let all = get(address, "/all").await;
    let nowhere = get(address, "/nowhere").await;
    assert_eq!([web.status, users.status, all.status, nowhere.status], [200, 200, 200, 404]);

    // Two threads serve: the lines of two requests may come in either order.
    let lines = scene.end(&log).await;
    assert_eq!(lines.len(), 4, "{lines:#?}");
    let line = |path: &str| lines.iter().find(|line| line["path"] == path).expect("a line");
    check_line(line("/web/a"), "/web/a", &web, json!({"service": "web", "replica": "web-0"}));
    let shard = users.header("metaparticle-shard").expect("a shard");
    let owner = json!({"service": "users", "shard": shard, "replica": shard});
    check_line(line("/users"), "/users", &users, owner);
    let coverage = all.header("metaparticle-coverage").expect("a coverage");
    assert!(coverage.starts_with("total=3, ok=2, failed=1"), "{coverage}");
    let leaves = json!({"service": "all", "coverage": coverage});
    check_line(line("/all"), "/all", &all, leaves);
    let problem = json_of(&nowhere);
    assert_eq!(problem["type"], "urn:metaparticle:problem:no-route");
    check_line(line("/nowhere"), "/nowhere", &nowhere, json!({"refusal": "no-route"}));
}

#[tokio::test]
async fn the_access_log_is_added_to() {
    let folder = Folder::new();
    let log = folder.write("access.log", "{\"from\":\"before\"}\n");
    let flags = ["--access-log", log.to_str().expect("text"), "--drain-delay", "10ms"];
    let scene = Scene::start_with(folder, &flags).await;
    assert_eq!(get(scene.gateway.address, "/web").await.status, 200);
    let lines = scene.end(&log).await;
    assert_eq!((lines.len(), &lines[0]), (2, &json!({"from": "before"})));
    assert_eq!(lines[1]["path"], "/web");
}

#[tokio::test]
async fn the_metrics_count_what_is_answered() {
    let Scene { gateway, .. } = &Scene::start().await;
    let counted = async |sample: &str| {
        let answer = get(gateway.admin, "/metrics").await;
        assert_eq!(answer.status, 200);
        let kind = answer.header("content-type").expect("a type");
        assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
        let count = answer.text().lines().find_map(|line| line.strip_prefix(sample));
        count.and_then(|count| count.parse::<u64>().ok()).expect("a count")
    };
    let answered = "metaparticle_requests_total{service=\"web\",code=\"2xx\"} ";
    let turned_away = "metaparticle_turned_away_total ";
    assert_eq!((counted(answered).await, counted(turned_away).await), (0, 0));
    assert_eq!(get(gateway.address, "/nowhere").await.status, 404);
    for _ in 0..3 {
        assert_eq!(get(gateway.address, "/web").await.status, 200);
    }
    // Counted when the answer has ended: that may be a moment after its last byte.
    let all =
        async || (counted(answered).await == 3 && counted(turned_away).await == 1).then_some(());
    once("three requests in one count, and one in the other", all).await;
}

#[tokio::test]
async fn the_snapshot_shows_services_and_what_is_wrong_with_the_file() {
    let Scene { gateway, file, .. } = &mut Scene::start().await;
    let admin = gateway.admin;
    let snapshot = async || json_of(&get(admin, "/snapshot").await);
    let first = snapshot().await;
    let names = |view: &Value| {
        let services = view["services"].as_array().expect("a list").clone();
        services.into_iter().map(|one| (one["name"].clone(), one["pattern"].clone())).collect()
    };
    let mut services: Vec<(Value, Value)> = names(&first);
    services.sort_by_key(|(name, _)| name.to_string());
    let expected = [("all", "scatter"), ("users", "shard"), ("web", "spread")];
    assert_eq!(services, expected.map(|(name, pattern)| (name.into(), pattern.into())));
    assert_eq!((&first["state"], &first["mistakes"]), (&json!("ready"), &json!([])));

    gateway.edit(&file.replace("pattern: shard", "pattern: shart"));
    gateway.says("what the file said last stays in force").await;
    let mistaken = once("the mistake", async || {
        let view = snapshot().await;
        (view["mistakes"] != json!([])).then_some(view)
    });
    let mistaken = mistaken.await;
    assert_eq!(mistaken["mistakes"].as_array().map(Vec::len), Some(1), "{mistaken:#}");
    let told = mistaken["mistakes"][0].as_str().expect("text");
    assert!(told.contains(":4:14: services.users.pattern: found `shart`"), "{told}");
    assert_eq!(mistaken["version"], first["version"], "the last good picture stands");
    assert_eq!(names(&mistaken), names(&first));

    gateway.edit(&file.replace("/users, service", "/members, service"));
    gateway.says("the file was read again").await;
    let mended = snapshot().await;
    assert_eq!(mended["mistakes"], json!([]));
    assert!(mended["version"].as_u64() > first["version"].as_u64(), "{mended:#}");
    let mut routes = mended["routes"].as_array().expect("a list").iter();
    assert!(routes.any(|route| route["path"] == "/members"), "{mended:#}");
}

#[tokio::test]
async fn the_owner_that_is_explained_is_the_one_who_answers() {
    let Scene { gateway, .. } = &Scene::start().await;
    let file = gateway.folder().path("gateway.yaml");
    let file = file.to_str().expect("text");
    for (key, written) in [("alice", "alice"), ("bob", "bob"), ("a b&c", "a%20b%26c"), ("1", "1")] {
        let answer = ask(gateway.address, "GET", "/users", &format!("x-user: {key}\r\n")).await;
        let shard = answer.header("metaparticle-shard").expect("a shard");
        let target = format!("/explain?service=users&key={written}");
        let explained = json_of(&get(gateway.admin, &target).await);
        assert_eq!((&explained["key"], &explained["owner"]), (&json!(key), &json!(shard)));
        let text = ask(gateway.admin, "GET", &target, "Accept: text/plain\r\n").await;
        let told = run(&["explain", "--config", file, "--service", "users", "--key", key]).await;
        assert!(told.status.success(), "{told:?}");
        assert_eq!(String::from_utf8_lossy(&told.stdout), text.text());
        assert!(text.text().contains(&format!("\nowner    {shard}\n")), "{}", text.text());
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_explained_by_nobody() {
    let gateway = Gateway::serve(&web("", &[])).await;
    let answer = get(gateway.admin, "/explain?service=wep&key=x").await;
    assert_eq!(answer.status, 404);
    let file = gateway.folder().path("gateway.yaml");
    let file = file.to_str().expect("text");
    let told = run(&["explain", "--config", file, "--service", "wep", "--key", "x"]).await;
    assert_eq!(told.status.code(), Some(1));
    for said in [answer.text(), &String::from_utf8_lossy(&told.stderr)] {
        assert!(said.contains("`wep`") && said.contains("`web`"), "{said}");
    }
}

#[tokio::test]
async fn the_door_of_operators_answers_what_is_there_and_nothing_else() {
    let gateway = Gateway::serve(&web("", &[])).await;
    let health = get(gateway.admin, "/healthz").await;
    assert_eq!((health.status, health.text()), (200, "ok\n"));

    let page = get(gateway.admin, "/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().starts_with("<!doctype html>"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; connect-src 'self'; "), "{policy}");

    let unknown = get(gateway.admin, "/metric").await;
    assert_eq!(unknown.status, 404);
    assert!(json_of(&unknown)["detail"].as_str().is_some_and(|told| told.contains("/metrics")));
    let post = ask(gateway.admin, "POST", "/snapshot", "Content-Length: 0\r\n").await;
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
    // Clients are not shown it: their `/healthz` is a path like others, and nobody serves it here.
    assert_eq!(get(gateway.address, "/healthz").await.status, 503);
}
