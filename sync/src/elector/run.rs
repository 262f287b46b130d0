//! What does the program do? It opens its doors, answers until it is told to end, and gives everything back.

use std::io::{ErrorKind, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams};
use rustix::system::uname;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::clock::Boot;
use crate::elector::desk::{Desk, House, OnLost as Lost};
use crate::elector::http;
use crate::elector::settings::{Listener, OnLost, Settings};
use crate::name::Identity;
use crate::store::{Leases, Memory};
use crate::sync::Sync;

/// Where the identity is kept that outlives this process.
const IDENTITY: &str = "identity";
/// A pod that cannot be deleted is tried again: locks are lost when the API server is away, too.
const DELETE_AGAIN: Duration = Duration::from_secs(1);
const DELETE_AGAIN_MOST: Duration = Duration::from_secs(30);
/// A probe that takes longer has failed.
const PROBE_WITHIN: Duration = Duration::from_secs(1);

/// Does what `settings` say.
///
/// # Errors
/// When it cannot be begun: an address is taken, or there is no cluster.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    if settings.probe {
        return probe(&settings.listen).await;
    }
    let mut ends = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let drain_timeout = settings.drain_timeout;
    let (house, doors) = build(settings).await?;
    let (desk, serving) = serve(house, doors)?;
    tokio::select! {
        _ = ends.0.recv() => {}
        _ = ends.1.recv() => {}
    }
    tracing::info!("ending: giving back what nobody counts on any more");
    desk.drain(drain_timeout).await;
    drop(serving);
    Ok(())
}

/// Opens the house, and answers at its doors.
fn serve(house: House, doors: Vec<Door>) -> anyhow::Result<(Desk, JoinSet<()>)> {
    let identities = doors.iter().map(|(_, me)| me.clone()).collect();
    let desk = Desk::open(house, identities);
    let mut serving = JoinSet::new();
    for (door, me) in doors {
        tracing::info!(address = %door.local_addr()?, identity = %me, "listening");
        serving.spawn(http::serve(door, desk.clone(), me));
    }
    Ok((desk, serving))
}

/// A door, and who asks there.
type Door = (TcpListener, Identity);

/// The house that the flags describe, and its doors.
async fn build(settings: Settings) -> anyhow::Result<(House, Vec<Door>)> {
    let Settings {
        listen,
        compat_port,
        namespace,
        identity,
        pod,
        state,
        lock_delay,
        on_lost,
        native_sidecar,
        drain_timeout: _,
        memory,
        probe: _,
    } = settings;
    let process = who(identity, state.as_deref())?;
    let (sync, namespace, client) = if memory {
        (Sync::new(Memory::new(), Boot), namespace.unwrap_or_else(|| "memory".to_owned()), None)
    } else {
        connect(namespace).await?
    };
    let house = House::new(&sync, &namespace)
        .lock_delay(lock_delay)
        .native(native_sidecar)
        .on_lost(stops(on_lost, client, &namespace, pod.as_deref())?)
        .pod(pod);
    let compat = compat_port.map(|port| Listener { port, name: None });
    let mut doors = Vec::new();
    for Listener { port, name } in listen.into_iter().chain(compat) {
        let me = name.map_or_else(|| process.clone(), |name| format!("{process}_{name}"));
        let me = Identity::of(&me).context("an identity is not empty")?;
        doors.extend(open(port).await?.into_iter().map(|door| (door, me.clone())));
    }
    Ok((house, doors))
}

/// Asks the elector that runs here whether it is ready.
async fn probe(listen: &[Listener]) -> anyhow::Result<()> {
    let port = listen.first().context("no port to ask at")?.port;
    let asking = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        anyhow::Ok(answer)
    };
    let answer = timeout(PROBE_WITHIN, asking).await.context("no answer in time")??;
    ensure!(answer.starts_with("HTTP/1.1 200"), "not ready: {answer}");
    Ok(())
}

/// Both loopbacks: who asks for `localhost` may mean either.
async fn open(port: u16) -> anyhow::Result<Vec<TcpListener>> {
    let mut doors: Vec<TcpListener> = Vec::new();
    for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        // A port of the system's choice must be the same for both.
        let port = match doors.first() {
            Some(first) => first.local_addr()?.port(),
            None => port,
        };
        let address = SocketAddr::new(ip, port);
        match TcpListener::bind(address).await {
            Ok(door) => doors.push(door),
            Err(error) if is_missing(&error) => {
                tracing::info!(%address, "there is no such loopback here")
            }
            Err(error) => {
                let what = format!(
                    "cannot listen on {address}: does another program, or another elector?"
                );
                return Err(error).context(what);
            }
        }
    }
    ensure!(!doors.is_empty(), "there is no loopback here");
    Ok(doors)
}

fn is_missing(error: &std::io::Error) -> bool {
    // EAFNOSUPPORT has no kind of its own.
    error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(97)
}

async fn connect(
    namespace: Option<String>,
) -> anyhow::Result<(Sync, String, Option<kube::Client>)> {
    let config = kube::Config::infer().await;
    let config = config.context("no cluster: `--memory` tries it without one")?;
    let namespace = namespace.unwrap_or_else(|| config.default_namespace.clone());
    let client =
        Leases::client(config).context("the cluster cannot be reached as it is described")?;
    let sync = Sync::new(Leases::new(client.clone(), &namespace), Boot);
    Ok((sync, namespace, Some(client)))
}

/// Never a bare host's name: it is the node's for pods on its network, and comes again with a StatefulSet.
fn who(identity: Option<String>, state: Option<&Path>) -> anyhow::Result<String> {
    if let Some(identity) = identity.filter(|identity| !identity.is_empty()) {
        return Ok(identity);
    }
    let name = uname();
    let made_up = format!("{}_{:016x}", name.nodename().to_string_lossy(), fastrand::u64(..));
    let Some(folder) = state else {
        tracing::warn!(
            "without --identity or --state, locks are waited for after this process is started again"
        );
        return Ok(made_up);
    };
    let file = folder.join(IDENTITY);
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    if !kept.trim().is_empty() {
        return Ok(kept.trim().to_owned());
    }
    std::fs::write(&file, &made_up).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(made_up)
}

/// What is done when a lock is lost.
fn stops(
    on_lost: OnLost,
    client: Option<kube::Client>,
    namespace: &str,
    pod: Option<&str>,
) -> anyhow::Result<Lost> {
    if on_lost == OnLost::None {
        return Ok(Box::new(|_, _| {}));
    }
    let pod = pod
        .context("--on-lost delete-pod needs --pod, or POD_NAME from the downward API")?
        .to_owned();
    let client = client.context("--on-lost delete-pod needs a cluster")?;
    let (pods, runtime) = (Api::<Pod>::namespaced(client, namespace), Handle::current());
    let shared = Arc::new((pods, pod));
    Ok(Box::new(move |lock, why| {
        tracing::error!(lock, %why, pod = %shared.1, "deleting the pod: its application may not have noticed");
        let shared = Arc::clone(&shared);
        runtime.spawn(async move {
            let (pods, pod) = &*shared;
            let mut pause = DELETE_AGAIN;
            while let Err(error) = pods.delete(pod, &DeleteParams::default()).await {
                if matches!(&error, kube::Error::Api(status) if status.code == 404) {
                    return;
                }
                tracing::error!(%error, pod, ?pause, "it cannot be deleted: is the verb `delete` for pods permitted? trying again");
                sleep(pause).await;
                pause = (pause * 2).min(DELETE_AGAIN_MOST);
            }
        });
    }))
}

/// Writes the program's log to standard error: for people at a terminal, else as JSON.
pub fn init_log() {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .with_env_var("METAPARTICLE_LOG")
        .from_env_lossy();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() { log.init() } else { log.json().init() }
}
