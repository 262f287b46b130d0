//! What was the program told? Its flags, each with its environment variable; nobody else reads the
//! environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;

use crate::words::unit;

/// Spreads, shards and scatters requests over replicas.
#[derive(Debug, Parser)]
#[command(name = "metaparticle-gateway", version, about, max_term_width = 100)]
pub struct Settings {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try it: starts replicas on loopback and a gateway before them, and says what to curl
    Demo {
        /// Where, and how much.
        #[command(flatten)]
        serving: Box<Serving>,
    },
    /// Serve the services of a file; it is read again when it changes
    Serve {
        /// The file: services, their replicas, and routes to them
        #[arg(long, value_name = "FILE", env = "METAPARTICLE_CONFIG")]
        config: PathBuf,
        /// Where, and how much.
        #[command(flatten)]
        serving: Box<Serving>,
    },
    /// Check a file: prints all mistakes; exits with 3 when there are any
    Check {
        /// The file
        #[arg(value_name = "FILE")]
        config: PathBuf,
    },
    /// Say which shard of a service owns a key, and who would own it next
    Explain {
        /// The file
        #[arg(long, value_name = "FILE", env = "METAPARTICLE_CONFIG")]
        config: PathBuf,
        /// The service
        #[arg(long, value_name = "NAME")]
        service: String,
        /// The key, as the service's shard-key finds it in a request
        #[arg(long)]
        key: String,
    },
}

/// Where to serve, and how much.
#[derive(Debug, Args)]
pub struct Serving {
    /// Where to take requests [default: 127.0.0.1:8080 for `demo`, 0.0.0.0:8080 for `serve`]
    #[arg(long, value_name = "ADDRESS", env = "METAPARTICLE_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Where to take requests over TLS, with HTTP/2 by ALPN
    #[arg(long, value_name = "ADDRESS", env = "METAPARTICLE_TLS_LISTEN", requires_all = ["tls_certificate", "tls_key"])]
    pub tls_listen: Option<SocketAddr>,
    /// The certificate chain in PEM; read again when it changes
    #[arg(
        long,
        value_name = "FILE",
        env = "METAPARTICLE_TLS_CERTIFICATE",
        requires = "tls_listen"
    )]
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key in PEM
    #[arg(long, value_name = "FILE", env = "METAPARTICLE_TLS_KEY", requires = "tls_listen")]
    pub tls_key: Option<PathBuf>,
    /// Where operators look: /healthz, /readyz, /metrics, /snapshot, /explain, and the dashboard
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "METAPARTICLE_ADMIN",
        default_value = "127.0.0.1:9900"
    )]
    pub admin: SocketAddr,
    /// Threads that serve, each with its own connections [default: one a core]
    #[arg(long, value_name = "N", env = "METAPARTICLE_WORKERS", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub workers: Option<u16>,
    /// Networks whose Forwarded and X-Forwarded-* headers are believed
    #[arg(
        long,
        value_name = "CIDR,…",
        env = "METAPARTICLE_TRUSTED_PROXIES",
        value_delimiter = ','
    )]
    pub trusted_proxies: Vec<IpNet>,
    /// The most bytes of bodies to hold at a time, in all requests together
    #[arg(long, value_name = "SIZE", env = "METAPARTICLE_MEMORY", default_value = "256MiB", value_parser = size)]
    pub memory: u64,
    /// The most client connections at a time
    #[arg(long, value_name = "N", env = "METAPARTICLE_MAX_CONNECTIONS", default_value = "65536")]
    pub max_connections: u64,
    /// Where a line a request is written: off, stdout, or a file
    #[arg(
        long,
        value_name = "off|stdout|FILE",
        env = "METAPARTICLE_ACCESS_LOG",
        default_value = "off"
    )]
    pub access_log: String,
    /// After SIGTERM: how long connections are still accepted, each for one answer
    #[arg(long, value_name = "TIME", env = "METAPARTICLE_DRAIN_DELAY", default_value = "1s", value_parser = time)]
    pub drain_delay: Duration,
    /// After that: how long what is in flight may take
    #[arg(long, value_name = "TIME", env = "METAPARTICLE_DRAIN_TIMEOUT", default_value = "25s", value_parser = time)]
    pub drain_timeout: Duration,
}

fn size(text: &str) -> Result<u64, String> {
    unit::read_size(text)
        .ok_or_else(|| "a size is a number of bytes, KiB, MiB or GiB: 256MiB".into())
}

fn time(text: &str) -> Result<Duration, String> {
    if text == "0" || text == "0s" {
        return Ok(Duration::ZERO);
    }
    unit::read_time(text).ok_or_else(|| "a time is a number with its unit: 500ms, 30s, 5m".into())
}
