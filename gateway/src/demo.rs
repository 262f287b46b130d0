//! What is there to try without a cluster? Real replicas of three services, in this process, on
//! loopback ports that the system chooses; and the file that declares them, as a user would write it.

mod leaf;
mod server;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::file;
use crate::model::World;
use crate::tasks::Tasks;

use self::leaf::{Kind, Leaf};

/// The services, how many replicas each has, and what they are for.
const SERVICES: [(Kind, usize, &str); 3] = [
    (Kind::Spread, 3, "any replica will do"),
    (Kind::Users, 5, "each user has a shard"),
    (Kind::Samples, 10, "every shard has a part of the answer"),
];

/// What the services ask for, in the words of the file.
fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Spread => "    pattern: spread\n",
        Kind::Users => {
            "    pattern: shard\n    shard-key: path:^/shard/users/([^/]+)\n    \
             shard-missing-key: reject\n"
        }
        Kind::Samples => "    pattern: scatter\n    scatter-timeout: 2s\n",
    }
}

const ROUTES: &str = "\
routes:
  - { path: /spread, service: spread }
  - { path: /shard/users, service: users }
  - { path: /scatter/samples, service: samples, scatter-merge: \"concat:/n\" }
  - { path: /scatter/who, service: samples, scatter-merge: map }
  - { path: /scatter/lines, service: samples, scatter-merge: ndjson }
  - { path: /scatter/first, service: samples, scatter-merge: first, scatter-require: any }
  # samples-7 fails at these two: one answer says what it lacks, the other is refused.
  - { path: /scatter/partial, service: samples, scatter-merge: \"concat:/n\", scatter-require: 80% }
  - { path: /scatter/strict, service: samples, scatter-merge: \"concat:/n\", scatter-require: all }
";

const TRIES: [(&str, &str); 9] = [
    ("/spread", "one of three replicas; ask again, and another one answers"),
    ("/shard/users/alice", "alice's shard, always the same"),
    ("/shard/users/bob", "bob's shard; see who owns whom in the dashboard"),
    ("/scatter/samples", "ten shards asked at once, their numbers in one list of 1000"),
    ("/scatter/who", "what each of ten shards said, by its name"),
    ("/scatter/lines", "lines, passed on as the shards speak them"),
    ("/scatter/first", "the fastest of ten; the others are cancelled"),
    ("/scatter/partial", "samples-7 fails: 900 numbers, and a header that says who is missing"),
    ("/scatter/strict", "samples-7 fails, and all are required: a refusal that says who and why"),
];

/// The demo, running.
#[derive(Debug)]
pub struct Demo {
    /// What is there: what `config` says.
    pub world: World,
    /// The file that declares it.
    pub config: String,
    /// What runs where: a short table.
    pub text: String,
    /// What to ask for, and what it shows.
    pub tries: Vec<(String, String)>,
}

/// Starts the replicas; they answer until `tasks` are aborted.
///
/// # Errors
/// When there is no port to be had.
pub async fn start(tasks: &Tasks) -> std::io::Result<Demo> {
    let mut config = "services:\n".to_owned();
    let mut text = String::new();
    for (kind, count, about) in SERVICES {
        let name = kind.name();
        let mut listeners = Vec::new();
        for _ in 0..count {
            listeners.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?);
        }
        let addresses = listeners.iter().map(TcpListener::local_addr);
        let addresses: Vec<_> = addresses.collect::<Result<_, _>>()?;
        for (place, listener) in listeners.into_iter().enumerate() {
            let leaf = Arc::new(Leaf { kind, place });
            tasks.spawn(server::serve(leaf, listener, tasks.clone()));
        }
        declare(&mut config, kind, &addresses);
        let ports: Vec<_> = addresses.iter().map(|address| address.port().to_string()).collect();
        let last = count - 1;
        let ports = ports.join(" ");
        write(&mut text, format_args!("{name:8} {name}-0..{last}  {about}\n         {ports}\n"));
    }
    config.push_str(ROUTES);
    let world = file::read(&config).map_err(|mistakes| {
        // The file is ours: this is told by the tests, not to users.
        std::io::Error::other(file::render("demo", &mistakes))
    })?;
    let tries = TRIES.map(|(path, shows)| (path.to_owned(), shows.to_owned()));
    Ok(Demo { world, config, text, tries: tries.into() })
}

fn declare(config: &mut String, kind: Kind, addresses: &[SocketAddr]) {
    let name = kind.name();
    write(config, format_args!("  {name}:\n{}    replicas:\n", words(kind)));
    for (place, address) in addresses.iter().enumerate() {
        let line = format_args!("      - {{ name: {name}-{place}, address: {address} }}\n");
        write(config, line);
    }
}

fn write(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a String takes all");
}
