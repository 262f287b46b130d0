//! Do Ingresses and annotations mean on a real cluster what they say? A third of the conformance suite's
//! scenarios, every annotation, an Event, a status.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::api::networking::v1::Ingress;
use metaparticle_e2e::{Gateway, world};
use metaparticle_testbed::{Space, in_namespace};

use crate::QUIET;

async fn deployed(space: &Space, names: &[&str]) -> Result<()> {
    let image = world::image(space).await?;
    for name in names {
        world::service(space, name, &[]).await?;
        world::deployment(space, name, &image, 1).await?;
    }
    for name in names {
        world::ready(space, name, 1).await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn hosts_and_paths_lead_where_they_say() {
    let _quiet = QUIET.read().await;
    in_namespace("hosts-and-paths", async |space| {
        deployed(space, &["one", "two", "three"]).await?;
        let rules = [
            ("exact", "/foo", "Exact", "one"),
            ("prefix", "/foo", "Prefix", "one"),
            ("prefix", "/foo/bar", "Prefix", "two"),
            ("mixed", "/foo", "Prefix", "one"),
            ("mixed", "/foo", "Exact", "two"),
            ("*.foo.com", "/", "Prefix", "three"),
            ("slash", "/aaa/", "ImplementationSpecific", "three"),
        ];
        world::ingress(space, "rules", &rules).await?;
        let gateway = Gateway::start(space).await?;
        let mut asker = gateway.asker();
        for (host, path, expected) in [
            ("exact", "/foo", Some("one")),
            ("exact", "/foo/", None),
            ("exact", "/FOO", None),
            ("prefix", "/foo/", Some("one")),
            ("prefix", "/foo/bar/x", Some("two")),
            ("prefix", "/foobar", None),
            ("mixed", "/foo", Some("two")),
            ("bar.foo.com", "/", Some("three")),
            ("x.bar.foo.com", "/", None),
            ("slash", "/aaa", Some("three")),
        ] {
            let answer = asker.get(host, path).await?;
            let replica = answer.replica().unwrap_or_default();
            let right = match expected {
                Some(app) => answer.status == 200 && replica.starts_with(&format!("{app}-")),
                None => answer.status == 404,
            };
            ensure!(right, "{host}{path} is answered by {answer:?}, not by {expected:?}");
        }
        let published = |all: &[Ingress]| {
            let status = all.first()?.status.as_ref()?.load_balancer.as_ref()?;
            status.ingress.as_ref()?.first()?.ip.clone()
        };
        let ip = space.until("a status", "", published).await?;
        ensure!(ip == "192.0.2.1", "the status says {ip}");
        Ok(())
    })
    .await;
}

/// Every annotation, with a value that is not its default.
const WORDS: [(&str, &str); 19] = [
    ("pattern", "shard"),
    ("balance", "round-robin"),
    ("shard-key", "header:x-user,path:^/users/([^/]+)"),
    ("shard-missing-key", "reject"),
    ("shard-algorithm", "maglev"),
    ("shard-identity", "name"),
    ("shard-count", "statefulset"),
    ("shard-on-owner-down", "wait:500ms"),
    ("shard-load-bound", "1.25"),
    ("scatter-merge", "concat"),
    ("scatter-require", "80%"),
    ("scatter-timeout", "800ms"),
    ("scatter-hedge", "p95"),
    ("timeout", "5s"),
    ("retries", "2"),
    ("max-body", "1MiB"),
    ("max-concurrency", "100"),
    ("tls-verify", "off"),
    ("tls-server-name", "replica.example"),
];

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn every_annotation_is_read_and_a_mistake_is_an_event_while_traffic_goes_on() {
    let _quiet = QUIET.read().await;
    in_namespace("annotations", async |space| {
        let image = world::image(space).await?;
        world::set(space, "users", &image, 3).await?;
        world::service(space, "users", &WORDS).await?;
        world::ingress(space, "users", &[("users", "/", "Prefix", "users")]).await?;
        world::ready(space, "users", 3).await?;
        let gateway = Gateway::start(space).await?;
        let name = format!("{}/users:80", space.name());
        world::known(&gateway, &name, 3).await?;
        let snapshot = gateway.snapshot().await?;
        let policy = &snapshot["services"][0]["policy"];
        for (word, value) in WORDS {
            ensure!(policy[word] == value, "{word} is {}, not {value}", policy[word]);
        }
        let mut asker = gateway.asker();
        let before = world::owners(&mut asker, "users", 20).await?;
        let answer = asker.get("users", "/other").await?;
        ensure!(answer.status == 400, "without a key: {answer:?}");

        let mut wrong = WORDS;
        wrong[2].1 = "pth:x";
        world::service(space, "users", &wrong).await?;
        let message = |events: &[Event]| {
            let ours = |event: &&Event| event.reason.as_deref() == Some("Invalid");
            events.iter().find(ours)?.message.clone()
        };
        let message = space.until("an Event", "", message).await?;
        let expected = "metaparticle.io/shard-key: found `pth:x`; allowed: ";
        ensure!(message.starts_with(expected), "the Event says {message}");
        let after = world::owners(&mut asker, "users", 20).await?;
        ensure!(before == after, "keys moved: {before:?}, then {after:?}");
        let mistakes = gateway.snapshot().await?["mistakes"].clone();
        ensure!(mistakes.as_array().map(Vec::len) == Some(1), "the snapshot says {mistakes}");

        // Mended, and a scatter from now on.
        let scatter = [("pattern", "scatter"), ("scatter-merge", "concat")];
        world::service(space, "users", &scatter).await?;
        let whole = |answer: &metaparticle_e2e::Answer| {
            answer
                .header("metaparticle-coverage")
                .is_some_and(|said| said.starts_with("total=3, ok=3"))
        };
        let answer = world::until(&mut asker, "users", "/items", whole).await?;
        let mended = |body: &str| {
            let seen: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
            seen["mistakes"].as_array().is_some_and(Vec::is_empty)
        };
        let mut operator = metaparticle_e2e::Asker::new(gateway.admin);
        world::until(&mut operator, "localhost", "/snapshot", |answer| mended(&answer.body))
            .await?;
        let items: Vec<String> = serde_json::from_str(&answer.body).context(answer.body)?;
        ensure!(items.len() == 6 && items[0] == "users-0: one", "{items:?}");
        Ok(())
    })
    .await;
}
