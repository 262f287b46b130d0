//! How is one container heard through all its lives? Its log is read until it ends; what its pod does then says
//! whether there is more.

use std::time::Duration;

use futures::{AsyncBufReadExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::{Api, LogParams};
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;

use super::resume::Resume;
use super::{Heard, Line, Logs};

/// A log that ends at once is asked for again ever more seldom.
const SOON: Duration = Duration::from_millis(200);
const DOUBLINGS: u32 = 5;

/// Who hears a container.
pub(super) struct Follower<'l> {
    pub(super) pods: &'l Api<Pod>,
    pub(super) name: String,
    pub(super) container: String,
    pub(super) logs: &'l Logs,
    pub(super) heard: &'l Heard<'l>,
    pub(super) places: &'l Semaphore,
}

/// A container between two restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Life {
    id: String,
    runs: bool,
}

impl Follower<'_> {
    /// Tells what it says, until its pod is no more.
    pub(super) async fn run(self, mut seen: watch::Receiver<Option<Pod>>) {
        let Some(mut life) = self.next_life(&mut seen, None).await else { return };
        // Others wait until one ends: the API server is not asked for more at once.
        let Ok(_place) = self.places.acquire().await else { return };
        (self.heard)(Line::Detected { pod: self.name.clone(), container: self.container.clone() });
        let mut resume = Resume::default();
        let mut failed = 0;
        loop {
            let before = failed;
            failed = if self.read(&mut resume, true, false).await > 0 { 0 } else { before + 1 };
            let now = life_of(seen.borrow().as_ref(), &self.container);
            match now {
                None if seen.borrow().is_none() => return,
                // It still runs, as far as is known: the connection broke, or the file was changed.
                Some(now) if now.id == life.id && now.runs => {
                    sleep(SOON * 2_u32.pow(failed.min(DOUBLINGS))).await;
                }
                _ => {
                    let Some(next) = self.next_life(&mut seen, Some(&life.id)).await else {
                        return;
                    };
                    // What it said last, after the connection to it broke.
                    self.read(&mut resume, false, true).await;
                    (life, failed) = (next, 0);
                }
            }
        }
    }

    /// Waits until it lives another life than `last`.
    async fn next_life(
        &self,
        seen: &mut watch::Receiver<Option<Pod>>,
        last: Option<&str>,
    ) -> Option<Life> {
        let another = |pod: &Option<Pod>| {
            pod.is_none()
                || life_of(pod.as_ref(), &self.container)
                    .is_some_and(|life| Some(life.id.as_str()) != last)
        };
        let pod = seen.wait_for(another).await.ok()?.clone();
        life_of(pod.as_ref(), &self.container)
    }

    /// Tells what is new, until the log ends; how much that was.
    async fn read(&self, resume: &mut Resume, follow: bool, previous: bool) -> usize {
        let first = self.logs.params(&self.container);
        let params = match resume.again() {
            Some(since) => LogParams { since_time: Some(since), tail_lines: None, ..first },
            None => first,
        };
        let params = LogParams { follow, previous, ..params };
        let Ok(said) = self.pods.log_stream(&self.name, &params).await else { return 0 };
        let (mut lines, mut count) = (said.lines(), 0);
        while let Ok(Some(line)) = lines.try_next().await {
            if resume.is_new(&line) {
                count += 1;
                (self.heard)(Line::of(&self.name, &self.container, &line));
            }
        }
        count
    }
}

/// The life of a container that has begun.
fn life_of(pod: Option<&Pod>, container: &str) -> Option<Life> {
    let status = pod?.status.as_ref()?;
    let first = status.init_container_statuses.iter().flatten();
    let mut all = first.chain(status.container_statuses.iter().flatten());
    let one: &ContainerStatus = all.find(|one| one.name == container)?;
    let id = one.container_id.clone().filter(|id| !id.is_empty())?;
    Some(Life { id, runs: one.state.as_ref().is_some_and(|state| state.running.is_some()) })
}
