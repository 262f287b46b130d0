//! What does the file say now? It is looked at four times a second: that works on every file system,
//! and through the symbolic links by which a ConfigMap is mounted.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::file::{read, render};
use crate::model::World;
use crate::stamp::Stamp;
use crate::words::Mistake;

/// Between two looks.
const EVERY: Duration = Duration::from_millis(250);

/// How often a file is read after it was touched.
const LOOKS: u32 = 4;

/// Why a file is not followed from now on.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It cannot be read at all.
    #[error("cannot read `{path}`")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is read, and not right.
    #[error("{rendered}")]
    Wrong {
        /// All mistakes, a line each, for people.
        rendered: String,
        /// The mistakes.
        mistakes: Vec<Mistake>,
    },
}

/// Reads the file at `path`.
///
/// # Errors
/// When it cannot be read, or with all its mistakes.
pub fn load(path: &Path) -> Result<World, Unusable> {
    let unreadable = |source| Unusable::Unreadable { path: path.into(), source };
    understand(path, &std::fs::read(path).map_err(unreadable)?)
}

fn understand(path: &Path, bytes: &[u8]) -> Result<World, Unusable> {
    let text = String::from_utf8_lossy(bytes);
    read(&text).map_err(|mistakes| {
        let rendered = render(&path.to_string_lossy(), &mistakes);
        Unusable::Wrong { rendered, mistakes }
    })
}

/// Calls `changed` each time that what the file at `path` says has changed from `bytes`, with the
/// new world or with what is wrong; for ever.
pub async fn follow(
    path: &Path,
    mut bytes: Vec<u8>,
    mut changed: impl FnMut(Result<World, Unusable>),
) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unreadable = false;
    let (mut stamp, mut looks) = (None, LOOKS);
    loop {
        every.tick().await;
        let found = Stamp::of(path);
        // A file may be written twice within one tick of its clock: one that was touched is read for a
        // few looks more.
        looks = if found == stamp { looks.saturating_sub(1) } else { LOOKS };
        stamp = found;
        if looks == 0 && !unreadable {
            continue;
        }
        match std::fs::read(path) {
            Ok(now) => {
                let returned = std::mem::take(&mut unreadable);
                if now != bytes || returned {
                    bytes = now;
                    changed(understand(path, &bytes));
                }
            }
            Err(source) if !unreadable => {
                unreadable = true;
                changed(Err(Unusable::Unreadable { path: path.into(), source }));
            }
            Err(_) => {}
        }
    }
}
