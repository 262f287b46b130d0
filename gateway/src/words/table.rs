//! Which words are there? The table of all: what each allows, its default, and how it is read and
//! shown. Documentation, `check` and the dashboard list what stands here.

use std::fmt;
use std::str::FromStr;

use crate::words::Misread;
use crate::words::pattern::number;
use crate::words::unit;
use crate::words::{Policy, Scope};

/// One word of the vocabulary.
pub struct Word {
    /// Its name, without the prefix of annotations.
    pub name: &'static str,
    /// Whether a route may say it too.
    pub on_routes: bool,
    /// What its value may be, for people.
    pub allowed: &'static str,
    /// The value that stands where nothing is said.
    pub default: &'static str,
    read: fn(&mut Policy, &str) -> Result<(), Misread>,
    show: fn(&Policy) -> String,
}

impl Word {
    /// Whether it may be said there.
    #[must_use]
    pub fn is_for(&self, scope: Scope) -> bool {
        self.on_routes || scope == Scope::Service
    }

    /// The word's value in `policy`.
    #[must_use]
    pub fn show(&self, policy: &Policy) -> String {
        (self.show)(policy)
    }

    /// Makes `value` the word's value in `policy`, or leaves it.
    pub(in crate::words) fn read(&self, policy: &mut Policy, value: &str) -> Result<(), Misread> {
        (self.read)(policy, value)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Word").field(&self.name).finish()
    }
}

/// All words, in the order in which people should meet them.
#[must_use]
pub fn table() -> &'static [Word] {
    &TABLE
}

fn set<T: FromStr<Err = Misread>>(slot: &mut T, value: &str) -> Result<(), Misread> {
    *slot = value.parse()?;
    Ok(())
}

fn set_some<T>(slot: &mut T, value: Option<T>) -> Result<(), Misread> {
    *slot = value.ok_or_else(Misread::default)?;
    Ok(())
}

const TIME: &str = "a time with its unit (ms, s, m, h), up to a day, such as `30s`";

static TABLE: [Word; 19] = [
    Word {
        name: "pattern",
        on_routes: true,
        allowed: "`spread`, `shard` or `scatter`",
        default: "spread",
        read: |policy, value| set(&mut policy.pattern, value),
        show: |policy| policy.pattern.to_string(),
    },
    Word {
        name: "balance",
        on_routes: false,
        allowed: "`least-request`, `peak-ewma`, `round-robin` or `random`",
        default: "least-request",
        read: |policy, value| set(&mut policy.balance, value),
        show: |policy| policy.balance.to_string(),
    },
    Word {
        name: "shard-key",
        on_routes: true,
        allowed: "a list of `path:REGEX` (an expression with one group), `header:NAME`, \
                  `cookie:NAME`, `query:NAME`, `host`, `client-ip`, `body:JSONPATH`, such as \
                  `header:x-user,path:^/users/([^/]+)`; or `path`, the whole path",
        default: "path",
        read: |policy, value| set(&mut policy.shard_key, value),
        show: |policy| policy.shard_key.to_string(),
    },
    Word {
        name: "shard-missing-key",
        on_routes: false,
        allowed: "`reject`, `spread` or `scatter`",
        default: "spread",
        read: |policy, value| set(&mut policy.missing_key, value),
        show: |policy| policy.missing_key.to_string(),
    },
    Word {
        name: "shard-algorithm",
        on_routes: false,
        allowed: "`rendezvous`, `ring`, `maglev`, `modulo` or `metaparticle-v1`",
        default: "rendezvous",
        read: |policy, value| set(&mut policy.algorithm, value),
        show: |policy| policy.algorithm.to_string(),
    },
    Word {
        name: "shard-identity",
        on_routes: false,
        allowed: "`auto`, `name`, `uid`, `address` or `host`",
        default: "auto",
        read: |policy, value| set(&mut policy.identity, value),
        show: |policy| policy.identity.to_string(),
    },
    Word {
        name: "shard-count",
        on_routes: false,
        allowed: "`observed`, `statefulset`, or a number from 1 to 10000, such as `5`",
        default: "observed",
        read: |policy, value| set(&mut policy.shard_count, value),
        show: |policy| policy.shard_count.to_string(),
    },
    Word {
        name: "shard-on-owner-down",
        on_routes: false,
        allowed: "`failover`, `fail`, or `wait:` and a time, such as `wait:500ms`",
        default: "failover",
        read: |policy, value| set(&mut policy.owner_down, value),
        show: |policy| policy.owner_down.to_string(),
    },
    Word {
        name: "shard-load-bound",
        on_routes: false,
        allowed: "`off`, or a factor greater than 1, such as `1.25`",
        default: "off",
        read: |policy, value| set(&mut policy.load_bound, value),
        show: |policy| policy.load_bound.to_string(),
    },
    Word {
        name: "scatter-merge",
        on_routes: true,
        allowed: "`map`, `concat[:PTR]`, `object[:CONFLICT]` (`first`, `last`, `error`, `array`), \
                  `ndjson`, `sorted[:PTR][:desc]`, `sum[:PTR]`, `min[:PTR]`, \
                  `max[:PTR]`, `avg[:PTR]`, `union:PTR`, `first`, `quorum`, `multipart` or `status`, where PTR \
                  is a JSON pointer, such as `concat:/items`",
        default: "map",
        read: |policy, value| set(&mut policy.merge, value),
        show: |policy| policy.merge.to_string(),
    },
    Word {
        name: "scatter-require",
        on_routes: true,
        allowed: "`all`, `quorum`, `any`, a number of leaves from 1, such as `3`, or a share from \
                  `1%` to `100%`",
        default: "all",
        read: |policy, value| set(&mut policy.require, value),
        show: |policy| policy.require.to_string(),
    },
    Word {
        name: "scatter-timeout",
        on_routes: true,
        allowed: TIME,
        default: "30s",
        read: |policy, value| set_some(&mut policy.scatter_timeout, unit::read_time(value)),
        show: |policy| unit::show_time(policy.scatter_timeout),
    },
    Word {
        name: "scatter-hedge",
        on_routes: true,
        allowed: "`off`, a percentile from `p1` to `p99`, or a time, such as `20ms`",
        default: "off",
        read: |policy, value| set(&mut policy.hedge, value),
        show: |policy| policy.hedge.to_string(),
    },
    Word {
        name: "timeout",
        on_routes: true,
        allowed: TIME,
        default: "30s",
        read: |policy, value| set_some(&mut policy.timeout, unit::read_time(value)),
        show: |policy| unit::show_time(policy.timeout),
    },
    Word {
        name: "retries",
        on_routes: true,
        allowed: "a number from 0 to 10",
        default: "1",
        read: |policy, value| {
            set_some(&mut policy.retries, number(value).filter(|count| *count <= 10))
        },
        show: |policy| policy.retries.to_string(),
    },
    Word {
        name: "max-body",
        on_routes: true,
        allowed: "a size in bytes or with its unit (KiB, MiB, GiB, kB, MB, GB), such as `8MiB`",
        default: "8MiB",
        read: |policy, value| set_some(&mut policy.max_body, unit::read_size(value)),
        show: |policy| unit::show_size(policy.max_body),
    },
    Word {
        name: "max-concurrency",
        on_routes: true,
        allowed: "a number from 1, such as `1024`",
        default: "1024",
        read: |policy, value| {
            set_some(&mut policy.max_concurrency, number(value).filter(|count| *count > 0))
        },
        show: |policy| policy.max_concurrency.to_string(),
    },
    Word {
        name: "tls-verify",
        on_routes: false,
        allowed: "`system`, `secret:NAME` (a Secret of the type kubernetes.io/tls with `ca.crt`, \
                  beside the Service), in a file `file:PATH` (PEM), or `off`",
        default: "system",
        read: |policy, value| set(&mut policy.tls_verify, value),
        show: |policy| policy.tls_verify.to_string(),
    },
    Word {
        name: "tls-server-name",
        on_routes: false,
        allowed: "`auto`, or the host's name or address that the replicas' certificates have",
        default: "auto",
        read: |policy, value| set(&mut policy.server_name, value),
        show: |policy| policy.server_name.to_string(),
    },
];
