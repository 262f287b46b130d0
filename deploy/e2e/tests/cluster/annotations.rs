//! Does each annotation do on a real cluster what it says? One after the other, on one Service.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use http::Request;
use http_body_util::Full;
use metaparticle_e2e::hand::{self, Manner, Server};
use metaparticle_e2e::{Answer, Asker, Gateway, world};
use metaparticle_testbed::{Space, in_namespace};

use crate::QUIET;

/// Three pods behind `server`, and who asks them.
struct Stage<'s> {
    space: &'s Space,
    gateway: Gateway,
    asker: Asker,
}

impl<'s> Stage<'s> {
    async fn set(space: &'s Space) -> Result<Self> {
        let image = world::image(space).await?;
        world::set(space, "server", &image, 3).await?;
        world::service(space, "server", &[]).await?;
        world::ingress(space, "server", &[("server", "/", "Prefix", "server")]).await?;
        world::ready(space, "server", 3).await?;
        let gateway = Gateway::start(space).await?;
        world::known(&gateway, &format!("{}/server:80", space.name()), 3).await?;
        let asker = gateway.asker();
        Ok(Self { space, gateway, asker })
    }

    /// Says these words of the Service, and waits until the gateway has read them.
    async fn say(&self, service: &str, words: &[(&str, &str)]) -> Result<()> {
        if service == "server" {
            world::service(self.space, service, words).await?;
        }
        let name = format!("{}/{service}:80", self.space.name());
        let read = |body: &str| {
            let seen: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
            let services = seen["services"].as_array().cloned().unwrap_or_default();
            let mut policies =
                services.iter().filter(|one| one["name"] == *name).map(|one| &one["policy"]);
            let all = |policy: &serde_json::Value| {
                words.iter().all(|(word, value)| policy[word] == **value)
            };
            policies.next().is_some_and(all)
        };
        let mut operator = Asker::new(self.gateway.admin);
        world::until(&mut operator, "localhost", "/snapshot", |answer| read(&answer.body)).await?;
        Ok(())
    }

    async fn get(&mut self, path: &str) -> Result<Answer> {
        self.asker.get("server", path).await
    }

    async fn replica(&mut self, path: &str) -> Result<String> {
        let answer = self.get(path).await?;
        answer.replica().with_context(|| format!("{path} is answered by {answer:?}"))
    }

    async fn status(&mut self, path: &str, expected: u16) -> Result<Answer> {
        let answer = self.get(path).await?;
        ensure!(answer.status == expected, "{path} is answered by {answer:?}, not {expected}");
        Ok(answer)
    }
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn annotations_of_shards_do_what_they_say() {
    let _quiet = QUIET.read().await;
    in_namespace("shard-words", async |space| {
        let mut stage = Stage::set(space).await?;
        stage.say("server", &[("pattern", "spread"), ("balance", "round-robin")]).await?;
        let mut asked = BTreeMap::<String, u32>::new();
        for _ in 0..30 {
            *asked.entry(stage.replica("/").await?).or_default() += 1;
        }
        ensure!(asked.values().all(|count| *count == 10), "round-robin: {asked:?}");

        // As the original Metaparticle placed them, in whatever order they are asked for.
        let original = [
            ("pattern", "shard"),
            ("shard-key", "path:^/u/([^/]+)"),
            ("shard-algorithm", "metaparticle-v1"),
            ("shard-identity", "host"),
            ("shard-count", "statefulset"),
            ("shard-missing-key", "reject"),
        ];
        stage.say("server", &original).await?;
        for (key, owner) in [("jim", "server-2"), ("jane", "server-2")] {
            ensure!(stage.replica(&format!("/u/{key}")).await? == owner, "{key} is not {owner}'s");
        }
        let answer = stage.get("/u/jim").await?;
        let shard = answer.header("metaparticle-shard");
        ensure!(shard == Some("server-2.server:8080"), "{answer:?}");
        stage.status("/none", 400).await?;
        stage.say("server", &[("pattern", "shard"), ("shard-key", "path")]).await?;
        let whole = [
            ("pattern", "shard"),
            ("shard-algorithm", "metaparticle-v1"),
            ("shard-identity", "host"),
        ];
        stage.say("server", &whole).await?;
        ensure!(stage.replica("/users/jim/x").await? == "server-1", "the whole path");

        // A fourth slot that nobody serves: its keys are refused, or walk on.
        let four =
            |down| [("pattern", "shard"), ("shard-count", "4"), ("shard-on-owner-down", down)];
        stage.say("server", &four("fail")).await?;
        let mut away = None;
        for key in 0..100 {
            let answer = stage.get(&format!("/{key}")).await?;
            if answer.status == 503 {
                ensure!(answer.body.contains("owner-away"), "{answer:?}");
                away = Some(key);
            }
        }
        let away = away.context("no key of a hundred belongs to the fourth shard")?;
        stage.say("server", &four("failover")).await?;
        stage.status(&format!("/{away}"), 200).await?;
        stage.say("server", &[("pattern", "shard"), ("shard-load-bound", "1.25")]).await?;
        stage.status("/", 200).await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn annotations_of_scatters_do_what_they_say() {
    let _quiet = QUIET.read().await;
    in_namespace("scatter-words", async |space| {
        let mut stage = Stage::set(space).await?;
        let four = |require| {
            [
                ("pattern", "scatter"),
                ("shard-count", "4"),
                ("scatter-merge", "concat"),
                ("scatter-require", require),
            ]
        };
        stage.say("server", &four("all")).await?;
        let answer = stage.get("/items").await?;
        ensure!(answer.status >= 500, "one of four is missing: {answer:?}");
        stage.say("server", &four("75%")).await?;
        let answer = stage.status("/items", 200).await?;
        let coverage = answer.header("metaparticle-coverage");
        ensure!(coverage.is_some_and(|said| said.starts_with("total=4, ok=3")), "{answer:?}");
        let items: Vec<String> = serde_json::from_str(&answer.body)?;
        ensure!(items.len() == 6 && items[5] == "server-2: two", "{items:?}");
        stage.say("server", &[("pattern", "scatter"), ("scatter-merge", "map")]).await?;
        let answer = stage.status("/items", 200).await?;
        ensure!(answer.body.contains("\"server-1\""), "{answer:?}");

        // One that is slow, and its twin.
        let slow = Server::start(Manner { delay: Duration::from_secs(3), breaks: false }).await?;
        let words =
            [("pattern", "scatter"), ("scatter-timeout", "300ms"), ("scatter-hedge", "100ms")];
        hand::service(space, "slow", slow.port, "http", &words).await?;
        world::ingress(space, "slow", &[("slow", "/", "Prefix", "slow")]).await?;
        stage.say("slow", &words).await?;
        let begun = tokio::time::Instant::now();
        let answer = stage.asker.get("slow", "/").await?;
        ensure!(answer.status == 504, "{answer:?}");
        ensure!(begun.elapsed() < Duration::from_secs(2), "it took {:?}", begun.elapsed());
        let coverage = answer.header("metaparticle-coverage");
        ensure!(coverage.is_some_and(|said| said.contains("timed-out=1")), "{answer:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn annotations_of_bounds_do_what_they_say() {
    let _quiet = QUIET.read().await;
    in_namespace("bound-words", async |space| {
        let mut stage = Stage::set(space).await?;
        let slow = Server::start(Manner { delay: Duration::from_secs(3), breaks: false }).await?;
        let words = [("timeout", "300ms"), ("max-concurrency", "1"), ("max-body", "1kB")];
        hand::service(space, "slow", slow.port, "http", &words).await?;
        let fragile = Server::start(Manner { breaks: true, ..Manner::default() }).await?;
        hand::service(space, "fragile", fragile.port, "http", &[("retries", "0")]).await?;
        let rules = ["slow", "fragile"].map(|name| (name, "/", "Prefix", name));
        world::ingress(space, "bounds", &rules).await?;
        stage.say("slow", &words).await?;
        stage.say("fragile", &[("retries", "0")]).await?;

        let mut other = stage.gateway.asker();
        let (one, two) = tokio::join!(stage.asker.get("slow", "/"), other.get("slow", "/"));
        let mut statuses = [one?.status, two?.status];
        statuses.sort_unstable();
        ensure!(statuses == [503, 504], "one is late, one too many: {statuses:?}");
        let much = Request::post("/").header("host", "slow").body(Full::from(vec![b'x'; 2000]))?;
        let answer = stage.asker.send(much).await?;
        ensure!(answer.status == 413, "{answer:?}");

        let answer = stage.asker.get("fragile", "/").await?;
        ensure!(answer.status == 502, "it is not asked again: {answer:?}");
        hand::service(space, "fragile", fragile.port, "http", &[("retries", "2")]).await?;
        stage.say("fragile", &[("retries", "2")]).await?;
        for _ in 0..4 {
            let answer = stage.asker.get("fragile", "/").await?;
            ensure!(answer.status == 200, "it is asked again: {answer:?}");
        }
        Ok(())
    })
    .await;
}
