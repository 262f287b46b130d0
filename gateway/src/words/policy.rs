//! What does a service ask for, all told?

use std::time::Duration;

use crate::words::Merge;
use crate::words::Mistake;
use crate::words::ShardKey;
use crate::words::{
    Algorithm, Balance, Hedge, Identity, LoadBound, MissingKey, OwnerDown, Pattern, Require,
    ShardCount,
};
use crate::words::{ServerName, TlsVerify};
use crate::words::{suggestion, table};

/// Who speaks: a route may say fewer words than a service (the ones marked `i` in the table).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A Service, or a `services` entry of the file.
    Service,
    /// An Ingress, or a `routes` entry of the file.
    Route,
}

/// Everything a service may ask for; what it did not say is the default.
#[derive(Debug, Clone)]
pub struct Policy {
    /// `pattern`
    pub pattern: Pattern,
    /// `balance`
    pub balance: Balance,
    /// `shard-key`
    pub shard_key: ShardKey,
    /// `shard-missing-key`
    pub missing_key: MissingKey,
    /// `shard-algorithm`
    pub algorithm: Algorithm,
    /// `shard-identity`
    pub identity: Identity,
    /// `shard-count`
    pub shard_count: ShardCount,
    /// `shard-on-owner-down`
    pub owner_down: OwnerDown,
    /// `shard-load-bound`
    pub load_bound: LoadBound,
    /// `scatter-merge`
    pub merge: Merge,
    /// `scatter-require`
    pub require: Require,
    /// `scatter-timeout`
    pub scatter_timeout: Duration,
    /// `scatter-hedge`
    pub hedge: Hedge,
    /// `timeout`: from the request's head to the end of the answer's head
    pub timeout: Duration,
    /// `retries`: attempts after the first
    pub retries: u32,
    /// `max-body`: bytes of a request's body, and of a leaf's answer that must be held
    pub max_body: u64,
    /// `max-concurrency`: leaves in flight for this service in one gateway
    pub max_concurrency: u32,
    /// `tls-verify`
    pub tls_verify: TlsVerify,
    /// `tls-server-name`
    pub server_name: ServerName,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            pattern: Pattern::default(),
            balance: Balance::default(),
            shard_key: ShardKey::default(),
            missing_key: MissingKey::default(),
            algorithm: Algorithm::default(),
            identity: Identity::default(),
            shard_count: ShardCount::default(),
            owner_down: OwnerDown::default(),
            load_bound: LoadBound::default(),
            merge: Merge::default(),
            require: Require::default(),
            scatter_timeout: Duration::from_secs(30),
            hedge: Hedge::default(),
            timeout: Duration::from_secs(30),
            retries: 1,
            max_body: 8 << 20,
            max_concurrency: 1024,
            tls_verify: TlsVerify::default(),
            server_name: ServerName::default(),
        }
    }
}

impl Policy {
    /// Reads `words` (a name without prefix, and its value) on top of `base`.
    ///
    /// All mistakes are told at once. A mistaken word leaves what `base` says.
    #[must_use]
    pub fn read<'a>(
        base: &Self,
        scope: Scope,
        words: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> (Self, Vec<Mistake>) {
        let mut policy = base.clone();
        let mut mistakes = Vec::new();
        for (name, value) in words {
            if let Err(allowed) = policy.read_word(scope, name, value.trim()) {
                let (place, value) = (name.to_owned(), value.to_owned());
                mistakes.push(Mistake { place, value, allowed, position: None });
            }
        }
        (policy, mistakes)
    }

    /// All words with their values, as they could be read again.
    #[must_use]
    pub fn words(&self) -> Vec<(&'static str, String)> {
        table().iter().map(|word| (word.name, word.show(self))).collect()
    }

    /// Reads one word; else says what is allowed.
    fn read_word(&mut self, scope: Scope, name: &str, value: &str) -> Result<(), String> {
        let Some(word) = table().iter().find(|word| word.name == name) else {
            let known = table().iter().filter(|word| word.is_for(scope)).map(|word| word.name);
            return Err(suggestion(name, known));
        };
        if !word.is_for(scope) {
            let routes = table().iter().filter(|word| word.on_routes).map(|word| word.name);
            let known: Vec<_> = routes.map(|name| format!("`{name}`")).collect();
            let known = known.join(", ");
            return Err(format!("on a service only; a route may say {known}"));
        }
        word.read(self, value).map_err(|misread| match misread.because {
            Some(because) => format!("{} ({because})", word.allowed),
            None => word.allowed.to_owned(),
        })
    }
}
