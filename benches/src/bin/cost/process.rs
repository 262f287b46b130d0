//! Who runs, and how much CPU time did it take? Processes that are ended by their id, and no others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::Context;

/// Linux counts CPU time in hundredths of a second for its programs (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);
/// How often, and how long apart, a process is looked at until it has ended.
const LOOKS: u32 = 100;
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A process that was started here; it is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts `command`; what it says goes to files in `folder`.
    pub(crate) fn start(
        command: &mut Command,
        name: &str,
        folder: &Folder,
    ) -> anyhow::Result<Self> {
        let said = fs::File::create(folder.file(&format!("{name}.log")))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { child })
    }

    /// The CPU time that it and its children took so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let id = self.child.id();
        let mut ticks = stat(id).context("the process has ended")?.ticks;
        for child in children(id) {
            ticks += stat(child).map_or(0, |stat| stat.ticks);
        }
        Ok(TICK * ticks)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A master that is asked to end takes its workers along.
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status();
        if asked.is_ok_and(|status| status.success()) {
            for _ in 0..LOOKS {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    return;
                }
                sleep(LOOK_EVERY);
            }
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What `/proc/PID/stat` says.
struct Stat {
    parent: u32,
    ticks: u32,
}

fn stat(id: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field is a name in brackets, which may have spaces; the third follows the last one.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u32>().ok();
    Some(Stat { parent: number(1)?, ticks: number(11)? + number(12)? })
}

fn children(of: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| stat(*id).is_some_and(|stat| stat.parent == of)).collect()
}

/// A temporary folder, that goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("cost-{}-{name}", std::process::id()));
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
