//! How does one part of an application run in a pod? The environment says which part it is; the others are
//! found by their names, so a pod needs no rights in the cluster.
//!
//! Shards and leaves are pods of a StatefulSet, whose names DNS knows: whoever asks them resolves those names
//! again and again. That costs a name's time to live when a pod moves (5 s at the most, as cluster DNS has it),
//! in which deadlines, retries and quorums do their work, and a name each of few shards; to watch the cluster
//! instead would be sooner, and would need a token in every pod that calls another.

mod discover;
mod door;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use metaparticle_gateway::app::Gateway;
use metaparticle_gateway::send::Network;
use metaparticle_gateway::tasks::{Clock, Tasks};
use metaparticle_gateway::words::Pattern;
use metaparticle_sync::Sync as Locks;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::cluster::{self, Target};
use crate::context::{Caller, Seat, Settings, Tools};
use crate::leaf::Leaf;
use crate::pattern::{ADMIN, App, Candidates, INDEX, Indexed, PORT, ROLE, Service};
use crate::road::{Colleague, Door};
use crate::scope::{Memory, Store};
use crate::settings;

use self::discover::{Finder, PATIENCE, Remote};
use self::door::Ready;

/// How long what is in flight may take when the pod ends. That it ends was told before: pods have a preStop.
const END: Duration = Duration::from_secs(20);

/// Which part of an application a pod is.
#[derive(Debug)]
enum Part<'a> {
    /// Stands between who asks and the replicas of this service.
    Root(&'a Service),
    /// Answers.
    Replica(&'a Service),
    /// Stands, and leads.
    Candidate(&'a Candidates),
    /// Works, and ends.
    Worker(&'a Indexed),
}

/// Is the part of `app` that the environment says, until the pod is told to end.
pub(crate) async fn serve(app: App) -> Result<(), String> {
    // First of all: the first process of a container that does not ask for signals gets none.
    let end = signal(SignalKind::terminate()).map_err(|why| why.to_string())?;
    let role = settings::variable(ROLE);
    let role =
        role.ok_or_else(|| format!("`serve` is for pods, which are told their part by {ROLE}"))?;
    let pod = settings::variable(crate::pattern::POD).unwrap_or_else(|| role.clone());
    let app = Arc::new(app);
    let part = part(&app, &role).ok_or_else(|| {
        format!("this build has no part `{role}`: it is not the program that was deployed")
    })?;
    tracing::info!(%role, %pod, "begins");
    let place = Place { app: Arc::clone(&app), pod, build: build().await };
    match part {
        Part::Root(service) => place.root(service, end).await,
        Part::Replica(service) => place.replica(service, end).await,
        Part::Candidate(leader) => place.candidate(leader, end).await,
        Part::Worker(job) => place.worker(job, end).await,
    }
}

fn part<'a>(app: &'a App, role: &str) -> Option<Part<'a>> {
    let services = || app.services.iter();
    let replica = services().find(|one| one.stem() == role).map(Part::Replica);
    let root = || services().find(|one| one.has_root() && one.name == role).map(Part::Root);
    let leader = || app.leaders.iter().find(|one| one.name == role).map(Part::Candidate);
    let job = || app.jobs.iter().find(|one| one.name == role).map(Part::Worker);
    replica.or_else(root).or_else(leader).or_else(job)
}

/// A pod of an application.
struct Place {
    app: Arc<App>,
    pod: String,
    build: HeaderValue,
}

impl Place {
    /// The gateway, with the program's own key or merge, before the replicas of `service`.
    async fn root(&self, service: &Service, mut end: Signal) -> Result<(), String> {
        let tasks = Tasks::default();
        let (finder, latest) = Finder::new(&self.app, Door::Root);
        let gateway = Gateway::new(latest)
            .listen(everywhere(PORT))
            .admin(everywhere(ADMIN))
            .workers(std::thread::available_parallelism().map_or(1, usize::from))
            .drain(Duration::ZERO, END);
        let carrier = |tasks, clock| Colleague(Network::new(tasks, clock));
        let running = gateway.start_with(carrier).map_err(|why| format!("{why:#}"))?;
        let follow = |least| finder.follow(&service.name, least, &tasks);
        let found = async {
            follow(1).await;
            // An answer wants more than one; but whoever is away may be so for long.
            timeout(PATIENCE, follow(discover::names(service))).await.is_ok()
        };
        let whole = tokio::select! {
            whole = found => whole,
            _ = end.recv() => return Ok(()),
        };
        running.ready();
        tracing::info!(service = service.name, whole, "its replicas are found");
        end.recv().await;
        running.stop().await;
        Ok(())
    }

    /// A replica of `service`.
    async fn replica(&self, service: &Service, mut end: Signal) -> Result<(), String> {
        let (tasks, ready) = (Tasks::default(), Ready::default());
        let (tools, locks) = self.tools(false).await?;
        let index = number(service, &self.pod);
        let seat = self.seat(&service.name, index, service.count, tools, &tasks);
        let seat = Arc::new(seat.asked_in(service.body_most()));
        let bind = |port| TcpListener::bind(everywhere(port));
        let no_address = |why: std::io::Error| format!("cannot listen: {why}");
        let door = bind(ADMIN).await.map_err(no_address)?;
        let listener = bind(PORT).await.map_err(no_address)?;
        let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
        let leaf = Leaf {
            replica: (service.pattern != Pattern::Spread).then(|| self.pod.as_str().into()),
            build: self.build.clone(),
            answering: service.role.open(seat),
            end: stop.clone(),
            kill: kill.clone(),
        };
        let admin = Leaf { replica: None, answering: ready.answering(), ..leaf.clone() };
        tasks.spawn(admin.serve(door, tasks.clone()));
        tasks.spawn(leaf.serve(listener, tasks.clone()));
        ready.set(true);
        end.recv().await;
        ready.set(false);
        stop.cancel();
        if timeout(END, tasks.wait()).await.is_err() {
            tracing::warn!("what was still in flight is cut off");
        }
        kill.cancel();
        if let Some(locks) = locks {
            locks.shutdown().await;
        }
        Ok(())
    }

    /// Stands until the pod ends.
    async fn candidate(&self, leader: &Candidates, mut end: Signal) -> Result<(), String> {
        let (tools, locks) = self.tools(true).await?;
        let tasks = Tasks::default();
        let locks = locks.ok_or("a leader needs locks")?;
        let seat = Arc::new(self.seat(&leader.name, 0, leader.count, tools, &tasks));
        let standing = crate::lead::stand(locks.lock(&leader.name), Arc::clone(&leader.lead), seat);
        tokio::select! {
            () = standing => {}
            _ = end.recv() => {}
        }
        // Given back before this process ends, so that another leads at once.
        locks.shutdown().await;
        Ok(())
    }

    /// Works until it has ended.
    async fn worker(&self, job: &Indexed, mut end: Signal) -> Result<(), String> {
        let (tools, locks) = self.tools(false).await?;
        let index = settings::variable(INDEX).and_then(|index| index.parse().ok());
        let seat =
            self.seat(&job.name, index.unwrap_or_default(), job.count, tools, &Tasks::default());
        let done = tokio::select! {
            done = (job.work)(Arc::new(seat)) => done.map_err(|why| why.in_full()),
            _ = end.recv() => Err("the pod ended before the work".to_owned()),
        };
        if let Some(locks) = locks {
            locks.shutdown().await;
        }
        done
    }

    /// What handlers may use, and the locks among it; also for whom they are there only because it stands.
    async fn tools(&self, stands: bool) -> Result<(Arc<Tools>, Option<Locks>), String> {
        let declared = self.app.declared();
        let locks = match stands || !declared.locks.is_empty() {
            true => Some(Locks::connect().await.map_err(|why| why.to_string())?),
            false => None,
        };
        let scopes: Arc<dyn Store> = match declared.scopes.is_empty() {
            true => Arc::new(Memory::default()),
            false => {
                let cluster = cluster::connect(&Target::default()).await;
                Arc::new(cluster.map_err(|why| why.to_string())?.scopes(&self.app.name))
            }
        };
        let mut settings = Settings::default();
        for (owner, name, _) in self.app.settings() {
            if let Some(value) = settings::variable(name) {
                settings.insert(owner, name, value);
            }
        }
        Ok((Arc::new(Tools { locks: locks.clone(), scopes, settings, declared }), locks))
    }

    fn seat(
        &self,
        service: &str,
        index: u32,
        count: u32,
        tools: Arc<Tools>,
        tasks: &Tasks,
    ) -> Seat {
        let (finder, latest) = Finder::new(&self.app, Door::Inside);
        let clock = Clock::start();
        let network = Network::new(tasks.clone(), clock);
        let caller: Arc<dyn Caller> = Arc::new(Remote::new(finder, latest, network, clock));
        let place = (index, self.pod.as_str());
        Seat::new(service, place, count, tools, caller, fastrand::Rng::new())
    }
}

fn everywhere(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))
}

/// Which replica of `service` a pod is: its own number also where it has one too many, for its state is
/// called by it. Pods that are alike have none, whatever digits their names end with.
fn number(service: &Service, pod: &str) -> u32 {
    match service.pattern {
        Pattern::Spread => 0,
        Pattern::Shard | Pattern::Scatter => ordinal(pod).unwrap_or_default(),
    }
}

/// The number of a StatefulSet's pod.
fn ordinal(pod: &str) -> Option<u32> {
    metaparticle_gateway::model::ShardName::new(pod).numbered().map(|name| name.ordinal)
}

/// Which build of the program this is: the beginning of its hash.
async fn build() -> HeaderValue {
    let hash = || {
        let program = std::fs::read("/proc/self/exe").ok()?;
        let digest = Sha256::digest(program);
        Some(digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    let hash = tokio::task::spawn_blocking(hash).await.ok().flatten();
    HeaderValue::try_from(hash.as_deref().unwrap_or("unknown")).expect("hexadecimal digits")
}
