//! Who owns this key, and who is next? What the ring says, beside what is known of the replicas.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use crate::ring;
use crate::snapshot::{Replica, Service, Shard, Snapshot};
use crate::words::{Algorithm, OwnerDown, Pattern, suggestion};

/// Who owns a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The service asked about.
    pub service: String,
    /// Its pattern, where a route says nothing else: only `shard` asks who owns a key.
    pub pattern: String,
    /// The key.
    pub key: String,
    /// Which function says who owns it.
    pub algorithm: String,
    /// The key's hash, in hexadecimal; none where the function has a hash of its own.
    pub hash: Option<String>,
    /// How many shards there are.
    pub shards: usize,
    /// The shard that owns the key; none where there are no shards.
    pub owner: Option<String>,
    /// The shard that a request would go to now; none where it would be refused. A bound on load
    /// may send it further along.
    pub serves: Option<String>,
    /// The owner, then who owns the key once those before are gone.
    pub candidates: Vec<Candidate>,
}

/// A shard that may come to own a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Its name.
    pub shard: String,
    /// The replicas that serve it.
    pub replicas: Vec<Known>,
}

/// What is known of a replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether it wants requests.
    pub ready: bool,
    /// Whether it is left alone for a while, because it failed too often.
    pub ejected: bool,
}

/// There is no such service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no service is called `{service}`: {known}")]
pub struct Unknown {
    /// The name asked for.
    pub service: String,
    /// What there is instead, for people.
    pub known: String,
}

/// Who owns `key` of `service` in this picture, the first `most` candidates, and how their replicas
/// are at `now`. Who has no clock says zero: nobody is left alone at the start.
///
/// # Errors
/// When there is no such service.
pub fn explain(
    snapshot: &Snapshot,
    service: &str,
    key: &str,
    most: usize,
    now: Duration,
) -> Result<Explanation, Unknown> {
    let Some(found) = snapshot.service(service) else {
        return Err(unknown(snapshot, service));
    };
    let ranked = || found.ring.candidates(key.as_bytes()).map(|shard| found.shard(shard));
    let served = served(found);
    let told = found.ring.candidates(key.as_bytes()).take(most);
    let candidates = told.map(|shard| Candidate {
        shard: found.shard(shard).name.to_string(),
        replicas: served[shard.place()].iter().map(|replica| known(replica, now)).collect(),
    });
    let candidates = candidates.collect();
    let algorithm = found.policy.algorithm;
    let own_hash = algorithm == Algorithm::MetaparticleV1;
    Ok(Explanation {
        service: service.to_owned(),
        pattern: found.policy.pattern.to_string(),
        key: key.to_owned(),
        algorithm: algorithm.to_string(),
        hash: (!own_hash).then(|| format!("{:016x}", ring::hash(key.as_bytes()))),
        shards: found.shards.len(),
        owner: ranked().next().map(|shard| shard.name.to_string()),
        serves: serves(found, ranked, now).map(|shard| shard.name.to_string()),
        candidates,
    })
}

fn unknown(snapshot: &Snapshot, service: &str) -> Unknown {
    let names: Vec<_> = snapshot.services.iter().map(|one| one.name.as_str()).collect();
    let known = match names.as_slice() {
        [] => "there is none at all".to_owned(),
        _ => suggestion(service, names.iter().copied()),
    };
    Unknown { service: service.to_owned(), known }
}

/// The replicas of each shard, in shard order: ready or not.
fn served(service: &Service) -> Vec<Vec<&Replica>> {
    let mut served = vec![Vec::new(); service.shards.len()];
    for replica in &service.replicas {
        if let Some(shard) = replica.shard {
            served[shard.place()].push(&**replica);
        }
    }
    served
}

fn known(replica: &Replica, now: Duration) -> Known {
    Known {
        name: replica.name.to_string(),
        address: replica.address,
        ready: replica.ready,
        ejected: replica.live.is_ejected(now),
    }
}

/// The shard where a request would go: the first with a healthy replica, or else a ready one.
fn serves<'s, I: Iterator<Item = &'s Shard>>(
    service: &Service,
    ranked: impl Fn() -> I,
    now: Duration,
) -> Option<&'s Shard> {
    let ready = |shard: &&Shard| !shard.ready.is_empty();
    let healthy = |shard: &&Shard| {
        let mut ready = shard.ready.iter().map(|place| &service.replicas[*place as usize]);
        ready.any(|replica| !replica.live.is_ejected(now))
    };
    match service.policy.owner_down {
        OwnerDown::Failover => ranked().find(healthy).or_else(|| ranked().find(ready)),
        OwnerDown::Wait(_) | OwnerDown::Fail => ranked().next().filter(ready),
    }
}

impl fmt::Display for Explanation {
    /// For a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, pattern, key, algorithm, hash, shards, owner, serves, candidates } =
            self;
        writeln!(f, "key      {}", key.escape_debug())?;
        if let Some(hash) = hash {
            writeln!(f, "hash     {hash}")?;
        }
        writeln!(f, "service  {service} ({shards} shards, {algorithm})")?;
        let Some(owner) = owner else {
            return writeln!(f, "owner    nobody: the service has no shards");
        };
        writeln!(f, "owner    {owner}")?;
        match serves {
            Some(serves) if serves == owner => {}
            Some(serves) => {
                writeln!(f, "now at   {serves}, because the owner has no healthy replica")?
            }
            None => writeln!(f, "now at   nobody: the owner has no ready replica")?,
        }
        let wide = candidates.iter().map(|one| one.shard.chars().count()).max().unwrap_or_default();
        for (place, Candidate { shard, replicas }) in (1..).zip(candidates) {
            let replicas: Vec<_> = replicas.iter().map(Known::to_string).collect();
            let replicas =
                if replicas.is_empty() { "no replica".into() } else { replicas.join("; ") };
            writeln!(f, "{place:>7}. {shard:wide$}  {replicas}")?;
        }
        let left = shards - candidates.len();
        if left > 0 {
            writeln!(f, "         and {left} more")?;
        }
        if *pattern != Pattern::Shard.to_string() {
            let but = "keys have owners only where a route says `pattern: shard`";
            writeln!(f, "The pattern of this service is `{pattern}`: {but}.")?;
        }
        Ok(())
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, address, ready, ejected } = self;
        let state = match (ready, ejected) {
            (false, _) => "not ready",
            (true, true) => "left alone for a while: it failed too often",
            (true, false) => "ready",
        };
        // In a file a replica without a name is called after its address.
        let address = address.to_string();
        if *name == address {
            write!(f, "{address} ({state})")
        } else {
            write!(f, "{name} at {address} ({state})")
        }
    }
}
