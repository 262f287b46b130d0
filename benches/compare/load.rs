//! Who asks, as fast as answers come? wrk, and h2load where it is HTTP/2: programs that everybody
//! knows. They only make the load: what was answered is counted by the replicas.

pub(crate) mod open;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::origin::Origins;
use crate::process::Folder;
use crate::works::{Door, Pattern, Work};

const USERS: &str = include_str!("load/users.lua");

/// How long a load runs, once it has reached all connections, before it is measured.
pub(crate) const WARM: Duration = Duration::from_millis(250);
/// How long h2load, which cannot be told to end, takes longer than that.
const SLACK: Duration = Duration::from_millis(300);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// wrk ends when it is told to; if it is not told, then so.
const AT_MOST: &str = "90s";
const PATIENCE: Duration = Duration::from_secs(10);

/// How a work is asked for.
#[derive(Debug)]
pub(crate) struct Load<'a> {
    work: &'a Work,
    script: Option<(PathBuf, &'static str)>,
    _folder: Folder,
}

impl<'a> Load<'a> {
    pub(crate) fn new(work: &'a Work) -> anyhow::Result<Self> {
        let folder = Folder::new(&format!("{}-load", work.name))?;
        let script = match work.pattern {
            Pattern::ByHeader => Some((folder.write("users.lua", USERS)?, "header")),
            Pattern::ByPath => Some((folder.write("users.lua", USERS)?, "path")),
            Pattern::Spread | Pattern::Scatter(_) => None,
        };
        Ok(Self { work, script, _folder: folder })
    }

    /// Starts to ask `address`, for long enough to be measured for `window`.
    pub(crate) fn start(&self, address: SocketAddr, window: Duration) -> anyhow::Result<Running> {
        let connections = self.work.connections.to_string();
        let http2 = self.work.door == Door::Http2;
        let mut command = Command::new(if http2 { "h2load" } else { "wrk" });
        if http2 {
            let duration = (WARM + window + SLACK).as_millis();
            command.args(["-t1", "-c", &connections, "-m4", "-D", &format!("{duration}ms")]);
        } else {
            command.args(["-t1", "-c", &connections, "-d", AT_MOST, "--timeout", "10s"]);
        }
        if let Some((script, _)) = &self.script {
            command.arg("-s").arg(script);
        }
        let scheme = if self.work.door == Door::Tls { "https" } else { "http" };
        command.arg(format!("{scheme}://{address}/"));
        if let Some((_, how)) = &self.script {
            command.args(["--", how]);
        }
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.kill_on_drop(true).spawn();
        let child = child.context("cannot start the load: apt-get install wrk nghttp2-client")?;
        Ok(Running { child, http2 })
    }
}

/// A load that runs; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    http2: bool,
}

impl Running {
    /// Waits until as many were answered as there are connections, and then some time more.
    pub(crate) async fn warm(&self, work: &Work, origins: &Origins) -> anyhow::Result<()> {
        let all = origins.answered() + (work.connections * work.leaves()) as u64;
        let answers = async {
            while origins.answered() < all {
                sleep(LOOK_EVERY).await;
            }
        };
        timeout(PATIENCE, answers).await.context("under load it hardly answers")?;
        sleep(WARM).await;
        Ok(())
    }

    /// Ends it. A request that failed is an error: it would have cost too little.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        if !self.http2 {
            let id = self.child.id().context("wrk has ended before it was told to")?;
            kill(Pid::from_raw(i32::try_from(id)?), Signal::SIGINT)?;
        }
        let output = timeout(PATIENCE, self.child.wait_with_output()).await;
        let output = output.context("the load does not end")??;
        let said = String::from_utf8_lossy(&output.stdout);
        let wrong = if self.http2 {
            !said.contains(" 0 failed, 0 errored, 0 timeout")
                || !said.contains(" 0 3xx, 0 4xx, 0 5xx")
        } else {
            said.contains("Non-2xx")
                || said.contains("Socket errors")
                || !said.contains("Requests/sec")
        };
        let trouble = String::from_utf8_lossy(&output.stderr);
        ensure!(!wrong, "requests failed: {} {}", said.trim(), trouble.trim());
        Ok(())
    }
}
