//! What does the program do, and with which code does it end? One function a command.

use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::admin;
use crate::app::{Gateway, Running};
use crate::demo::{self, Demo};
use crate::follow::{self, Unusable};
use crate::model::World;
use crate::request::{Trust, in_full};
use crate::serve::{Certificate, Certificates};
use crate::settings::{Cluster, Command, Serving, Settings};
use crate::snapshot::{self, Latest, Publisher};
use crate::tasks::Tasks;
use crate::watch::{self, Health, Seen, Source};

/// How many candidates are told.
const EXPLAIN_MOST: usize = 10;
/// How long it may take to give back what was held.
const RELEASE: Duration = Duration::from_secs(5);
/// How long after a signal another one is the same.
const SAME_SIGNAL: Duration = Duration::from_secs(1);
/// The exit code of a file with mistakes.
const MISTAKEN: u8 = 3;

/// Does what `settings` say.
///
/// # Errors
/// When it cannot be done; a file with mistakes is no error, but has its own exit code.
pub async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    // What a checker finds is what it prints; for all else a wrong file is an error.
    let checks = matches!(settings.command, Command::Check { .. });
    let done = match settings.command {
        Command::Demo { serving } => demo(*serving).await,
        Command::Serve { config: Some(config), serving, .. } => serve(&config, *serving).await,
        Command::Serve { config: None, cluster, serving } => {
            serve_cluster(*cluster, *serving).await
        }
        Command::Check { config } => check(&config),
        Command::Explain { config, service, key } => explain(&config, &service, &key),
    };
    match done {
        Err(error) => match error.downcast::<Unusable>() {
            Ok(Unusable::Wrong { rendered, .. }) => {
                if checks {
                    say(&rendered)?;
                } else {
                    std::io::stderr().write_all(rendered.as_bytes())?;
                }
                Ok(ExitCode::from(MISTAKEN))
            }
            Ok(other) => Err(other.into()),
            Err(other) => Err(other),
        },
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

/// Takes memory in small pages from now on. A huge one is filled with what nobody uses: a gateway of 5000
/// Services takes half as much more with them. A system that knows no such wish is none that has them.
pub fn use_small_pages() {
    rustix::thread::disable_transparent_huge_pages(true).ok();
}

/// Tells people why it could not be done: in one line, without a backtrace that is of no use to them.
pub fn failed(error: &anyhow::Error) -> ExitCode {
    // Nobody may be left to be told.
    writeln!(std::io::stderr(), "error: {error:#}").ok();
    ExitCode::FAILURE
}

async fn demo(serving: Serving) -> anyhow::Result<()> {
    let mut ends = Ends::hear()?;
    let replicas = Tasks::default();
    let demo = demo::start(&replicas).await.context("cannot start the demo's replicas")?;
    let (mut publisher, latest) = snapshot::channel();
    publisher.publish(&demo.world);
    let listen = serving.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
    let running = gateway(serving, latest, listen)?.start()?;
    running.ready();
    say(&introduction(&demo, &running))?;
    ends.wanted().await;
    say("\nending…\n")?;
    stop(running, ends).await?;
    Ok(())
}

/// What runs where, and what to try.
fn introduction(demo: &Demo, running: &Running) -> String {
    let address = |address: Option<SocketAddr>| match address {
        Some(address) if address.ip().is_loopback() => format!("localhost:{}", address.port()),
        Some(address) => address.to_string(),
        None => "nowhere".to_owned(),
    };
    let (gateway, operators) = (address(running.address()), address(running.admin_address()));
    let mut text = format!("\n{}\ngateway    http://{gateway}\n", demo.text);
    text.push_str(&format!("dashboard  http://{operators}/\n\nTry it:\n\n"));
    for (path, shows) in &demo.tries {
        text.push_str(&format!("  curl -i {:<36} # {shows}\n", format!("{gateway}{path}")));
    }
    text.push_str("\nCtrl-C ends all of it.\n");
    text
}

async fn serve(config: &Path, serving: Serving) -> anyhow::Result<()> {
    let mut ends = Ends::hear()?;
    let bytes =
        std::fs::read(config).with_context(|| format!("cannot read `{}`", config.display()))?;
    let (mut publisher, latest) = snapshot::channel();
    publisher.publish(&follow::load(config)?);
    let listen = serving.listen.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 8080)));
    let running = gateway(serving, latest, listen)?.start()?;
    running.ready();
    say_where(&running);
    tokio::select! {
        () = follow(config, bytes, publisher, &running) => {}
        () = ends.wanted() => {}
    }
    tracing::info!("ending: finishing what is in flight");
    stop(running, ends).await?;
    Ok(())
}

async fn serve_cluster(cluster: Cluster, serving: Serving) -> anyhow::Result<()> {
    cluster.check()?;
    let mut ends = Ends::hear()?;
    let Cluster { kubeconfig, context, namespace, .. } = &cluster;
    let (kubeconfig, context) = (kubeconfig.as_deref(), context.as_deref());
    let source = Source::find(kubeconfig, context, namespace.as_deref()).await?;
    let options = watch::Options {
        namespace: cluster.namespace,
        class: cluster.ingress_class,
        controller: cluster.ingress_controller,
        endpoints: cluster.endpoints,
        external_names: cluster.external_names,
        // Without a door for TLS nobody is shown a certificate, and no secret need be read.
        secrets: serving.tls_listen.is_some(),
        publish_addresses: cluster.publish_address,
        publish_service: cluster.publish_service,
        status_lease: cluster.status_lease.unwrap_or_default(),
    };
    let release = source.release();
    let (mut publisher, latest) = snapshot::channel();
    let (health, certificates) = (Health::default(), Certificates::default());
    let listen = serving.listen.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 8080)));
    let gateway = gateway_with(serving, latest, listen, Some(&certificates))?;
    let running = gateway.health(health.clone()).start()?;
    say_where(&running);
    let mistakes = running.mistakes();
    let seen = |seen: Seen<'_>| {
        let version = publisher.publish(seen.world);
        certificates.set_hosts(Arc::clone(seen.certificates));
        if version == 1 {
            let Seen { world: World { services, routes }, .. } = seen;
            tracing::info!(services = services.len(), routes = routes.len(), "the cluster is seen");
            running.ready();
        }
    };
    tokio::select! {
        () = Box::pin(watch::run(source, &options, health, seen, |wrong| mistakes.set(wrong))) => {}
        () = ends.wanted() => {}
    }
    tracing::info!("ending: finishing what is in flight");
    // Whoever writes the status next need not wait until this one is thought to be dead.
    let (stopped, _) = tokio::join!(stop(running, ends), tokio::time::timeout(RELEASE, release));
    stopped?;
    Ok(())
}

fn say_where(running: &Running) {
    for (what, address) in [
        ("requests", running.address()),
        ("requests over TLS", running.tls_address()),
        ("operators", running.admin_address()),
    ] {
        if let Some(address) = address {
            tracing::info!(%address, "listening for {what}");
        }
    }
}

/// Publishes what the file says whenever it changes; for ever.
async fn follow(config: &Path, bytes: Vec<u8>, mut publisher: Publisher, running: &Running) {
    let mistakes = running.mistakes();
    follow::follow(config, bytes, |read| match read {
        Ok(world) => {
            let version = publisher.publish(&world);
            mistakes.set(Vec::new());
            tracing::info!(version, "the file was read again");
        }
        Err(error) => {
            let told = in_full(&error);
            mistakes.set(match error {
                Unusable::Wrong { mistakes, .. } => {
                    let place = |mistake| format!("{}:{mistake}", config.display());
                    mistakes.iter().map(place).collect()
                }
                Unusable::Unreadable { .. } => vec![told.clone()],
            });
            tracing::error!("what the file said last stays in force:\n{told}");
        }
    })
    .await;
}

fn check(config: &Path) -> anyhow::Result<()> {
    let world = follow::load(config)?;
    let count = |count: usize, what| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let services = count(world.services.len(), "service");
    let routes = count(world.routes.len(), "route");
    say(&format!("{}: right: {services}, {routes}\n", config.display()))
}

fn explain(config: &Path, service: &str, key: &str) -> anyhow::Result<()> {
    let (mut publisher, latest) = snapshot::channel();
    publisher.publish(&follow::load(config)?);
    let explained = admin::explain(&latest.load(), service, key, EXPLAIN_MOST, Duration::ZERO)?;
    say(&explained.to_string())
}

/// The gateway that the flags describe.
fn gateway(serving: Serving, latest: Latest, listen: SocketAddr) -> anyhow::Result<Gateway> {
    gateway_with(serving, latest, listen, None)
}

/// The gateway that the flags describe; `certificates` are those of a cluster.
fn gateway_with(
    serving: Serving,
    latest: Latest,
    listen: SocketAddr,
    certificates: Option<&Certificates>,
) -> anyhow::Result<Gateway> {
    let Serving {
        listen: _,
        tls_listen,
        tls_certificate,
        tls_key,
        admin,
        workers,
        trusted_proxies,
        memory,
        max_connections,
        access_log,
        drain_delay,
        drain_timeout,
    } = serving;
    raise_open_files(max_connections);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut gateway = Gateway::new(latest)
        .listen(listen)
        .admin(admin)
        .workers(workers.map_or(cores, usize::from))
        .trust(Trust::new(&trusted_proxies))
        .memory(memory)
        .max_connections(max_connections)
        .drain(drain_delay, drain_timeout);
    if let Some(address) = tls_listen {
        let files = tls_certificate.zip(tls_key);
        let default = files.map(|(chain, key)| Certificate::read(&chain, &key)).transpose()?;
        anyhow::ensure!(
            default.is_some() || certificates.is_some(),
            "--tls-listen needs --tls-certificate and --tls-key, or --kubernetes"
        );
        let certificates = certificates.cloned().unwrap_or_default();
        gateway = gateway.listen_tls_by_host(address, certificates, default);
    }
    gateway = match access_log.as_str() {
        "off" => gateway,
        "stdout" => gateway.access_log(std::io::stdout()),
        path => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            gateway
                .access_log(file.with_context(|| format!("cannot write the access log `{path}`"))?)
        }
    };
    Ok(gateway)
}

/// The signals that end the program.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    /// Hears them from now on: before anybody is told that the program runs.
    fn hear() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Until somebody who saw it ending wants it to end at once. Wrappers such as `timeout` pass on a
    /// signal that the program was sent as well: two at a time are one.
    async fn wanted_again(&mut self) {
        let same = tokio::time::Instant::now() + SAME_SIGNAL;
        while tokio::time::timeout_at(same, self.wanted()).await.is_ok() {}
        self.wanted().await;
    }

    /// Until somebody wants the program to end.
    async fn wanted(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Every connection is an open file, and the limit that a shell gives is far below what the system
/// allows.
fn raise_open_files(connections: u64) {
    // One for the client, and one for the replica.
    let wanted = connections.saturating_mul(2);
    match rlimit::increase_nofile_limit(wanted) {
        Ok(limit) if limit < wanted => {
            tracing::info!(limit, "fewer open files are allowed than --max-connections may want");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
    }
}

/// Stops in order; at a second signal at once.
async fn stop(running: Running, mut ends: Ends) -> anyhow::Result<()> {
    tokio::select! {
        () = running.stop() => Ok(()),
        () = ends.wanted_again() => anyhow::bail!("ended at once, at the second signal"),
    }
}

/// Tells people, who may have closed the pipe.
fn say(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes the program's own log to standard error: for people at a terminal, else as JSON.
pub fn init_log() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .with_env_var("METAPARTICLE_LOG")
        .from_env_lossy();
    // What keeps a watch from going on is told once, and better, by us.
    let filter = match "kube_runtime=error".parse() {
        Ok(quiet) => filter.add_directive(quiet),
        Err(_) => filter,
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() { log.init() } else { log.json().init() }
}
