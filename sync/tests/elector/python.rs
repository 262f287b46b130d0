//! Does the published Python client work unchanged? `metaparticle_sync` 0.2.0, with faults.
//!
//! It needs two things that stay here: on Python 3 its `from lock import Lock` finds nothing without a module of
//! that name, and its sleeps of ten seconds take one, on a clock that runs ten times as fast.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use metaparticle_sync::clock::Paused;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::world::{Elector, Shared};

const FASTER: f64 = 10.0;

const SHIM: &str = r#"
import sys, time, types
slept = time.sleep
time.sleep = lambda seconds: slept(seconds / 10)
package = types.ModuleType('lock')
sys.modules['lock'] = package
import importlib.util
spec = importlib.util.find_spec('metaparticle_sync')
lock = importlib.util.spec_from_file_location('metaparticle_sync_lock', spec.submodule_search_locations[0] + '/lock.py') if spec else None
module = importlib.util.module_from_spec(lock)
lock.loader.exec_module(module)
package.Lock = module.Lock
import metaparticle_sync
def say(what):
    print(what, flush=True)
"#;

/// The client, from its registry, once.
async fn client() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/python-client");
    if !folder.join("metaparticle_sync").is_dir() {
        let pip = Command::new("python3")
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--disable-pip-version-check",
                "--target",
            ])
            .arg(&folder)
            .args(["metaparticle_sync==0.2.0", "six==1.17.0"])
            .output()
            .await
            .expect("python3 runs");
        let said = String::from_utf8_lossy(&pip.stderr);
        assert!(pip.status.success(), "pip cannot install the client: {said}");
    }
    folder
}

struct Python {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Python {
    async fn run(folder: &Path, elector: &Elector, script: &str) -> Self {
        let base = format!("base = 'http://{}'\n", elector.address);
        let mut child = Command::new("python3")
            .args(["-c", &format!("{SHIM}{base}{script}")])
            .env("PYTHONPATH", folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("python3 runs");
        let out = child.stdout.take().expect("it is piped");
        Self { child, lines: BufReader::new(out).lines() }
    }

    async fn says(&mut self, what: &str) {
        let found = async {
            loop {
                let line = self.lines.next_line().await.expect("a line").expect("it goes on");
                if line.contains(what) {
                    return;
                }
            }
        };
        let found = timeout(Duration::from_secs(20), found).await;
        found.unwrap_or_else(|_| panic!("it does not say {what}"));
    }
}

const HOLDS: &str = "
lock = metaparticle_sync.Lock('it', base_uri=base, lock_callback=lambda: say('called'))
lock.acquire()
say('held')
while lock.maintainer is not None and lock.maintainer.is_alive():
    slept(0.05)
say('ended')
";

#[tokio::test]
async fn the_published_python_client_holds_waits_and_is_told_of_its_loss() {
    let folder = client().await;
    let shared = Shared::default();
    let clock = Paused::new(Duration::from_secs(1000), FASTER);
    let one = Elector::start(&shared, clock, "one", false).await;
    let other = Elector::start(&shared, clock, "other", false).await;

    let mut first = Python::run(&folder, &one, HOLDS).await;
    first.says("called").await;
    first.says("held").await;
    let mut tries = Python::run(
        &folder,
        &other,
        "
lock = metaparticle_sync.Lock('it', base_uri=base)
say(lock.acquire(False))
",
    )
    .await;
    tries.says("False").await;

    // An outage that is shorter than the promise: the client notices nothing.
    let second = Python::run(&folder, &other, HOLDS).await;
    shared.away.store(true, Relaxed);
    tokio::time::sleep(Duration::from_millis(900)).await;
    shared.away.store(false, Relaxed);
    let quiet = timeout(Duration::from_secs(3), first.says("Unexpected status")).await;
    assert!(quiet.is_err(), "it was told that it lost");

    // One that is longer: it is told, and ends as it always did; then the other holds it.
    shared.away.store(true, Relaxed);
    first.says("Unexpected status: 409").await;
    first.says("ended").await;
    shared.away.store(false, Relaxed);
    let mut second = second;
    second.says("held").await;
    first.child.kill().await.expect("it is there");

    // It is killed, and says nothing more: its lock is given back for it.
    second.child.kill().await.expect("it is there");
    let mut third = Python::run(&folder, &one, HOLDS).await;
    third.says("held").await;
}
