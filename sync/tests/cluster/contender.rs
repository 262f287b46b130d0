//! A process that contends: this very test, run once more, told by its environment what to do.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::Api;
use metaparticle_sync::clock::Boot;
use metaparticle_sync::fence::{self, NotChanged};
use metaparticle_sync::holder::Overrun;
use metaparticle_sync::store::Leases;
use metaparticle_sync::sync::Sync;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// What all contend for, and for how long others wait when its holder falls silent.
pub(crate) const LOCK: &str = "contended";
pub(crate) const TTL: Duration = Duration::from_secs(3);
/// Where the holder writes.
const REGISTER: &str = "register";
const NAMESPACE: &str = "SYNC_NAMESPACE";
/// A loaded machine takes a while to start a process.
const PATIENCE: Duration = Duration::from_secs(60);

/// Connected to the cluster of the tests.
pub(crate) async fn client() -> Result<Client> {
    Ok(Leases::client(kube::Config::infer().await?)?)
}

/// One more process, as far as the Leases of a namespace can tell.
pub(crate) async fn process(namespace: &str) -> Result<Sync> {
    Ok(Sync::new(Leases::new(client().await?, namespace), Boot))
}

/// Somebody who holds the lock whenever it can, and writes all the time while it does, without a look at the
/// clock: only the fence holds it back.
#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn the_process_that_contends() -> Result<()> {
    let Some(namespace) = namespace() else { return Ok(()) };
    let sync = process(&namespace).await?;
    let register = Api::<ConfigMap>::namespaced(client().await?, &namespace);
    let lock = sync.lock(LOCK).ttl(TTL).on_overrun(Overrun::Fenced);
    loop {
        let held = lock.acquire().await?;
        let term = held.token().clone();
        say(&format!("held {term}"));
        loop {
            let written = fence::change(&register, REGISTER, &term, |map| {
                map.data.get_or_insert_default().insert("term".to_owned(), term.to_string());
            });
            match written.await {
                Ok(map) => {
                    say(&format!(
                        "wrote {} {term}",
                        map.metadata.resource_version.unwrap_or_default()
                    ));
                }
                Err(NotChanged::Stale(stale)) => {
                    say(&format!("refused {stale}"));
                    break;
                }
                Err(error) => say(&format!("failed {error}")),
            }
        }
        drop(held);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the child is told by its environment that it is one"
)]
fn namespace() -> Option<String> {
    std::env::var(NAMESPACE).ok()
}

#[expect(clippy::print_stdout, reason = "its parent reads it")]
fn say(what: &str) {
    println!("{what}");
}

/// A contender, and what it says.
pub(crate) struct Contender {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it wrote: the version, and its term.
    pub(crate) wrote: Vec<(u64, u64)>,
    pub(crate) refused: usize,
}

impl Contender {
    pub(crate) fn start(namespace: &str) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([
                "--exact",
                "contender::the_process_that_contends",
                "--nocapture",
                "--include-ignored",
            ])
            .env(NAMESPACE, namespace)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let out = child.stdout.take().context("it is piped")?;
        Ok(Self { child, lines: BufReader::new(out).lines(), wrote: Vec::new(), refused: 0 })
    }

    /// Creates what contenders write to.
    pub(crate) fn register() -> Result<ConfigMap> {
        Ok(serde_json::from_value(serde_json::json!({ "metadata": { "name": REGISTER } }))?)
    }

    /// Reads what it says until it says this.
    pub(crate) async fn says(&mut self, what: &str) -> Result<()> {
        let reading = async {
            loop {
                let line = self.lines.next_line().await?.context("it has ended")?;
                self.heed(&line);
                if line.starts_with(what) {
                    return Ok(());
                }
            }
        };
        timeout(PATIENCE, reading).await.with_context(|| format!("it does not say {what}"))?
    }

    /// Reads all that it says for so long.
    pub(crate) async fn talks(&mut self, time: Duration) -> Result<()> {
        let until = tokio::time::Instant::now() + time;
        while let Ok(line) = tokio::time::timeout_at(until, self.lines.next_line()).await {
            let line = line?.context("it has ended")?;
            self.heed(&line);
        }
        Ok(())
    }

    fn heed(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["wrote", version, term] => {
                if let (Ok(version), Ok(term)) = (version.parse(), term.parse()) {
                    self.wrote.push((version, term));
                }
            }
            ["refused", ..] => self.refused += 1,
            _ => {}
        }
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self.child.id().context("it has ended")?;
        Ok(kill(Pid::from_raw(i32::try_from(pid)?), signal)?)
    }
}

/// In the order in which the API server accepted them, terms never fell: no write of a former holder is there. A
/// write is its version, and its term.
pub(crate) fn no_stale_write(wrote: impl IntoIterator<Item = (u64, u64)>) -> Result<usize> {
    let mut writes: Vec<_> = wrote.into_iter().collect();
    writes.sort_unstable();
    for pair in writes.windows(2) {
        ensure!(pair[0].1 <= pair[1].1, "a stale write was accepted: {pair:?}");
    }
    Ok(writes.len())
}
