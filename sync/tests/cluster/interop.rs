//! Do a program in Go, with client-go, and one of ours contend for the same Lease? Both lead, never together.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use metaparticle_testbed::{figures, in_namespace};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::sleep;

use crate::QUIET;
use crate::contender::{LOCK, process};

/// How often each leads.
const TURNS: usize = 5;

/// Builds the program in Go.
async fn built() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = Command::new(here.join("../deploy/devcluster/go.sh")).output().await?;
    let go = String::from_utf8(found.stdout)?;
    let out = here.join("../target/tools/client-go");
    let mut build = Command::new(go.trim());
    build
        .args(["build", "-trimpath", "-o"])
        .arg(&out)
        .arg(".")
        .current_dir(here.join("tests/interop"));
    let built = build.env("CGO_ENABLED", "0").env("GOTOOLCHAIN", "local").output().await?;
    ensure!(built.status.success(), "go: {}", String::from_utf8_lossy(&built.stderr));
    Ok(out)
}

#[expect(
    clippy::disallowed_methods,
    reason = "two processes of one machine are compared, by its one clock"
)]
fn micros() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros()
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn client_go_and_we_take_turns_and_never_lead_together() {
    let _quiet = QUIET.read().await;
    let program = built().await.expect("the program in Go builds");
    in_namespace("interop", async |space| {
        let sync = process(space.name()).await?;
        let mut go = Command::new(&program)
            .args([space.name(), LOCK])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(go.stdout.take().context("it is piped")?).lines();
        let ours = async {
            let mut led = Vec::new();
            for _ in 0..TURNS {
                let held = sync.lock(LOCK).acquire().await?;
                let begun = micros();
                sleep(Duration::from_secs(1)).await;
                held.check()?;
                led.push((begun, micros(), "ours"));
                held.release().await?;
                // client-go asks every second or so, and does not hear.
                sleep(Duration::from_secs(2)).await;
            }
            anyhow::Ok(led)
        };
        let theirs = async {
            let (mut led, mut begun) = (Vec::new(), 0);
            while led.len() < TURNS {
                let line = lines.next_line().await?.context("it has ended")?;
                let (what, at) = line.split_once(' ').context("no time")?;
                match what {
                    "leads" => begun = at.parse()?,
                    _ => led.push((begun, at.parse()?, "client-go")),
                }
            }
            anyhow::Ok(led)
        };
        let both = async { tokio::try_join!(ours, theirs) };
        let (ours, theirs) = tokio::time::timeout(Duration::from_secs(120), both).await??;
        let mut led = [ours, theirs].concat();
        led.sort_unstable();
        for pair in led.windows(2) {
            ensure!(pair[0].1 <= pair[1].0, "they lead together: {pair:?}");
        }
        let changes = led.windows(2).filter(|pair| pair[0].2 != pair[1].2).count();
        figures::tell(
            "interop",
            &format!("client-go and we: {TURNS} turns each, {changes} hand-overs, no overlap"),
        );
        ensure!(changes >= 2, "one waited until the other had done: {led:?}");
        Ok(())
    })
    .await;
}
