//! Who runs in this process? Every replica, candidate and part of a job, each of which can be killed and, but
//! for jobs, started again.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderValue;
use metaparticle_gateway::tasks::Tasks;
use metaparticle_sync::Sync as Locks;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::context::{Caller, Seat, Tools};
use crate::leaf::Leaf;
use crate::pattern::{App, Leading, Role, Working};
use crate::wire::{Error, Result};

/// All who run here.
#[derive(Debug)]
pub(crate) struct Crew {
    members: Mutex<BTreeMap<String, Member>>,
    jobs: watch::Sender<Jobs>,
    tasks: Tasks,
    end: CancellationToken,
}

/// How far the jobs are.
#[derive(Debug, Default)]
struct Jobs {
    open: usize,
    failed: Vec<String>,
}

/// One of them.
#[derive(Debug)]
struct Member {
    duty: Duty,
    seat: Arc<Seat>,
    /// Bound already, and not served yet.
    waiting: Option<TcpListener>,
    kill: CancellationToken,
}

#[derive(Clone)]
enum Duty {
    Answer { role: Role, address: SocketAddr },
    Lead { election: String, lead: Leading },
    Work { work: Working, room: Arc<Semaphore> },
}

impl std::fmt::Debug for Duty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Answer { .. } => "Answer",
            Self::Lead { .. } => "Lead",
            Self::Work { .. } => "Work",
        })
    }
}

/// There is nobody of this name.
#[derive(Debug, thiserror::Error)]
#[error("there is no `{0}` here; there are {1}")]
pub struct Unknown(String, String);

impl Crew {
    /// Everybody of `app`, each replica with a port that is free; nobody does anything yet.
    pub(super) async fn bind(
        app: &App,
        tools: Arc<Tools>,
        caller: Arc<dyn Caller>,
        tasks: Tasks,
    ) -> io::Result<Self> {
        let mut members = BTreeMap::new();
        let seat = |service: &str, (index, replica): (u32, &str), count| {
            let (tools, caller) = (Arc::clone(&tools), Arc::clone(&caller));
            Seat::new(service, (index, replica), count, tools, caller, fastrand::Rng::new())
        };
        for service in &app.services {
            for (index, replica) in service.replicas() {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                let (role, address) = (service.role.clone(), listener.local_addr()?);
                let seat = seat(&service.name, (index, &replica), service.count);
                let seat = seat.asked_in(service.body_most());
                let duty = Duty::Answer { role, address };
                members.insert(replica, Member::new(duty, seat, Some(listener)));
            }
        }
        for leader in &app.leaders {
            for index in 0..leader.count {
                let replica = format!("{}-{index}", leader.name);
                let seat = seat(&leader.name, (index, &replica), leader.count);
                let (election, lead) = (leader.name.clone(), Arc::clone(&leader.lead));
                members.insert(replica, Member::new(Duty::Lead { election, lead }, seat, None));
            }
        }
        let mut jobs = Jobs::default();
        for job in &app.jobs {
            let room = Arc::new(Semaphore::new(job.parallelism as usize));
            for index in 0..job.count {
                let replica = format!("{}-{index}", job.name);
                let seat = seat(&job.name, (index, &replica), job.count);
                let (work, room) = (Arc::clone(&job.work), Arc::clone(&room));
                members.insert(replica, Member::new(Duty::Work { work, room }, seat, None));
                jobs.open += 1;
            }
        }
        let (jobs, _) = watch::channel(jobs);
        Ok(Self { members: Mutex::new(members), jobs, tasks, end: CancellationToken::new() })
    }

    /// Where `replica` listens.
    pub(crate) fn address(&self, replica: &str) -> Option<SocketAddr> {
        match self.members().get(replica)?.duty {
            Duty::Answer { address, .. } => Some(address),
            Duty::Lead { .. } | Duty::Work { .. } => None,
        }
    }

    /// Who there is, where each listens, and whether it lives.
    pub(crate) fn roll(&self) -> Vec<(String, Option<SocketAddr>, bool)> {
        let members = self.members();
        let line = |(name, member): (&String, &Member)| {
            let address = match member.duty {
                Duty::Answer { address, .. } => Some(address),
                Duty::Lead { .. } | Duty::Work { .. } => None,
            };
            (name.clone(), address, !member.kill.is_cancelled())
        };
        members.iter().map(line).collect()
    }

    /// Everybody does what is theirs.
    pub(super) fn begin(self: &Arc<Self>, locks: &Locks) {
        for (name, member) in self.members().iter_mut() {
            self.start(name, member, locks);
        }
    }

    pub(crate) fn kill(&self, replica: &str) -> Result<(), Unknown> {
        let members = self.members();
        let Some(member) = members.get(replica) else { return Err(unknown(replica, &members)) };
        member.kill.cancel();
        Ok(())
    }

    pub(crate) async fn revive(self: &Arc<Self>, replica: &str, locks: &Locks) -> Result<()> {
        let listener = match self.address(replica) {
            Some(address) if !self.lives(replica) => {
                let taken = |why| Error::unavailable(format!("cannot listen at {address}: {why}"));
                Some(TcpListener::bind(address).await.map_err(taken)?)
            }
            _ => None,
        };
        let mut members = self.members();
        if !members.contains_key(replica) {
            return Err(Error::not_found(unknown(replica, &members).to_string()));
        }
        let member = members.get_mut(replica).expect("it was just there");
        if matches!(member.duty, Duty::Work { .. }) || !member.kill.is_cancelled() {
            return Err(Error::bad_request(format!("`{replica}` was not killed, or is a job's")));
        }
        (member.kill, member.waiting) = (CancellationToken::new(), listener);
        self.start(replica, member, locks);
        Ok(())
    }

    /// Waits until the jobs have ended; gives the parts that failed.
    pub(super) async fn finished(&self) -> Vec<String> {
        let mut jobs = self.jobs.subscribe();
        let done = jobs.wait_for(|jobs| jobs.open == 0).await;
        done.map(|jobs| jobs.failed.clone()).unwrap_or_default()
    }

    /// Nobody begins anything more.
    pub(super) fn end(&self) {
        self.end.cancel();
    }

    /// When nobody begins anything more.
    pub(super) fn ending(&self) -> CancellationToken {
        self.end.clone()
    }

    fn lives(&self, replica: &str) -> bool {
        self.members().get(replica).is_some_and(|member| !member.kill.is_cancelled())
    }

    fn members(&self) -> MutexGuard<'_, BTreeMap<String, Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(self: &Arc<Self>, name: &str, member: &mut Member, locks: &Locks) {
        let (seat, kill, end) = (Arc::clone(&member.seat), member.kill.clone(), self.end.clone());
        match member.duty.clone() {
            Duty::Answer { role, .. } => {
                let Some(listener) = member.waiting.take() else { return };
                let leaf = Leaf {
                    replica: Some(name.into()),
                    build: HeaderValue::from_static("local"),
                    answering: role.open(seat),
                    end,
                    kill,
                };
                self.tasks.spawn(leaf.serve(listener, self.tasks.clone()));
            }
            Duty::Lead { election, lead } => {
                let lock = locks.lock(&election);
                self.tasks.spawn(async move {
                    let leading = crate::lead::stand(lock, lead, seat);
                    tokio::select! {
                        () = leading => {}
                        () = kill.cancelled() => {}
                        () = end.cancelled() => {}
                    }
                });
            }
            Duty::Work { work, room } => {
                let (crew, name) = (Arc::clone(self), name.to_owned());
                self.tasks.spawn(async move {
                    let done = tokio::select! {
                        done = async {
                            let _place = room.acquire().await;
                            work(seat).await
                        } => done,
                        () = kill.cancelled() => Err(Error::unavailable("it was killed")),
                        () = end.cancelled() => Err(Error::unavailable("all was ended")),
                    };
                    crew.ended(name, done);
                });
            }
        }
    }

    /// A part of a job has ended.
    fn ended(&self, name: String, done: Result<()>) {
        match &done {
            Ok(()) => tracing::info!(part = %name, "is done"),
            Err(why) => tracing::warn!(part = %name, error = %why.in_full(), "failed"),
        }
        self.jobs.send_modify(|jobs| {
            jobs.open -= 1;
            if let Err(why) = done {
                jobs.failed.push(format!("{name} ({})", why.in_full()));
            }
        });
    }
}

impl Member {
    fn new(duty: Duty, seat: Seat, waiting: Option<TcpListener>) -> Self {
        Self { duty, seat: Arc::new(seat), waiting, kill: CancellationToken::new() }
    }
}

fn unknown(replica: &str, members: &BTreeMap<String, Member>) -> Unknown {
    let names: Vec<_> = members.keys().map(String::as_str).collect();
    Unknown(replica.to_owned(), names.join(", "))
}
