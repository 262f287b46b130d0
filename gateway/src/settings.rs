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
    /// Serve the services of a file, which is read again when it changes, or of a cluster, which is
    /// watched
    Serve {
        /// The file: services, their replicas, and routes to them
        #[arg(
            long,
            value_name = "FILE",
            env = "METAPARTICLE_CONFIG",
            required_unless_present = "kubernetes",
            conflicts_with = "kubernetes"
        )]
        config: Option<PathBuf>,
        /// Which cluster.
        #[command(flatten)]
        cluster: Box<Cluster>,
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

/// Which cluster to serve, and what of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kubernetes")]
pub struct Cluster {
    /// Serve the Ingresses of a cluster: the one of --kubeconfig, KUBECONFIG, ~/.kube/config, or the one
    /// in whose pod this runs
    #[arg(long, env = "METAPARTICLE_KUBERNETES")]
    pub kubernetes: bool,
    /// Look at this namespace alone, which needs no ClusterRole
    #[arg(long, value_name = "NAMESPACE", env = "METAPARTICLE_NAMESPACE", requires = "kubernetes")]
    pub namespace: Option<String>,
    /// With --namespace: the class of the Ingresses to serve, as IngressClasses are not seen from there
    #[arg(
        long,
        value_name = "NAME",
        env = "METAPARTICLE_INGRESS_CLASS",
        default_value = "metaparticle"
    )]
    pub ingress_class: String,
    /// The file that says how the cluster is reached
    #[arg(long, value_name = "FILE", requires = "kubernetes")]
    pub kubeconfig: Option<PathBuf>,
    /// Which of its contexts
    #[arg(long, value_name = "NAME", requires = "kubernetes")]
    pub context: Option<String>,
    /// Where Ingresses are reached, for their status: IP addresses or names
    #[arg(
        long,
        value_name = "ADDRESS,…",
        env = "METAPARTICLE_PUBLISH_ADDRESS",
        value_delimiter = ',',
        requires = "kubernetes"
    )]
    pub publish_address: Vec<String>,
    /// The same, from the Service before the gateways
    #[arg(
        long,
        value_name = "NAMESPACE/NAME",
        env = "METAPARTICLE_PUBLISH_SERVICE",
        conflicts_with = "publish_address",
        requires = "kubernetes",
        value_parser = object
    )]
    pub publish_service: Option<String>,
    /// Follow Services of the type ExternalName: who may write one reaches what the gateway reaches
    #[arg(long, env = "METAPARTICLE_EXTERNAL_NAMES", requires = "kubernetes")]
    pub external_names: bool,
    /// Look at Endpoints, where the cluster has no EndpointSlices
    #[arg(long, env = "METAPARTICLE_ENDPOINTS", requires = "kubernetes")]
    pub endpoints: bool,
}

/// Where to serve, and how much.
#[derive(Debug, Args)]
pub struct Serving {
    /// Where to take requests [default: 127.0.0.1:8080 for `demo`, 0.0.0.0:8080 for `serve`]
    #[arg(long, value_name = "ADDRESS", env = "METAPARTICLE_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Where to take requests over TLS, with HTTP/2 by ALPN
    #[arg(long, value_name = "ADDRESS", env = "METAPARTICLE_TLS_LISTEN")]
    pub tls_listen: Option<SocketAddr>,
    /// The certificate chain in PEM, read again when it changes; on Kubernetes it is shown where no
    /// Ingress names another
    #[arg(
        long,
        value_name = "FILE",
        env = "METAPARTICLE_TLS_CERTIFICATE",
        requires_all = ["tls_listen", "tls_key"]
    )]
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key in PEM
    #[arg(
        long,
        value_name = "FILE",
        env = "METAPARTICLE_TLS_KEY",
        requires_all = ["tls_listen", "tls_certificate"]
    )]
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

fn object(text: &str) -> Result<String, String> {
    match text.split('/').collect::<Vec<_>>().as_slice() {
        [namespace, name] if !namespace.is_empty() && !name.is_empty() => Ok(text.to_owned()),
        _ => Err("a Service is NAMESPACE/NAME".into()),
    }
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
