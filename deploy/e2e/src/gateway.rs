//! How does a test get a gateway? A process of this machine that looks at the test's namespace alone.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use metaparticle_testbed::{Space, program};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use crate::Asker;

/// How long it may take to see the cluster.
const PATIENCE: Duration = Duration::from_secs(30);

/// A gateway; it ends with the value.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    /// Where it takes requests.
    pub address: SocketAddr,
    /// Where it takes requests over TLS.
    pub tls: SocketAddr,
    /// Where operators look.
    pub admin: SocketAddr,
}

impl Gateway {
    /// Starts one, and waits until it has seen the cluster.
    ///
    /// # Errors
    ///
    /// When it does not build, start, or see the cluster.
    pub async fn start(space: &Space) -> Result<Self> {
        let program = program::released("metaparticle-gateway", "metaparticle-gateway").await?;
        let mut child = Command::new(program)
            .args(["serve", "--kubernetes", "--namespace", space.name(), "--workers", "1"])
            .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .args(["--tls-listen", "127.0.0.1:0"])
            .args(["--publish-address", "192.0.2.1", "--drain-delay", "0s"])
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let log = BufReader::new(child.stderr.take().context("no log")?).lines();
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut gateway = Self { child, log, address: nowhere, tls: nowhere, admin: nowhere };
        gateway.address = gateway.listens("requests").await?;
        gateway.tls = gateway.listens("requests over TLS").await?;
        gateway.admin = gateway.listens("operators").await?;
        gateway.says("the cluster is seen").await?;
        Ok(gateway)
    }

    async fn listens(&mut self, what: &str) -> Result<SocketAddr> {
        let line = self.says(&format!("listening for {what}\"")).await?;
        let address = line["fields"]["address"].as_str().context("no address")?;
        Ok(address.parse()?)
    }

    /// The next line of its log with this in it.
    ///
    /// # Errors
    ///
    /// When it says no such thing in half a minute.
    pub async fn says(&mut self, message: &str) -> Result<Value> {
        let mut heard = Vec::new();
        let hearing = async {
            while let Some(line) = self.log.next_line().await? {
                if line.contains(message) {
                    return Ok(serde_json::from_str(&line)?);
                }
                heard.push(line);
            }
            bail!("it ended")
        };
        let outcome = timeout(PATIENCE, hearing).await;
        match outcome {
            Ok(Ok(line)) => Ok(line),
            Ok(Err(error)) => Err(error).context(heard.join("\n")),
            Err(_) => bail!("the gateway does not say `{message}`, but {}", heard.join("\n")),
        }
    }

    /// Somebody who asks it.
    #[must_use]
    pub fn asker(&self) -> Asker {
        Asker::new(self.address)
    }

    /// What operators see.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub async fn snapshot(&self) -> Result<Value> {
        let answer = Asker::new(self.admin).get("localhost", "/snapshot").await?;
        Ok(serde_json::from_str(&answer.body)?)
    }

    /// The memory that it has in use, in bytes: what is its own, not what it shares with its file.
    ///
    /// # Errors
    ///
    /// When it has ended.
    pub fn memory(&self) -> Result<u64> {
        let id = self.child.id().context("it has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).context("no RssAnon")?;
        Ok(kib.parse::<u64>()? * 1024)
    }
}
