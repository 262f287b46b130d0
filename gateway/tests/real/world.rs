//! What runs while a test runs? The program under test, and the files that it reads.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

const PROGRAM: &str = env!("CARGO_BIN_EXE_metaparticle-gateway");
/// What has not happened by then will not happen. Generous: the machine may be busy.
const SOON: Duration = Duration::from_secs(30);

/// What `future` gives, which must not take long.
#[track_caller]
pub(crate) fn soon<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> {
    let place = std::panic::Location::caller();
    let future = Box::pin(tokio::time::timeout(SOON, future));
    async move {
        match future.await {
            Ok(output) => output,
            Err(_) => panic!("at {place}: {what} did not happen in {SOON:?}"),
        }
    }
}

/// A folder that is removed with the guard.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("real-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Puts `text` where `name` was, at once: whoever reads it sees all or nothing of it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let (path, new) = (self.path(name), self.path(&format!("{name}.new")));
        std::fs::write(&new, text).expect("a file in the test's folder");
        std::fs::rename(&new, &path).expect("a file of that name");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A file with one service, `web`, that has these `replicas` and answers everything.
pub(crate) fn web(words: &str, replicas: &[SocketAddr]) -> String {
    let replica = |(count, address)| format!("{{ name: web-{count}, address: {address} }}");
    let replicas: Vec<_> = replicas.iter().enumerate().map(replica).collect();
    let replicas = replicas.join(", ");
    let mut text = format!("services:\n  web:\n    replicas: [ {replicas} ]\n");
    for word in words.lines() {
        writeln!(text, "    {word}").expect("a string");
    }
    text + "routes: [ { path: /, service: web } ]\n"
}

/// The program, run to its end with these `arguments`.
pub(crate) async fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env_clear().stdin(Stdio::null()).kill_on_drop(true);
    soon("the program's end", command.output()).await.expect("a program that starts")
}

/// The gateway, running. It is killed with the guard.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    folder: Folder,
    log: UnboundedReceiver<Value>,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    /// Where it speaks TLS, if it does.
    pub(crate) secure: Option<SocketAddr>,
    _tasks: JoinSet<()>,
}

impl Gateway {
    /// Serves what `file` says.
    pub(crate) async fn serve(file: &str) -> Self {
        Self::serve_with(file, Folder::new(), &[]).await
    }

    /// Serves what `file` says, with more flags.
    pub(crate) async fn serve_with(file: &str, folder: Folder, flags: &[&str]) -> Self {
        let path = folder.write("gateway.yaml", file);
        let path = path.to_str().expect("a path that is text");
        let arguments = ["serve", "--config", path, "--workers", "2"];
        let local = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        let mut command = Command::new(PROGRAM);
        command.args(arguments).args(local).args(flags).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().expect("a program that starts");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let (sender, log) = unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut lines = lines;
            while let Ok(Some(line)) = lines.next_line().await {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let (address, admin) = (nowhere, nowhere);
        let mut gateway = Self { child, folder, log, address, admin, secure: None, _tasks: tasks };
        gateway.address = gateway.listens("requests").await;
        if flags.contains(&"--tls-listen") {
            gateway.secure = Some(gateway.listens("requests over TLS").await);
        }
        gateway.admin = gateway.listens("operators").await;
        gateway
    }

    async fn listens(&mut self, what: &str) -> SocketAddr {
        let line = self.says(&format!("listening for {what}")).await;
        let address = line["fields"]["address"].as_str();
        address.and_then(|text| text.parse().ok()).expect("an address in the line")
    }

    /// The next line of its log whose message has this in it.
    pub(crate) async fn says(&mut self, message: &str) -> Value {
        let mut heard = Vec::new();
        let what = format!("the log line `{message}`");
        let line = soon(&what, async {
            while let Some(line) = self.log.recv().await {
                if line["fields"]["message"].as_str().is_some_and(|text| text.contains(message)) {
                    return Some(line);
                }
                heard.push(line.to_string());
            }
            None
        });
        match line.await {
            Some(line) => line,
            None => panic!("it ended ({}) without `{message}`: {heard:#?}", self.exit().await),
        }
    }

    /// Changes its file, at once.
    pub(crate) fn edit(&self, file: &str) {
        self.folder.write("gateway.yaml", file);
    }

    /// The folder of its files.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("a program that runs")
    }

    /// The most memory that it has ever had, in bytes.
    pub(crate) fn memory_peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("a process that runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).map(str::trim);
        kib.and_then(|kib| kib.parse::<u64>().ok()).expect("a number of kB") << 10
    }

    /// Asks it to end.
    pub(crate) async fn terminate(&self) {
        signal(self.id(), "TERM").await;
    }

    /// Its exit.
    pub(crate) async fn exit(&mut self) -> ExitStatus {
        soon("the gateway's end", self.child.wait()).await.expect("a child")
    }
}

/// Sends signal `name` to process `id`.
pub(crate) async fn signal(id: u32, name: &str) {
    let kill = format!("kill -{name} {id}");
    let sent = Command::new("sh").args(["-c", &kill]).status().await.expect("a shell");
    assert!(sent.success(), "{kill}");
}

/// The demo, running.
#[derive(Debug)]
pub(crate) struct Demo {
    pub(crate) child: Child,
    /// What it told people.
    pub(crate) introduction: String,
}

impl Demo {
    pub(crate) async fn start() -> Self {
        Self::start_with("10ms").await
    }

    /// The demo, which goes on accepting for `drain_delay` when it ends.
    pub(crate) async fn start_with(drain_delay: &str) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        command.args(["--drain-delay", drain_delay]).env_clear().kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("a program that starts");
        let mut output = child.stdout.take().expect("a pipe");
        let mut told = Vec::new();
        soon("the demo's introduction", async {
            while !String::from_utf8_lossy(&told).contains("Ctrl-C ends all of it.") {
                let read = output.read_buf(&mut told).await.expect("a pipe");
                assert!(read > 0, "it ended: {}", String::from_utf8_lossy(&told));
            }
        })
        .await;
        child.stdout = Some(output);
        Self { child, introduction: String::from_utf8(told).expect("text") }
    }
}
