//! How does it all stand together? The joinery: settings in, a gateway out, and its end in order.

mod attend;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use self::attend::{LogFile, LogWriter, follow_certificate};
use crate::admin::{Admin, Mistakes, Ready, State};
use crate::handle::Handle;
use crate::log::Log;
use crate::memory::Memory;
use crate::metrics;
use crate::request::Trust;
use crate::send::{Carrier, Network, Sender, Timers};
use crate::serve::{self, Certificate, Certificates, Connections, Drainer, Listeners, Worker};
use crate::snapshot::Latest;
use crate::tasks::{Clock, Tasks};
use crate::watch::Health;

/// A gateway that is about to run. Embed it: publish worlds, and run it until it should end.
///
/// ```no_run
/// use metaparticle_gateway::app::Gateway;
/// use metaparticle_gateway::{follow, snapshot};
///
/// # async fn example() -> anyhow::Result<()> {
/// let (mut publisher, latest) = snapshot::channel();
/// publisher.publish(&follow::load("gateway.yaml".as_ref())?);
/// let running = Gateway::new(latest).listen("127.0.0.1:8080".parse()?).start()?;
/// running.ready();
/// tokio::signal::ctrl_c().await?;
/// running.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a gateway does nothing until it is started"]
pub struct Gateway {
    latest: Latest,
    listen: Option<SocketAddr>,
    tls: Option<(SocketAddr, Certificates)>,
    /// The default one, which is read again when it changes.
    certificate: Option<Certificate>,
    health: Health,
    admin: Option<SocketAddr>,
    workers: usize,
    trust: Trust,
    memory: Memory,
    connections: Connections,
    log: Option<Box<dyn LogFile>>,
    drain_delay: Duration,
    drain_timeout: Duration,
}

impl Gateway {
    /// A gateway to what `latest` shows, with one worker, that listens nowhere yet.
    pub fn new(latest: Latest) -> Self {
        Self {
            latest,
            listen: None,
            tls: None,
            certificate: None,
            health: Health::default(),
            admin: None,
            workers: 1,
            trust: Trust::default(),
            memory: Memory::new(256 << 20),
            connections: Connections::new(65_536),
            log: None,
            drain_delay: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(25),
        }
    }

    /// Takes requests at `address`; port 0 is one that is free.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    /// Takes requests over TLS at `address`, and shows `certificate`.
    pub fn listen_tls(self, address: SocketAddr, certificate: Certificate) -> Self {
        self.listen_tls_by_host(address, Certificates::default(), Some(certificate))
    }

    /// Takes requests over TLS at `address`, and shows each host its own of `certificates`, or else the
    /// `default`.
    pub fn listen_tls_by_host(
        mut self,
        address: SocketAddr,
        certificates: Certificates,
        default: Option<Certificate>,
    ) -> Self {
        if let Some(default) = &default {
            certificates.set_default(default.first());
        }
        self.tls = Some((address, certificates));
        self.certificate = default;
        self
    }

    /// Tells operators how the cluster is watched.
    pub fn health(mut self, health: Health) -> Self {
        self.health = health;
        self
    }

    /// Lets operators look at `address`.
    pub fn admin(mut self, address: SocketAddr) -> Self {
        self.admin = Some(address);
        self
    }

    /// Serves with this many threads, at least one.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// Believes what these say of clients.
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Holds at most `bytes` of bodies at a time.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Memory::new(bytes);
        self
    }

    /// Has at most `connections` clients at a time.
    pub fn max_connections(mut self, connections: u64) -> Self {
        self.connections = Connections::new(connections);
        self
    }

    /// Writes a line a request into `file`.
    pub fn access_log(mut self, file: impl Write + Send + std::fmt::Debug + 'static) -> Self {
        self.log = Some(Box::new(file));
        self
    }

    /// When it stops: goes on accepting for `delay`, then finishes what it has within `timeout`.
    pub fn drain(mut self, delay: Duration, timeout: Duration) -> Self {
        self.drain_delay = delay;
        self.drain_timeout = timeout;
        self
    }

    /// Starts it, with replicas on the network. Call it in a tokio runtime, which serves operators;
    /// requests are served by threads of their own.
    ///
    /// # Errors
    /// When an address cannot be listened at, or a thread cannot be started.
    pub fn start(self) -> anyhow::Result<Running> {
        self.start_with(Network::new)
    }

    /// Starts it with replicas that `carrier` reaches: made once for each worker, of the owner of
    /// its tasks and the time.
    ///
    /// # Errors
    /// When an address cannot be listened at, or a thread cannot be started.
    pub fn start_with<C: Carrier>(
        self,
        carrier: impl Fn(Tasks, Clock) -> C,
    ) -> anyhow::Result<Running> {
        let clock = Clock::start();
        let log = Log::new(self.log.is_some());
        let (drainer, drain) = Drainer::new();
        let bind = |address| serve::bind(address, self.workers);
        // All addresses first: a gateway that cannot have one starts no thread.
        let operators = self.admin.map(listen_admin).transpose()?;
        let plain = self.listen.map(bind).transpose()?;
        let secure = self.tls.as_ref().map(|(address, _)| bind(*address)).transpose()?;
        let address = plain.as_ref().map(|listeners| listeners.address);
        let tls_address = secure.as_ref().map(|listeners| listeners.address);
        let acceptor = self.tls.as_ref().map(|(_, certificates)| certificates.acceptor());
        let mut doors = doors(self.workers, plain, secure, acceptor.as_ref());
        let mut threads = Vec::new();
        for number in 0..self.workers {
            let tasks = Tasks::default();
            // Connections to replicas are not waited for: they end with the worker's runtime.
            let carrier = carrier(Tasks::default(), clock);
            let sender = Sender { carrier, clock, timers: Timers::default() };
            let handle = Handle {
                latest: self.latest.clone(),
                sender,
                memory: self.memory.clone(),
                log: log.clone(),
                tasks,
            };
            let worker = Worker {
                handle,
                trust: self.trust.clone(),
                drain: drain.clone(),
                connections: self.connections.clone(),
            };
            threads.push(thread(number, worker, doors.pop().unwrap_or_default())?);
        }
        let ready = Ready::default();
        let stop = CancellationToken::new();
        let running = Running {
            ready,
            mistakes: Mistakes::default(),
            address,
            tls_address,
            admin_address: None,
            tasks: Tasks::default(),
            stop,
            log: None,
            drainer,
            threads,
            drain_delay: self.drain_delay,
            drain_timeout: self.drain_timeout,
        };
        drop(drain);
        Ok(self.attend(running, clock, log, operators)?)
    }

    /// Starts what is not a request's business: operators' door, log, certificate.
    fn attend(
        self,
        mut running: Running,
        clock: Clock,
        log: Log,
        operators: Option<TcpListener>,
    ) -> std::io::Result<Running> {
        running.log =
            self.log.map(|file| LogWriter::start(log.clone(), file, clock.epoch())).transpose()?;
        let Running { tasks, stop, .. } = &running;
        if let (Some((_, shown)), Some(certificate)) = (self.tls, self.certificate) {
            let stop = stop.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = follow_certificate(certificate, shown) => {}
                    () = stop.cancelled() => {}
                }
            });
        }
        if let Some(listener) = operators {
            running.admin_address = Some(listener.local_addr()?);
            let (memory, connections, health) = (self.memory, self.connections, self.health);
            let facts = move || metrics::Facts {
                memory: memory.usage(),
                log_dropped: log.dropped(),
                turned_away: log.turned_away(),
                connections: connections.open(),
                watched: health.kinds(),
                // The door knows these better.
                ..metrics::Facts::default()
            };
            let admin = Admin {
                latest: self.latest,
                ready: running.ready.clone(),
                clock,
                facts: Arc::new(facts),
                mistakes: running.mistakes.clone(),
            };
            let (tasks, stop) = (running.tasks.clone(), running.stop.clone());
            running.tasks.spawn(admin.serve(listener, tasks, stop));
        }
        Ok(running)
    }
}

/// A gateway that runs.
#[derive(Debug)]
///
/// One that is dropped without being stopped ends at once.
#[must_use = "a gateway that is not stopped loses what is in flight"]
pub struct Running {
    ready: Ready,
    mistakes: Mistakes,
    address: Option<SocketAddr>,
    tls_address: Option<SocketAddr>,
    admin_address: Option<SocketAddr>,
    tasks: Tasks,
    stop: CancellationToken,
    log: Option<LogWriter>,
    drainer: Drainer,
    threads: Vec<JoinHandle<()>>,
    drain_delay: Duration,
    drain_timeout: Duration,
}

impl Running {
    /// Where it takes requests.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Where it takes requests over TLS.
    #[must_use]
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.tls_address
    }

    /// Where operators look.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// What is wrong with its source, for operators to see.
    #[must_use]
    pub fn mistakes(&self) -> Mistakes {
        self.mistakes.clone()
    }

    /// Says that it may be sent requests: the first picture is there.
    pub fn ready(&self) {
        self.ready.set(State::Ready);
    }

    /// Ends it: not ready any more, then accepts nobody, then finishes what is in flight. What is not
    /// finished in time is cut off.
    pub async fn stop(self) {
        let Self { ready, tasks, stop, log, drainer, threads, drain_delay, drain_timeout, .. } =
            self;
        ready.set(State::Draining);
        drainer.lame();
        tokio::time::sleep(drain_delay).await;
        drainer.close();
        let mut done = tokio::task::spawn_blocking(move || {
            // A worker that panicked has been reported by its own thread.
            threads.into_iter().filter_map(|thread| thread.join().err()).count()
        });
        if tokio::time::timeout(drain_timeout, &mut done).await.is_err() {
            tracing::warn!("what was still in flight is cut off (--drain-timeout)");
            drainer.over();
            done.await.ok();
        }
        stop.cancel();
        tasks.wait().await;
        if let Some(log) = log {
            log.end().await;
        }
    }
}

type Door = Vec<(std::net::TcpListener, Option<TlsAcceptor>)>;

/// The sockets of each worker.
fn doors(
    workers: usize,
    plain: Option<Listeners>,
    secure: Option<Listeners>,
    acceptor: Option<&TlsAcceptor>,
) -> Vec<Door> {
    let mut doors: Vec<Door> = (0..workers).map(|_| Vec::new()).collect();
    for (listeners, tls) in [(plain, None), (secure, acceptor)] {
        let sockets = listeners.map(|listeners| listeners.sockets).unwrap_or_default();
        for (door, socket) in doors.iter_mut().zip(sockets) {
            door.push((socket, tls.cloned()));
        }
    }
    doors
}

/// Starts `worker` in a thread with a runtime of its own.
fn thread<C: Carrier>(
    number: usize,
    worker: Worker<C>,
    door: Door,
) -> anyhow::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = move || {
        runtime.block_on(async move {
            let adopt = |(socket, tls)| TcpListener::from_std(socket).map(|socket| (socket, tls));
            match door.into_iter().map(adopt).collect::<Result<Vec<_>, _>>() {
                Ok(listeners) => worker.run(listeners).await,
                Err(error) => tracing::error!(%error, "a worker cannot use its sockets"),
            }
        });
    };
    let thread = std::thread::Builder::new().name(format!("worker-{number}"));
    thread.spawn(run).context("cannot start a worker's thread")
}

fn listen_admin(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let Listeners { mut sockets, .. } = serve::bind(address, 1)?;
    let socket = sockets.pop().context("one worker has one socket")?;
    Ok(TcpListener::from_std(socket)?)
}
