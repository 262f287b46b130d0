//! How many instructions does the gateway take for so many requests?

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// Under valgrind all takes fifty times as long.
const START_MOST: Duration = Duration::from_secs(60);
const ANSWER_MOST: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A gateway to be counted.
#[derive(Debug)]
pub(crate) struct Gateway<'g> {
    pub(crate) program: &'g Path,
    pub(crate) folder: &'g Path,
    pub(crate) name: &'g str,
    pub(crate) words: &'g str,
    pub(crate) origins: &'g [SocketAddr],
}

/// A program that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended; either way it is waited for.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Gateway<'_> {
    /// Its instructions from start to end, with `count` requests between.
    pub(crate) fn run(&self, count: u32) -> anyhow::Result<u64> {
        let file = |end: &str| self.folder.join(format!("{}.{end}", self.name));
        let said = file("log");
        std::fs::write(file("yaml"), self.config())?;
        let (address, admin) = (free()?, free()?);
        let mut command = Command::new("valgrind");
        command.arg("--tool=callgrind");
        command.arg(format!("--callgrind-out-file={}", file("callgrind").display()));
        command.arg(format!("--log-file={}", said.display())).arg(self.program);
        command.args(["serve", "--workers", "1", "--drain-delay", "1ms", "--config"]);
        command.arg(file("yaml")).args(["--listen", &address.to_string()]);
        command.args(["--admin", &admin.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().context("valgrind is not there: apt-get install valgrind")?;
        let mut running = Running(child);
        let mut client = connect(address, &mut running)?;
        for number in 0..count {
            ask(&mut client, number).with_context(|| format!("request {number} of {count}"))?;
        }
        drop(client);
        let id = running.0.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status()?;
        let status = running.0.wait()?;
        let text = std::fs::read_to_string(&said)?;
        if !status.success() {
            bail!("{} ended with {status}:\n{text}", self.program.display());
        }
        counted(&text).with_context(|| format!("valgrind counted nothing:\n{text}"))
    }

    fn config(&self) -> String {
        let replicas: String = self
            .origins
            .iter()
            .enumerate()
            .map(|(number, at)| format!("      - {{ name: origin-{number}, address: \"{at}\" }}\n"))
            .collect();
        let words = self.words;
        let service = format!("services:\n  origins:\n    {words}\n    replicas:\n{replicas}");
        service + "routes:\n  - { path: /, service: origins }\n"
    }
}

/// The number in valgrind's line `Collected : 12345`.
fn counted(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

/// An address that nobody listens at.
fn free() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn connect(address: SocketAddr, running: &mut Running) -> anyhow::Result<TcpStream> {
    let start = now();
    loop {
        if let Ok(stream) = TcpStream::connect(address) {
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(ANSWER_MOST))?;
            return Ok(stream);
        }
        if let Some(status) = running.0.try_wait()? {
            bail!("the gateway ended with {status} before it listened");
        }
        if start.elapsed() > START_MOST {
            bail!("the gateway does not listen at {address} after {START_MOST:?}");
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

#[allow(clippy::disallowed_methods, reason = "a bound on waiting for another process")]
fn now() -> Instant {
    Instant::now()
}

/// Asks as a browser's fetch would, and reads the answer whole.
fn ask(stream: &mut TcpStream, number: u32) -> anyhow::Result<()> {
    let user = number % 64;
    let asked = format!(
        "GET /users/{user}/cart?view=full HTTP/1.1\r\nHost: shop.example:8080\r\nUser-Agent: \
         counted/1.0\r\nAccept: */*\r\nx-user: user-{user}\r\n\r\n"
    );
    // In one write: what comes in pieces is read in pieces.
    stream.write_all(asked.as_bytes())?;
    let mut answer = Vec::new();
    let mut space = [0; 4096];
    loop {
        let came = stream.read(&mut space)?;
        if came == 0 {
            bail!("the gateway ended the connection");
        }
        answer.extend_from_slice(&space[..came]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        if !head.starts_with("HTTP/1.1 200 ") {
            bail!("it answered {text}");
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then_some(value)
        });
        let length: usize = length.context("no content-length")?.parse()?;
        if body.len() >= length {
            return Ok(());
        }
    }
}
