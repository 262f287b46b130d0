//! What happens when a holder's pod is deleted, or loses its lock, or contends for minutes? In pods of the
//! examples, as `deploy/examples` describes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::ListParams;
use metaparticle_sync::name::Identity;
use metaparticle_sync::observe::Leader;
use metaparticle_testbed::{Space, figures, in_namespace, program};
use tokio::time::{Instant, sleep, timeout};

use crate::QUIET;
use crate::contender::{no_stale_write, process};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/examples");
/// Nothing here takes longer, but for what is said to.
const PATIENCE: Duration = Duration::from_secs(60);
/// Two pods contend for so long.
const CONTENDED: Duration = Duration::from_secs(120);

/// Applies what these files say, with images of these programs as they are here.
async fn apply(space: &Space, files: &[&str], programs: &[&str]) -> Result<()> {
    let mut objects = String::new();
    for file in files {
        let text = fs::read_to_string(Path::new(EXAMPLES).join(file));
        objects += &format!("{}\n---\n", text.with_context(|| format!("no {file}"))?);
    }
    for name in programs {
        let (called, built) = match *name {
            "elector" => ((*name).to_owned(), PathBuf::from(env!("CARGO_BIN_EXE_elector"))),
            _ => (format!("{name}-example"), program::example(name).await?),
        };
        let image = space.push(&called, &built).await?;
        objects = objects.replace(&format!("127.0.0.1:5000/{called}"), &image);
    }
    space.kubectl(&["apply", "-f", "-"], &objects).await?;
    Ok(())
}

fn runs(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let containers = status.and_then(|status| status.container_statuses.as_ref());
    let all = containers.is_some_and(|all| !all.is_empty() && all.iter().all(|one| one.ready));
    all && pod.metadata.deletion_timestamp.is_none()
}

/// The two pods of an example, once they run.
async fn two(space: &Space, app: &str) -> Result<Vec<Pod>> {
    let both = |pods: &[Pod]| {
        let running: Vec<_> = pods.iter().filter(|pod| runs(pod)).cloned().collect();
        (running.len() == 2).then_some(running)
    };
    space.until("two pods that run", &format!("app={app}"), both).await
}

/// The pod that a Lease names: by its name, or by its uid.
fn pod_of<'p>(pods: &'p [Pod], identity: &Identity) -> Result<&'p Pod> {
    let is_it = |pod: &&Pod| {
        identity.as_str().starts_with(&format!("{}_", pod.name_any()))
            || Some(identity.as_str()) == pod.uid().as_deref()
    };
    pods.iter().find(is_it).with_context(|| format!("`{identity}` is none of the pods"))
}

/// What an observer of a Lease is told next, and when.
async fn next(
    leaders: &mut (impl Stream<Item = Option<Leader>> + Unpin),
) -> Result<(Option<Leader>, Instant)> {
    let told = timeout(PATIENCE, leaders.next()).await.context("nothing more is told")?;
    Ok((told.context("it ended")?, Instant::now()))
}

/// Who leads next, and when that was told.
async fn leader(
    leaders: &mut (impl Stream<Item = Option<Leader>> + Unpin),
) -> Result<(Leader, Instant)> {
    loop {
        if let (Some(leader), at) = next(leaders).await? {
            return Ok((leader, at));
        }
    }
}

/// Deletes the holder's pod as a person does, and sees the other hold the lock.
async fn hand_over(space: &Space, lock: &str, app: &str) -> Result<()> {
    let pods = two(space, app).await?;
    let sync = process(space.name()).await?;
    let mut leaders = sync.observe(lock);
    let (before, _) = leader(&mut leaders).await?;
    let holder = pod_of(&pods, &before.identity)?.name_any();
    let told = space.kubectl(&["get", "lease", lock], "").await?;
    // Whoever waits has opened its watch by then.
    sleep(Duration::from_secs(1)).await;
    let deleted = Instant::now();
    space.kubectl(&["delete", "pod", &holder, "--wait=false"], "").await?;
    let (gone, released) = next(&mut leaders).await?;
    ensure!(gone.is_none(), "it was taken before it was given back: {gone:?}");
    let (after, taken) = leader(&mut leaders).await?;
    let other = pod_of(&pods, &after.identity)?.name_any();
    ensure!(other != holder && after.transitions == before.transitions + 1, "{after:?}");
    let later = space.kubectl(&["get", "lease", lock], "").await?;
    let last = later.lines().last().unwrap_or_default();
    figures::tell(
        &format!("pods-{app}"),
        &format!(
            "{app}: kubectl delete pod {holder}: given back after {:.1?}, and the other held it {:.1?} later\n\
             $ kubectl get lease {lock}\n{told}{last}",
            released - deleted,
            taken - released
        ),
    );
    // Whoever asks instead of watching needs seconds.
    ensure!(taken - released < Duration::from_secs(1), "{:?}", taken - released);
    Ok(())
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn the_holders_pod_is_deleted_and_the_other_holds_the_lock_at_once() {
    let _quiet = QUIET.read().await;
    in_namespace("lock-pods", async |space| {
        apply(space, &["lock/role.yaml", "lock/rust.yaml"], &["lock"]).await?;
        hand_over(space, "example-lock", "lock-rust").await?;
        apply(space, &["election/role.yaml", "election/rust.yaml"], &["election"]).await?;
        hand_over(space, "example-election", "election-rust").await
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn the_elector_gives_back_what_its_pod_held_and_deletes_a_pod_that_lost_it() {
    let _quiet = QUIET.read().await;
    in_namespace("lock-sidecar", async |space| {
        apply(space, &["lock/role.yaml", "lock/sidecar.yaml"], &["elector", "sidecar"]).await?;
        hand_over(space, "example-sidecar", "lock-sidecar").await?;
        let pods = two(space, "lock-sidecar").await?;
        let sync = process(space.name()).await?;
        let (before, _) = leader(&mut sync.observe("example-sidecar")).await?;
        let holder = pod_of(&pods, &before.identity)?;
        // Somebody takes it away, and lets go of it a second later.
        let thief = r#"{"spec":{"holderIdentity":"thief","leaseDurationSeconds":1}}"#;
        let stolen = Instant::now();
        let steals = ["patch", "lease", "example-sidecar", "--type=merge", "--patch", thief];
        space.kubectl(&steals, "").await?;
        let uid = holder.uid();
        let ends = |pods: &[Pod]| {
            let it = pods.iter().find(|pod| pod.uid() == uid);
            it.is_none_or(|pod| pod.metadata.deletion_timestamp.is_some()).then_some(())
        };
        space.until("the end of the pod that lost it", "app=lock-sidecar", ends).await?;
        let (name, took) = (holder.name_any(), stolen.elapsed());
        figures::tell(
            "pods-on-lost",
            &format!(
                "--on-lost delete-pod: {name} was deleted {took:.1?} after its lock was taken away"
            ),
        );
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn two_pods_contend_for_minutes_and_no_former_holder_writes() {
    let _quiet = QUIET.read().await;
    in_namespace("lock-contended", async |space| {
        apply(space, &["lock/role.yaml", "lock/fenced.yaml"], &["fenced"]).await?;
        let pods = two(space, "lock-fenced").await?;
        sleep(CONTENDED).await;
        let mut writes = Vec::new();
        for pod in &pods {
            let said = space.logs(&pod.name_any()).await?;
            let wrote: Vec<(u64, u64)> = said.lines().filter_map(written).collect();
            ensure!(!wrote.is_empty(), "{} never wrote: {said}", pod.name_any());
            writes.push(wrote);
        }
        let all = no_stale_write(writes.iter().flatten().copied())?;
        let mut terms: Vec<_> = (0..)
            .zip(&writes)
            .flat_map(|(pod, wrote): (usize, _)| wrote.iter().map(move |(_, term)| (*term, pod)))
            .collect();
        terms.sort_unstable();
        terms.dedup();
        let handed = terms.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
        let restarts: i32 = space
            .api::<Pod>()
            .list(&ListParams::default().labels("app=lock-fenced"))
            .await?
            .iter()
            .flat_map(|pod| pod.status.iter().flat_map(|status| &status.container_statuses))
            .flatten()
            .map(|container| container.restart_count)
            .sum();
        figures::tell(
            "pods-contended",
            &format!(
                "two pods contended for {CONTENDED:?}: {} turns, {handed} hand-overs, {all} writes, 0 stale, \
                 {restarts} restarts",
                terms.len()
            ),
        );
        ensure!(handed > 20 && restarts == 0, "they hardly took turns, or fell");
        Ok(())
    })
    .await;
}

/// A line that says what was written: the version, and the term.
fn written(line: &str) -> Option<(u64, u64)> {
    let (version, term) = line.strip_prefix("wrote ")?.split_once(' ')?;
    Some((version.parse().ok()?, term.parse().ok()?))
}
