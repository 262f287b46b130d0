//! When is it done? What happens is watched; what it means, the picture says.

use futures::{StreamExt as _, stream};
use tokio::time::{Duration, Instant, MissedTickBehavior, interval};

use crate::cluster::apply::Applied;
use crate::cluster::connect::Cluster;
use crate::cluster::deploy::Options;
use crate::cluster::fault::Fault;
use crate::cluster::picture::{Awaited, Picture, Seen};
use crate::cluster::watch::{Seeing, selector};
use crate::report::{Event, Told};

/// Reasons are given their time by the second.
const TICK: Duration = Duration::from_secs(1);

/// It did not become ready; what was seen says why.
#[derive(Debug)]
pub(super) struct Stuck {
    pub(super) fault: Fault,
    pub(super) picture: Picture,
    /// The pods whose words matter.
    pub(super) guilty: Vec<String>,
    pub(super) awaited: Vec<Awaited>,
}

impl Cluster {
    /// Waits until all workloads are ready: what is said about them since `version` counts.
    pub(super) async fn ready(
        &self,
        applied: &[Applied],
        version: u64,
        options: &Options,
        told: &Told<'_>,
    ) -> Result<(), Box<Stuck>> {
        let awaited = applied.iter().filter_map(awaited).collect::<Vec<_>>();
        if awaited.is_empty() {
            return Ok(());
        }
        let mut seeing = self.seeing(applied, version);
        let begun = Instant::now();
        let mut picture = Picture::default();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut blind = None;
        loop {
            tokio::select! {
                Some(seen) = seeing.next() => {
                    tell_blindness(&mut blind, &seen, told);
                    picture.see(seen);
                    // What came with it is one change.
                    while let Some(Some(seen)) = futures::FutureExt::now_or_never(seeing.next()) {
                        picture.see(seen);
                    }
                }
                _ = tick.tick() => {}
            }
            let since = begun.elapsed();
            let meaning =
                picture.judge(&awaited, &options.patience, options.jobs_to_their_end, since);
            meaning.news.into_iter().for_each(told);
            let (fault, guilty) = if !meaning.broken.is_empty() {
                (Fault::Broken { reasons: meaning.broken }, meaning.guilty)
            } else if meaning.waiting.is_empty() {
                return Ok(());
            } else if since >= options.timeout {
                let fault = Fault::TimedOut { waiting: meaning.waiting, within: options.timeout };
                (fault, picture.unready(&awaited))
            } else {
                continue;
            };
            return Err(Box::new(Stuck { fault, picture, guilty, awaited }));
        }
    }

    fn seeing(&self, applied: &[Applied], version: u64) -> Seeing {
        let workloads = applied.iter().filter(|one| awaited(one).is_some());
        let each = workloads.map(|one| {
            let labels = serde_json::from_value(one.body["spec"]["selector"].clone());
            self.see_workload(&one.item.thing(), &selector(&labels.unwrap_or_default()))
        });
        stream::select_all(each.chain([self.see_words(version)])).boxed()
    }
}

/// What is waited for of an object, if anything is.
fn awaited(applied: &Applied) -> Option<Awaited> {
    let waits = ["Deployment", "StatefulSet", "Job"].contains(&applied.item.kind.as_str());
    waits.then(|| Awaited {
        thing: applied.item.thing(),
        uid: applied.item.uid.clone().unwrap_or_default(),
        generation: applied.body["metadata"]["generation"].as_i64().unwrap_or_default(),
    })
}

/// Says once that nothing is seen, and why.
fn tell_blindness(blind: &mut Option<String>, seen: &Seen, told: &Told<'_>) {
    match seen {
        Seen::Blind(why) if blind.as_ref() != Some(why) => {
            *blind = Some(why.clone());
            told(Event::Warning { what: format!("{why}: trying again") });
        }
        Seen::Blind(_) => {}
        _ => *blind = None,
    }
}
