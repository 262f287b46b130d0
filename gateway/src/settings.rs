//! What was the program told? Its flags, each with its environment variable; nobody else reads the
//! environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;

use crate::watch::StatusLease;
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
    /// Without --namespace: the controller of the IngressClasses to serve; two installations that are to
    /// live side by side have two
    #[arg(
        long,
        value_name = "NAME",
        env = "METAPARTICLE_INGRESS_CONTROLLER",
        default_value = "metaparticle.io/gateway"
    )]
    pub ingress_controller: String,
    /// The file that says how the cluster is reached
    #[arg(long, value_name = "FILE", requires = "kubernetes")]
    pub kubeconfig: Option<PathBuf>,
    /// Which of its contexts
    #[arg(long, value_name = "NAME", requires = "kubernetes")]
    pub context: Option<String>,
    /// Where Ingresses are reached: IP addresses or names, which are written into their status. All
    /// gateways of an installation are told the same, or only one is told
    #[arg(
        long,
        value_name = "ADDRESS,…",
        env = "METAPARTICLE_PUBLISH_ADDRESS",
        value_delimiter = ',',
        requires = "kubernetes"
    )]
    pub publish_address: Vec<String>,
    /// The same, from the Service before the gateways: its external IPs and its load balancer's
    /// addresses; of a ClusterIP Service its own
    #[arg(
        long,
        value_name = "NAMESPACE/NAME",
        env = "METAPARTICLE_PUBLISH_SERVICE",
        conflicts_with = "publish_address",
        requires = "kubernetes",
        value_parser = object
    )]
    pub publish_service: Option<String>,
    /// The Lease by which gateways elect the one that writes the status of Ingresses, in the namespace that
    /// they look at, else the one that they run in; `off`: each writes [default: one a class or controller]
    #[arg(
        long,
        value_name = "NAME|off",
        env = "METAPARTICLE_STATUS_LEASE",
        requires = "kubernetes",
        value_parser = lease
    )]
    pub status_lease: Option<StatusLease>,
    /// Follow Services of the type ExternalName: who may write one reaches what the gateway reaches
    #[arg(long, env = "METAPARTICLE_EXTERNAL_NAMES", requires = "kubernetes")]
    pub external_names: bool,
    /// Look at Endpoints, where the cluster has no EndpointSlices
    #[arg(long, env = "METAPARTICLE_ENDPOINTS", requires = "kubernetes")]
    pub endpoints: bool,
}

impl Cluster {
    /// Whether what is asked for can be had together.
    ///
    /// # Errors
    /// When the Service of --publish-service is none that is seen.
    pub fn check(&self) -> anyhow::Result<()> {
        let Self { namespace, publish_service, .. } = self;
        let Some((namespace, service)) = namespace.as_ref().zip(publish_service.as_ref()) else {
            return Ok(());
        };
        anyhow::ensure!(
            service.split('/').next() == Some(namespace),
            "--publish-service={service} is not seen with --namespace={namespace}: say \
             --publish-address, or a Service of that namespace"
        );
        Ok(())
    }
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

#[expect(clippy::unnecessary_wraps, reason = "as a parser of flags has it")]
fn lease(text: &str) -> Result<StatusLease, String> {
    Ok(if text == "off" { StatusLease::Off } else { StatusLease::Named(text.to_owned()) })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(flags: &str, refused: bool) {
        let words = ["gateway", "serve", "--kubernetes"].into_iter().chain(flags.split(' '));
        let settings = Settings::try_parse_from(words).unwrap();
        let Command::Serve { cluster, .. } = settings.command else { panic!("{flags}") };
        assert_eq!(cluster.check().is_err(), refused, "{flags}");
    }

    #[test]
    fn a_service_that_is_not_seen_cannot_be_published() {
        check("--publish-service metaparticle/gateway", false);
        check("--namespace shop --publish-service shop/gateway", false);
        check("--namespace shop --publish-service metaparticle/gateway", true);
        check("--namespace shop --publish-address 192.0.2.1", false);
    }
}
