//! How does a program take a lock that speaks neither to Kubernetes nor through this crate? It asks the elector
//! beside it, over loopback: every ten seconds while it holds it, and when it is told that nobody does.

use std::io::{Error, Result, Write as _};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

const ELECTOR: &str = "localhost:13131";
const LOCK: &str = "/locks/example-sidecar";
const HEARTBEAT: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    // First of all: the first process of a container that does not ask for signals gets none.
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = work() => ended,
        // The elector ends after this program, and gives the lock back then.
        _ = terminate.recv() => Ok(()),
    }
}

async fn work() -> Result<()> {
    while put().await? != "200" {
        say("another has it")?;
        // Told when nobody has it; asked again, if not.
        timeout(HEARTBEAT, free()).await.ok();
    }
    say("holding it")?;
    while put().await? == "200" {
        sleep(HEARTBEAT).await;
    }
    Err(Error::other("lost: this program ends, and stops working by that"))
}

/// Takes the lock, or keeps it; the status.
async fn put() -> Result<String> {
    let mut answer = ask("PUT", LOCK).await?;
    let mut line = String::new();
    answer.read_line(&mut line).await?;
    Ok(line.split(' ').nth(1).unwrap_or_default().to_owned())
}

/// Until nobody has it.
async fn free() -> Result<()> {
    let mut lines = ask("GET", &format!("{LOCK}?watch")).await?.lines();
    while let Some(line) = lines.next_line().await? {
        if line.starts_with("data:") && line.contains("\"owner\":\"\"") {
            return Ok(());
        }
    }
    Ok(())
}

async fn ask(method: &str, path: &str) -> Result<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(ELECTOR).await?;
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: {ELECTOR}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    Ok(BufReader::new(stream))
}

fn say(what: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{what}")
}
