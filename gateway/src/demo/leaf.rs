//! What does a replica of the demo say? What its path asks for, in its own name.

use std::time::Duration;

use serde_json::{Value, json};

/// Which service a replica belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Replicas that are all alike.
    Spread,
    /// Shards that own users.
    Users,
    /// Shards that have a part each.
    Samples,
}

impl Kind {
    /// The service's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Spread => "spread",
            Self::Users => "users",
            Self::Samples => "samples",
        }
    }
}

/// Numbers that each of the samples has.
const NUMBERS: usize = 100;
/// The one of the samples that fails where a failure is to be shown.
const FAILS: usize = 7;

/// One replica.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) kind: Kind,
    pub(super) place: usize,
}

/// What it says, and how long it thinks first.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: String,
    pub(super) after: Duration,
}

impl Leaf {
    /// Its name.
    pub(super) fn name(&self) -> String {
        format!("{}-{}", self.kind.name(), self.place)
    }

    /// Its answer to a request for `path`; `chance` decides how slow it is where that is to be shown.
    pub(super) fn say(&self, path: &str, chance: u64) -> Said {
        let name = self.name();
        match (self.kind, path) {
            (Kind::Spread, _) => said(&json!({"replica": name, "path": path})),
            (Kind::Users, _) => {
                let user = path.strip_prefix("/shard/users/").unwrap_or_default();
                let user = user.split('/').next();
                said(&json!({"shard": name, "user": user}))
            }
            (Kind::Samples, "/scatter/samples") => said(&json!({"n": self.numbers()})),
            (Kind::Samples, "/scatter/partial" | "/scatter/strict") if self.place == FAILS => {
                Said { status: 500, ..said(&json!({"error": "this one fails, to show what then"})) }
            }
            (Kind::Samples, "/scatter/partial" | "/scatter/strict") => {
                said(&json!({"n": self.numbers()}))
            }
            (Kind::Samples, "/scatter/lines") => self.lines(),
            (Kind::Samples, "/scatter/first") => {
                let millis = 5 + chance % 45;
                let after = Duration::from_millis(millis);
                Said { after, ..said(&json!({"shard": name, "took_ms": millis})) }
            }
            (Kind::Samples, _) => said(&json!({"shard": name})),
        }
    }

    /// The same in every run: a replica's data does not change when it is started again.
    fn numbers(&self) -> Vec<u32> {
        let mut chance = fastrand::Rng::with_seed(self.place as u64);
        (0..NUMBERS).map(|_| chance.u32(0..1000)).collect()
    }

    fn lines(&self) -> Said {
        let name = self.name();
        let line = |count| json!({"shard": name, "line": count}).to_string() + "\n";
        let body = (1..=3).map(line).collect();
        Said { body, content_type: "application/x-ndjson", ..said(&Value::Null) }
    }
}

fn said(value: &Value) -> Said {
    let body = value.to_string() + "\n";
    Said { status: 200, content_type: "application/json", body, after: Duration::ZERO }
}
