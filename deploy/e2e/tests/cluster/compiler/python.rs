//! Does the published Python library work unchanged? `metaparticle_pkg` 0.6.6: replicas, shards and jobs, of programs
//! in Python that package and deploy themselves. What stands in for Docker is beside this, and builds with us.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use metaparticle_e2e::{Asker, Desk, Gateway, world};
use metaparticle_testbed::{Space, in_namespace, program};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::QUIET;

/// What answers with its name, as the library's own examples do.
const SERVER: &str = r#"
import http.server, json, socket

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = json.dumps({"replica": socket.gethostname(), "path": self.path}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

def work():
    print("serving", flush=True)
    http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"#;

const JOB: &str = r#"
import os

def work():
    print("done", os.environ["JOB_COMPLETION_INDEX"], "<&>", flush=True)
"#;

/// The library, from its registry, once.
async fn library() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/python-package");
    if !folder.join("metaparticle_pkg").is_dir() {
        let pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"];
        let output = Command::new("python3")
            .args(pip)
            .arg("--target")
            .arg(&folder)
            .arg("metaparticle_pkg==0.6.6")
            .output()
            .await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "pip cannot install the library: {said}");
    }
    Ok(folder)
}

/// A program in Python that has begun to deploy itself.
struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    async fn start(space: &Space, desk: &Desk, work: &str, runtime: &str) -> Result<Self> {
        let repository = format!("127.0.0.1:5000/{}", space.name());
        let text = format!(
            "from metaparticle_pkg import Containerize\n{work}\n\
             package = {{'repository': '{repository}', 'name': 'py', 'publish': True}}\n\
             runtime = {{'executor': 'metaparticle', {runtime}}}\n\
             Containerize(package=package, runtime=runtime)(work)()\n"
        );
        fs::write(desk.folder.join("main.py"), text)?;
        let docker = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/compiler");
        let modules = std::env::join_paths([library().await?, docker])?;
        let mut child = desk
            .command("python3")
            .arg("main.py")
            .env("PYTHONPATH", modules)
            .env("STAND_IN", env!("CARGO_BIN_EXE_stand-in"))
            .stdout(Stdio::piped())
            .spawn()?;
        let lines = BufReader::new(child.stdout.take().context("a pipe")?).lines();
        Ok(Self { child, lines })
    }

    /// Waits for a line with this in it, and gives it.
    async fn says(&mut self, what: &str) -> Result<String> {
        let found = async {
            while let Some(line) = self.lines.next_line().await? {
                if line.contains(what) {
                    return Ok(line);
                }
            }
            anyhow::bail!("it ended without `{what}`")
        };
        timeout(Duration::from_secs(120), found).await.with_context(|| format!("no `{what}`"))?
    }

    /// As somebody at a terminal ends it.
    async fn interrupt(mut self) -> Result<()> {
        let id = self.child.id().context("it has ended")?.to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().await?;
        ensure!(sent.success(), "it cannot be interrupted");
        let ended = timeout(Duration::from_secs(90), self.child.wait()).await??;
        ensure!(ended.success(), "{ended}");
        Ok(())
    }
}

async fn desk(space: &Space) -> Result<Desk> {
    Desk::new(space, &program::built("mp-compiler").await?)
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn replicas_answer_are_heard_and_go_when_the_program_is_interrupted() {
    let _quiet = QUIET.read().await;
    in_namespace("python-replicas", async |space| {
        let runtime = "'replicas': 2, 'ports': [8080], 'public': True";
        let desk = desk(space).await?;
        let mut program = Program::start(space, &desk, SERVER, runtime).await?;
        // It deploys, waits until all are ready, and shows what they say.
        let line = program.says("serving").await?;
        ensure!(line.starts_with("py-") && line.contains(":py-0 serving"), "{line}");
        let gateway = Gateway::start(space).await?;
        world::known(&gateway, &format!("{}/py:8080", space.name()), 2).await?;
        let answer = gateway.asker().get("py", "/").await?;
        let replica = answer.replica().unwrap_or_default();
        ensure!(replica.starts_with("py-"), "{answer:?}");
        program.interrupt().await?;
        let left = space.api::<Deployment>().list(&Default::default()).await?.items.len();
        ensure!(left == 0, "{left} deployments are left");
        Ok(())
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn shards_are_found_by_the_pattern() {
    let _quiet = QUIET.read().await;
    in_namespace("python-shards", async |space| {
        let runtime = "'shardSpec': {'shards': 3, 'shardExpression': '^/users/([^/]*)/.*'}, \
                       'ports': [8080], 'public': True";
        let desk = desk(space).await?;
        let mut program = Program::start(space, &desk, SERVER, runtime).await?;
        program.says("serving").await?;
        let gateway = Gateway::start(space).await?;
        world::known(&gateway, &format!("{}/py:8080", space.name()), 3).await?;
        let mut asker: Asker = gateway.asker();
        for user in ["jim", "jane", "alice", "bob"] {
            let mut owners = Vec::new();
            for page in ["a", "b", "c/d"] {
                let answer = asker.get("py-sharder", &format!("/users/{user}/{page}")).await?;
                owners.push(answer.replica().with_context(|| format!("{answer:?}"))?);
            }
            owners.dedup();
            ensure!(owners.len() == 1, "{user} is at {owners:?}");
        }
        program.interrupt().await
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a cluster: `make test` starts one"]
async fn a_job_ends_with_its_lines_and_so_does_the_program() {
    let _quiet = QUIET.read().await;
    in_namespace("python-job", async |space| {
        let desk = desk(space).await?;
        let mut program = Program::start(space, &desk, JOB, "'jobSpec': {'iterations': 3}").await?;
        let mut said = Vec::new();
        let ended = timeout(Duration::from_secs(180), async {
            while let Some(line) = program.lines.next_line().await? {
                said.extend(line.split_once(' ').map(|(_, text)| text.to_owned()));
            }
            anyhow::Ok(program.child.wait().await?)
        });
        let ended = ended.await??;
        said.sort();
        ensure!(ended.success(), "{ended}");
        ensure!(said == ["done 0 <&>", "done 1 <&>", "done 2 <&>"], "{said:?}");
        let pods = space.api::<Pod>().list(&Default::default()).await?.items.len();
        ensure!(pods == 3, "{pods} pods");
        Ok(())
    })
    .await;
}
