//! What does a service ask for, all told? The table of words, their defaults and who may say them.

use std::time::Duration;

use crate::words::Merge;
use crate::words::ShardKey;
use crate::words::{
    Algorithm, Balance, Hedge, Identity, LoadBound, MissingKey, OwnerDown, Pattern, Require,
    ShardCount,
};

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
        }
    }
}
