//! Do programs of patterns do in a cluster what they do where they are written? Examples deploy themselves, lose
//! pods, go on, and delete themselves.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams};
use metaparticle_e2e::{Answer, Asker, Gateway, world};
use metaparticle_sync::term::Term;
use metaparticle_testbed::{Space, figures, in_namespace, program};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::{Instant, timeout};

use crate::QUIET;

/// All routes lead there: the examples ask for no host.
const HOST: &str = "anybody.example";
/// A loaded machine takes its time for a dozen pods.
const PATIENCE: Duration = Duration::from_secs(120);
/// What an application may be made of.
const KINDS: &str =
    "all,ingress,configmap,lease,poddisruptionbudget,serviceaccount,role,rolebinding";
/// What every namespace has; and the gateway of the test.
const ITS_OWN: [&str; 3] = [
    "configmap/kube-root-ca.crt",
    "serviceaccount/default",
    "lease.coordination.k8s.io/metaparticle-gateway-metaparticle",
];

/// A built example, which deploys itself into a test's namespace.
struct Program<'s> {
    path: PathBuf,
    space: &'s Space,
}

impl<'s> Program<'s> {
    async fn new(space: &'s Space, name: &str) -> Result<Self> {
        Ok(Self { path: program::example(name).await?, space })
    }

    /// What it says to these words, if it does not fail.
    async fn say(&self, words: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.path);
        command.args(words).args(["--namespace", self.space.name()]).kill_on_drop(true);
        let output = timeout(PATIENCE, command.output()).await.context("it takes too long")??;
        let said = String::from_utf8(output.stdout)?;
        ensure!(
            output.status.success(),
            "{words:?}: {}\n{said}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(said)
    }

    /// Deploys, and gives the last event: what is in force.
    async fn deploy(&self) -> Result<Value> {
        let registry = self.space.registry();
        let said = self.say(&["deploy", "--registry", &registry, "--output", "json"]).await?;
        let last: Value = serde_json::from_str(said.lines().last().context("no event")?)?;
        ensure!(last["event"] == "live", "{said}");
        Ok(last)
    }

    /// Deletes, and looks whether anything is left.
    async fn delete(&self) -> Result<()> {
        self.say(&["delete", "--wait"]).await?;
        let scopes = |maps: &[ConfigMap]| {
            let mut names = maps.iter().map(ConfigMap::name_any);
            names.all(|name| ITS_OWN.contains(&format!("configmap/{name}").as_str())).then_some(())
        };
        self.space.until("no scopes", "", scopes).await?;
        let left = self.space.kubectl(&["get", KINDS, "-o", "name"], "").await?;
        let left: Vec<_> = left.lines().filter(|name| !ITS_OWN.contains(name)).collect();
        ensure!(left.is_empty(), "`delete` leaves {left:?}");
        Ok(())
    }

    /// What it answers on this machine, without a cluster.
    async fn answers_here(&self) -> Result<Answer> {
        let free = "127.0.0.1:0";
        let mut child = Command::new(&self.path)
            .args(["--listen", free, "--admin", free, "--control", free])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut told = BufReader::new(child.stdout.take().context("no output")?).lines();
        loop {
            let line = told.next_line().await?.context("it tells no address")?;
            let Some((_, address)) = line.split_once("http://localhost:") else { continue };
            let port = address.split(|sign: char| !sign.is_ascii_digit()).next();
            let port = port.context("no port")?.parse::<u16>()?;
            return Asker::new(([127, 0, 0, 1], port).into()).get(HOST, "/").await;
        }
    }
}

/// How many leaves an answer has, of ten.
fn leaves(answer: &Answer) -> Result<u32> {
    let coverage = answer.header("metaparticle-coverage").with_context(|| format!("{answer:?}"))?;
    let ok = coverage.strip_prefix("total=10, ok=").and_then(|rest| rest.split(',').next());
    ok.with_context(|| format!("ten leaves, and not {coverage}"))?.parse().context("no number")
}

/// Asks again and again; whatever it is told has nine leaves or all ten.
async fn ask_on(asker: &mut Asker, mut told: impl FnMut(u32)) -> Result<()> {
    loop {
        let answer = asker.get(HOST, "/").await?;
        let of = leaves(&answer)?;
        ensure!(answer.status == 200 && of >= 9, "{answer:?}");
        told(of);
    }
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn the_histogram_is_the_same_in_a_cluster_and_has_nine_of_ten_while_a_leaf_is_away() {
    let _quiet = QUIET.read().await;
    in_namespace("histogram", async |space| {
        let program = Program::new(space, "histogram").await?;
        let (gateway, live) = tokio::try_join!(Gateway::start(space), program.deploy())?;
        world::known(&gateway, &format!("{}/histogram:8080", space.name()), 2).await?;
        let (mut asker, here) = (gateway.asker(), program.answers_here().await?);
        let whole = asker.get(HOST, "/").await?;
        ensure!(whole.status == 200 && leaves(&whole)? == 10, "{whole:?}");
        ensure!(whole.body == here.body, "here {}, there {}", here.body, whole.body);

        let (begun, leaf) = (Instant::now(), "histogram-leaf-3");
        let uid = space.api::<Pod>().get(leaf).await?.uid();
        space.remove::<Pod>(leaf).await?;
        let another = |pods: &[Pod]| {
            let mut leaves = pods.iter().filter(|pod| pod.name_any() == leaf && pod.uid() != uid);
            leaves.any(world::is_ready).then_some(())
        };
        let (mut partial, mut another_asker) = (0, gateway.asker());
        tokio::select! {
            back = space.until("the leaf again", "app=histogram-leaf", another) => back?,
            asked = ask_on(&mut another_asker, |of| partial += u32::from(of == 9)) => asked?,
        }
        ensure!(partial > 0, "nobody missed the leaf");
        // Each of the two that ask the leaves finds it again by itself.
        let (mut again, mut in_a_row) = (whole, 0);
        while in_a_row < 10 {
            again = asker.get(HOST, "/").await?;
            in_a_row = if leaves(&again)? == 10 { in_a_row + 1 } else { 0 };
            ensure!(again.status == 200 && begun.elapsed() < PATIENCE, "{again:?}");
        }
        ensure!(again.body == here.body, "it came back as another: {}", again.body);
        figures::tell(
            "histogram",
            &format!(
                "histogram: live in {} s; a leaf was away: {partial} answers of 9 leaves, whole again after \
                 {:.1} s, 0 failed",
                live["seconds"],
                begun.elapsed().as_secs_f64()
            ),
        );
        program.delete().await
    })
    .await;
}

/// The value of a scope, if there is one.
fn scope(maps: &[ConfigMap], name: &str) -> Option<Value> {
    let map = maps.iter().find(|map| map.name_any() == name)?;
    serde_json::from_str(map.data.as_ref()?.get("value")?).ok()
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn counters_are_counted_together_and_outlive_all_who_count() {
    let _quiet = QUIET.read().await;
    in_namespace("counters", async |space| {
        let program = Program::new(space, "counters").await?;
        let (gateway, live) = tokio::try_join!(Gateway::start(space), program.deploy())?;
        world::known(&gateway, &format!("{}/count:8080", space.name()), 3).await?;
        let asking = (0..4).map(async |_| {
            let mut asker = gateway.asker();
            for _ in 0..5 {
                let answer = asker.get(HOST, "/").await?;
                ensure!(answer.status == 200, "{answer:?}");
            }
            Ok(())
        });
        try_join_all(asking).await?;
        let maps = space.api::<ConfigMap>().list(&ListParams::default()).await?.items;
        let counted = scope(&maps, "counted-scope-counters").context("no scope")?;
        ensure!(counted["requests"] == 20, "{counted}");

        let before = space.api::<Pod>().list(&ListParams::default()).await?.items;
        let before: Vec<_> = before.iter().map(Pod::name_any).collect();
        try_join_all(before.iter().map(|pod| space.remove::<Pod>(pod))).await?;
        world::ready(space, "count", 3).await?;
        // Who cannot be reached does not count; who is about to end may still.
        let mut answers = 0;
        let by_another = |answer: &Answer| {
            answers += u32::from(answer.status == 200);
            let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
            said["last"].as_str().is_some_and(|last| !before.iter().any(|pod| pod == last))
        };
        let answer = world::until(&mut gateway.asker(), HOST, "/", by_another).await?;
        let said: Value = serde_json::from_str(&answer.body)?;
        ensure!(said["requests"] == 20 + answers, "{said} after {answers} more");
        figures::tell(
            "counters",
            &format!(
                "counters: live in {} s; 20 requests counted by 3 pods, remembered by 3 others",
                live["seconds"]
            ),
        );
        program.delete().await
    })
    .await;
}

/// Looks at the clock of the leader whenever it changes, until it is as `enough` wants it.
async fn watch_clock(
    space: &Space,
    seen: &mut Vec<Value>,
    enough: impl Fn(&[Value]) -> bool,
) -> Result<Value> {
    let look = |maps: &[ConfigMap]| {
        let clock = scope(maps, "ticking-scope-clock")?;
        if seen.last() != Some(&clock) {
            seen.push(clock.clone());
        }
        enough(seen).then_some(clock)
    };
    space.until("the leader's clock", "", look).await
}

fn term(clock: &Value) -> Result<Term> {
    Ok(clock["term"].as_str().context("no term")?.parse()?)
}

/// Nobody ever speaks after one who leads later, and none of the ticks is lost.
fn one_led_at_a_time(seen: &[Value]) -> Result<()> {
    let mut leaders = BTreeMap::new();
    for clock in seen {
        let by = clock["by"].as_str().context("nobody")?;
        ensure!(leaders.insert(term(clock)?, by).is_none_or(|other| other == by), "{seen:?}");
    }
    for pair in seen.windows(2) {
        ensure!(pair[0]["ticks"].as_u64() < pair[1]["ticks"].as_u64(), "{seen:?}");
        ensure!(term(&pair[0])? <= term(&pair[1])?, "{seen:?}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn one_candidate_leads_and_another_when_its_pod_is_deleted() {
    let _quiet = QUIET.read().await;
    in_namespace("leader", async |space| {
        let program = Program::new(space, "leader").await?;
        let live = program.deploy().await?;
        let mut seen = Vec::new();
        let first = watch_clock(space, &mut seen, |seen| seen.len() >= 5).await?;
        let leader = first["by"].as_str().context("nobody leads")?;
        let lease = space.api::<Lease>().get("ticker").await?;
        let holder = lease.spec.and_then(|spec| spec.holder_identity).unwrap_or_default();
        ensure!(holder.starts_with(leader), "{holder} holds, and {leader} leads");

        // Who is deployed again leads on, and that the Lease is renewed meanwhile is no change.
        let again = program.deploy().await?;
        ensure!(again["changed"] == false, "{again}");
        program.say(&["diff", "--registry", &space.registry()]).await?;

        let begun = Instant::now();
        drop(space.api::<Pod>().delete(leader, &DeleteParams::default()).await?);
        let other = |seen: &[Value]| seen.last().is_some_and(|clock| clock["by"] != leader);
        let second = watch_clock(space, &mut seen, other).await?;
        let took = begun.elapsed().as_secs_f64();
        ensure!(term(&second)? > term(&first)?, "{first} {second}");
        let before = seen.iter().filter(|clock| clock["by"] == leader);
        for clock in before {
            ensure!(term(clock)? == term(&first)?, "it led twice: {seen:?}");
        }
        one_led_at_a_time(&seen)?;
        figures::tell(
            "leader",
            &format!(
                "leader: live in {} s; {took:.2} s from the end of its pod to the first tick of another; \
                 token {} after {}",
                live["seconds"],
                term(&second)?,
                term(&first)?
            ),
        );
        program.delete().await
    })
    .await;
}
