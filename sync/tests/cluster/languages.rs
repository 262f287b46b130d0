//! Do the examples in other languages work? Their programs as they are, each beside an elector of its own, before
//! Leases of the cluster: an image of Python or of Node is not to be had here, so they run as processes.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use metaparticle_testbed::{Space, figures, in_namespace};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, timeout};

use crate::QUIET;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/examples");
/// Who waits asks every ten seconds; a loaded machine takes a while to start a process.
const PATIENCE: Duration = Duration::from_secs(40);

/// A program, and the elector beside it.
struct Pod {
    elector: Child,
    program: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Pod {
    async fn start(space: &Space, example: &str, who: &str) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let listen = port.to_string();
        let elector = Command::new(env!("CARGO_BIN_EXE_elector"))
            .args(["--listen", &listen, "--namespace", space.name(), "--identity", who])
            .arg("--native-sidecar")
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let starts = async {
            let probe = ["--listen", &listen, "--probe"];
            while !Command::new(env!("CARGO_BIN_EXE_elector"))
                .args(probe)
                .stderr(Stdio::null())
                .status()
                .await?
                .success()
            {}
            anyhow::Ok(())
        };
        timeout(PATIENCE, starts).await.context("the elector does not become ready")??;
        let text = fs::read_to_string(Path::new(EXAMPLES).join(example))?;
        let text = text.replace("localhost:13131", &format!("localhost:{port}"));
        let mut program =
            if example.ends_with(".py") { Command::new("python3") } else { Command::new("node") };
        let by = if example.ends_with(".py") { "-c" } else { "-e" };
        let mut program =
            program.args([by, &text]).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let out = program.stdout.take().context("it is piped")?;
        Ok(Self { elector, program, lines: BufReader::new(out).lines() })
    }

    async fn says(&mut self, what: &str) -> Result<()> {
        let says = async {
            while self.lines.next_line().await?.context("it has ended")? != what {}
            anyhow::Ok(())
        };
        timeout(PATIENCE, says).await.with_context(|| format!("it does not say `{what}`"))?
    }

    /// Ends it as a pod with a native side-car ends: the program first.
    async fn end(mut self) -> Result<()> {
        for child in [&mut self.program, &mut self.elector] {
            let pid = i32::try_from(child.id().context("it has ended")?)?;
            kill(Pid::from_raw(pid), Signal::SIGTERM)?;
            timeout(PATIENCE, child.wait()).await.context("it does not end")??;
        }
        Ok(())
    }
}

/// One takes it, the other waits, and has it when the first has ended.
async fn take_turns(space: &Space, example: &str, (holds, waits): (&str, &str)) -> Result<()> {
    let mut one = Pod::start(space, example, &format!("one-{example}")).await?;
    one.says(holds).await?;
    let mut other = Pod::start(space, example, &format!("other-{example}")).await?;
    other.says(waits).await?;
    let ended = Instant::now();
    one.end().await?;
    other.says(holds).await?;
    let took = ended.elapsed();
    figures::tell(
        &format!("language-{example}"),
        &format!(
            "{example}: the other had it {took:.1?} after the first was ended (it asks every 10 s)"
        ),
    );
    ensure!(took < Duration::from_secs(15), "{took:?}");
    other.end().await
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn the_examples_in_python_and_javascript_take_turns() {
    let _quiet = QUIET.read().await;
    in_namespace("languages", async |space| {
        tokio::try_join!(
            take_turns(space, "lock/main.py", ("holding it", "another has it")),
            take_turns(space, "election/main.js", ("leading", "another leads")),
        )?;
        tokio::try_join!(
            take_turns(space, "lock/main.js", ("holding it", "another has it")),
            take_turns(space, "election/main.py", ("leading", "another leads")),
        )?;
        Ok(())
    })
    .await;
}
