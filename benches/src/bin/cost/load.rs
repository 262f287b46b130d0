//! Are the answers right, and how many can be had? Asked by hand first, then by wrk.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::contestant::Contestant;
use crate::process::Folder;
use crate::{Settings, Work};

/// Asks for a thousand users in turn, with requests that are made before they are needed.
const USERS: &str = "\
local requests, turn = {}, 0
function init(args)
  for user = 1, 1000 do
    requests[user] = wrk.format('GET', '/', { ['x-user'] = 'user-' .. user })
  end
end
function request()
  turn = turn % 1000 + 1
  return requests[turn]
end
";

pub(crate) fn is_installed() -> bool {
    Command::new("wrk").arg("--version").output().is_ok()
}

/// The load of one work.
pub(crate) struct Load {
    script: Option<PathBuf>,
    connections: usize,
}

/// What came of a load.
pub(crate) struct Loaded {
    pub(crate) requests: f64,
    pub(crate) per_second: f64,
}

impl Load {
    pub(crate) fn new(folder: &Folder, work: Work, settings: &Settings) -> anyhow::Result<Self> {
        let script = match work {
            Work::Shard => Some(folder.write("users.lua", USERS)?),
            Work::Spread | Work::Scatter => None,
        };
        Ok(Self { script, connections: settings.connections })
    }

    /// Loads `address` for `seconds`. A request that fails is an error: it would cost too little.
    pub(crate) fn run(&self, address: SocketAddr, seconds: u64) -> anyhow::Result<Loaded> {
        let mut command = Command::new("wrk");
        command.args(["-t1", &format!("-c{}", self.connections), &format!("-d{seconds}s")]);
        if let Some(script) = &self.script {
            command.arg("-s").arg(script);
        }
        let output = command.arg(format!("http://{address}/")).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let wrong = ["Non-2xx", "Socket errors"].iter().any(|words| said.contains(words));
        ensure!(output.status.success() && !wrong, "wrk says:\n{said}");
        let (requests, per_second) = read(&said).with_context(|| format!("wrk says:\n{said}"))?;
        Ok(Loaded { requests, per_second })
    }
}

/// `N requests in 5.00s, …` and `Requests/sec: N`.
fn read(said: &str) -> Option<(f64, f64)> {
    let line = said.lines().find(|line| line.contains(" requests in "))?;
    let requests = line.split_ascii_whitespace().next()?.parse().ok()?;
    let rate = said.lines().find_map(|line| line.strip_prefix("Requests/sec:"))?;
    Some((requests, rate.trim().parse().ok()?))
}

/// Checks that `contestant` does `work`.
pub(crate) fn check(contestant: &Contestant, work: Work) -> anyhow::Result<()> {
    let mut origins = BTreeSet::new();
    for number in 0..32 {
        let user = format!("user-{number}");
        let answer = Answer::get(contestant.address, &user)?;
        ensure!(answer.head.starts_with("http/1.1 200"), "it answered {}", answer.head);
        match work {
            Work::Scatter => is_of_all(&answer.body)?,
            Work::Spread | Work::Shard => {
                ensure!(answer.body.bytes().all(|byte| byte == b'x'), "not an origin's answer");
            }
        }
        if work == Work::Shard {
            let again = Answer::get(contestant.address, &user)?;
            ensure!(again.origin() == answer.origin(), "{user} has two owners");
        }
        origins.insert(answer.origin());
    }
    if work != Work::Scatter && origins.len() != 4 {
        bail!("of four origins {} answered", origins.len());
    }
    Ok(())
}

/// Whether this is one array: four times the same one, end to end.
fn is_of_all(body: &str) -> anyhow::Result<()> {
    let Value::Array(all) = serde_json::from_str(body)? else { bail!("not an array: {body}") };
    let quarter = all.len() / 4;
    let same = quarter > 0 && all.chunks(quarter).all(|chunk| chunk == &all[..quarter]);
    ensure!(same && all.len() % 4 == 0, "not four times an origin's array: {body}");
    Ok(())
}

struct Answer {
    head: String,
    body: String,
}

impl Answer {
    fn get(address: SocketAddr, user: &str) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        let head = format!("GET / HTTP/1.1\r\nHost: {address}\r\nX-User: {user}\r\n");
        stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (head, body) = text.split_once("\r\n\r\n").context("an answer without an end")?;
        Ok(Self { head: head.to_ascii_lowercase(), body: body.to_owned() })
    }

    fn origin(&self) -> Option<String> {
        self.head.lines().find_map(|line| line.strip_prefix("x-origin:")).map(str::to_owned)
    }
}
