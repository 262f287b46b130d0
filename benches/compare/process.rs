//! Who runs, what did it take, and how is it ended? By its id, whatever happens.
//!
//! Proxies run on core 0, the load and the replicas on core 1, each kept there by the kernel. A
//! program that is started here is told by the kernel to end when this one has gone, however it went.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, ensure};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

/// Where proxies run.
const PROXY_CORE: &str = "0";
/// Where the load and the replicas run.
const LOAD_CORE: usize = 1;

const LOOKS: u32 = 100;
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Linux counts a program's user and system time in hundredths of a second (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// Keeps this process, and all it starts from now on, on the core of the load.
pub(crate) fn stay_on_the_core_of_the_load() -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(LOAD_CORE)?;
    sched_setaffinity(Pid::from_raw(0), &cores)
        .context("cannot move to core 1: the comparison needs two cores of its own")
}

/// A proxy that was started here; it is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// It, and what it had started once it listened: a master and its workers.
    members: Vec<Pid>,
}

/// CPU time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    pub(crate) total: Duration,
    /// Their parts, as exact as ticks are.
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl Process {
    /// Starts `command` on the proxies' core; what it says goes to `log`.
    pub(crate) fn start(command: &Command, log: &Path) -> anyhow::Result<Self> {
        let said = fs::File::create(log)?;
        let mut pinned = Command::new("taskset");
        pinned.args(["-c", PROXY_CORE, "setpriv", "--pdeathsig", "TERM"]);
        pinned.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            pinned.env(name, value.unwrap_or_default());
        }
        let child = pinned
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()
            .context("cannot start taskset: apt-get install util-linux")?;
        let members = vec![pid(&child)?];
        Ok(Self { child, members })
    }

    /// Looks who belongs to it. From now on these are measured.
    pub(crate) fn gather(&mut self) -> anyhow::Result<()> {
        let mut members = vec![pid(&self.child)?];
        let mut next = 0;
        while let Some(parent) = members.get(next).copied() {
            members.extend(children(parent));
            next += 1;
        }
        self.members = members;
        Ok(())
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// The CPU time that all its processes took so far, with all threads, those that ended too.
    pub(crate) fn cpu(&self) -> anyhow::Result<Cpu> {
        let mut sum = Cpu::default();
        for member in &self.members {
            let total = clock_getcpuclockid(*member).and_then(nix::time::ClockId::now);
            sum.total += Duration::from(total.context("the proxy, or a worker of it, has ended")?);
            let stat = Stat::of(*member).context("the proxy, or a worker of it, has ended")?;
            sum.user += TICK * stat.user;
            sum.system += TICK * stat.system;
        }
        Ok(sum)
    }

    /// The memory that all its processes have in use, in KiB.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        let mut sum = 0;
        for member in &self.members {
            let status = fs::read_to_string(format!("/proc/{member}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let number = line.and_then(|line| line.split_ascii_whitespace().next());
            sum += number.context("a process without memory")?.parse::<u64>()?;
        }
        Ok(sum)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A master that is asked to end takes its workers along; if it does not, all are killed.
        let members = std::mem::take(&mut self.members);
        for (signal, whom) in [(Signal::SIGTERM, &members[..1]), (Signal::SIGKILL, &members[..])] {
            for member in whom {
                // One that has gone already is as good.
                kill(*member, signal).ok();
            }
            for _ in 0..LOOKS {
                if self.has_ended() {
                    return;
                }
                sleep(LOOK_EVERY);
            }
        }
    }
}

fn pid(child: &Child) -> anyhow::Result<Pid> {
    Ok(Pid::from_raw(i32::try_from(child.id())?))
}

/// What `/proc/PID/stat` says.
struct Stat {
    parent: i32,
    user: u32,
    system: u32,
}

impl Stat {
    fn of(id: Pid) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The second field is a name in brackets, which may have spaces; the third follows the last one.
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let parent = fields.nth(1)?.parse().ok()?;
        let user = fields.nth(9)?.parse().ok()?;
        Some(Self { parent, user, system: fields.next()?.parse().ok()? })
    }
}

fn children(of: Pid) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent = |id: &Pid| Stat::of(*id).is_some_and(|stat| stat.parent == of.as_raw());
    ids.map(Pid::from_raw).filter(parent).collect()
}

/// Each folder has a number, so that none is anybody else's.
static FOLDERS: AtomicUsize = AtomicUsize::new(0);

/// A temporary folder, that goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> anyhow::Result<Self> {
        let (process, number) = (std::process::id(), FOLDERS.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("compare-{process}-{number}-{name}"));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes `text` into the file `name`.
    pub(crate) fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.file(name);
        fs::write(&path, text)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// The first line of what a program says of itself.
pub(crate) fn first_line(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output()?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    ensure!(!line.is_empty(), "it says nothing of itself");
    Ok(line.trim().to_owned())
}
