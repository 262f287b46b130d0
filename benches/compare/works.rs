//! What is to be done? The works, in the order of the table.

/// A work that gateways are compared by.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) name: &'static str,
    /// What stands above its table.
    pub(crate) about: &'static str,
    pub(crate) pattern: Pattern,
    pub(crate) door: Door,
    pub(crate) replicas: usize,
    /// How long a replica's answer is, about.
    pub(crate) bytes: usize,
    pub(crate) connections: usize,
    pub(crate) measured: Measured,
}

/// To whom a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// To any replica.
    Spread,
    /// To the replica of the user in `x-user`.
    ByHeader,
    /// To the replica of the user in `/users/USER`.
    ByPath,
    /// To all; one answer is made of theirs.
    Scatter(Merge),
}

/// How one answer is made of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merge {
    /// Arrays, end to end.
    Array,
    /// Objects, with all that is in them.
    Object,
}

/// How clients come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Http1,
    /// HTTP/2 without TLS.
    Http2,
    /// HTTP/1.1 over TLS.
    Tls,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measured {
    /// CPU time a request, as fast as it goes.
    Cpu,
    /// Memory a connection that rests.
    Idle,
    /// How much later answers come, at half the load.
    Latency,
}

impl Work {
    /// How many replicas a request comes to.
    pub(crate) fn leaves(&self) -> usize {
        if matches!(self.pattern, Pattern::Scatter(_)) { self.replicas } else { 1 }
    }

    pub(crate) fn is_sharded(&self) -> bool {
        matches!(self.pattern, Pattern::ByHeader | Pattern::ByPath)
    }
}

const SPREAD: Work = Work {
    name: "spread",
    about: "to any of 4 replicas; HTTP/1.1, 64 connections kept alive, answers of 128 bytes",
    pattern: Pattern::Spread,
    door: Door::Http1,
    replicas: 4,
    bytes: 128,
    connections: 64,
    measured: Measured::Cpu,
};

/// All works; each says how it differs from `spread`.
pub(crate) static ALL: [Work; 15] = [
    SPREAD,
    Work {
        name: "shard-header",
        about: "as spread, to the owner of `x-user`: 1000 users, a consistent hash",
        pattern: Pattern::ByHeader,
        ..SPREAD
    },
    Work {
        name: "shard-path",
        about: "as spread, to the owner of USER in `/users/USER/cart`: 1000 users, a consistent hash",
        pattern: Pattern::ByPath,
        ..SPREAD
    },
    Work {
        name: "scatter-4",
        about: "to all of 4 replicas; their JSON arrays become one",
        pattern: Pattern::Scatter(Merge::Array),
        ..SPREAD
    },
    Work {
        name: "scatter-4-object",
        about: "to all of 4 replicas; their JSON objects become one",
        pattern: Pattern::Scatter(Merge::Object),
        ..SPREAD
    },
    Work {
        name: "scatter-16",
        about: "to all of 16 replicas; their JSON arrays become one",
        pattern: Pattern::Scatter(Merge::Array),
        replicas: 16,
        ..SPREAD
    },
    Work {
        name: "scatter-16-object",
        about: "to all of 16 replicas; their JSON objects become one",
        pattern: Pattern::Scatter(Merge::Object),
        replicas: 16,
        ..SPREAD
    },
    Work { name: "body-1k", about: "as spread, answers of 1 KiB", bytes: 1 << 10, ..SPREAD },
    Work { name: "body-64k", about: "as spread, answers of 64 KiB", bytes: 64 << 10, ..SPREAD },
    Work { name: "body-1m", about: "as spread, answers of 1 MiB", bytes: 1 << 20, ..SPREAD },
    Work {
        name: "connections-1000",
        about: "as spread, 1000 connections",
        connections: 1000,
        ..SPREAD
    },
    Work {
        name: "http2",
        about: "as spread, HTTP/2 in (without TLS), 64 connections of 4 streams; HTTP/1.1 to replicas",
        door: Door::Http2,
        ..SPREAD
    },
    Work { name: "tls", about: "as spread, TLS in", door: Door::Tls, ..SPREAD },
    Work {
        name: "idle-10000",
        about: "10 000 connections that rest after one request each: what the proxy's memory grew by",
        connections: 10_000,
        measured: Measured::Idle,
        ..SPREAD
    },
    Work {
        name: "latency",
        about: "as spread, at half of what each can do; requests leave when they are due (open loop), and \
                latency counts from then",
        measured: Measured::Latency,
        ..SPREAD
    },
];

/// The work of this name.
pub(crate) fn find(name: &str) -> Result<&'static Work, String> {
    let names = || ALL.iter().map(|work| work.name).collect::<Vec<_>>().join(", ");
    ALL.iter().find(|work| work.name == name).ok_or_else(|| format!("the works are {}", names()))
}
