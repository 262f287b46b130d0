//! In which order is a plan put in force? So that it may be killed anywhere: what is about to be made is written down
//! first, what is deleted is deleted last, and every step that was done is done again without a trace.
//!
//! ```text
//!   compare ── lock ── record ── apply ── wait ── prune ── mark
//!   nothing written      │        └─────────┴── fails: evidence, the last live revision again
//!                        └ pending revision, and everything that it will make
//! ```

use k8s_openapi::jiff::Timestamp;
use rustix::system::uname;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use crate::cluster::apply::{Applied, foreign};
use crate::cluster::connect::Cluster;
use crate::cluster::fault::Fault;
use crate::cluster::lock;
use crate::cluster::parent::{Begun, Item, Parent, State};
use crate::cluster::preview::Difference;
use crate::cluster::stuck::Patience;
use crate::cluster::wait::Stuck;
use crate::plan::Plan;
use crate::report::{Event, Step, Told};
use crate::settings;

/// How a plan is put in force.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who deploys, as others see it while they wait.
    pub who: String,
    /// For how long it may take until all is ready.
    pub timeout: Duration,
    /// For how long it waits while somebody else deploys.
    pub lock_within: Duration,
    /// What is borne for how long.
    pub patience: Patience,
    /// Whether it waits until all is ready.
    pub wait: bool,
    /// Whether jobs are waited for until they end; else until they run.
    pub jobs_to_their_end: bool,
    /// Whether the last live revision is put in force again when this one fails.
    pub roll_back: bool,
    /// Whether fields are taken from whoever else manages them.
    pub force_conflicts: bool,
    /// Whether a context that is called like a production cluster is meant.
    pub production: bool,
    /// When this is cancelled, nobody waits any more; the cluster goes on.
    pub stop: CancellationToken,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            who: who(),
            timeout: Duration::from_secs(600),
            lock_within: lock::WITHIN,
            patience: Patience::default(),
            wait: true,
            jobs_to_their_end: false,
            roll_back: true,
            force_conflicts: false,
            production: false,
            stop: CancellationToken::new(),
        }
    }
}

/// `user@machine`, as far as that is known.
fn who() -> String {
    let name = uname();
    let machine = name.nodename().to_string_lossy();
    settings::user().map_or_else(|| machine.to_string(), |user| format!("{user}@{machine}"))
}

/// What is in force.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Live {
    /// Its number.
    pub revision: u32,
    /// Whether it is another than before.
    pub changed: bool,
}

/// What is deployed, and how.
#[derive(Clone, Copy)]
pub(super) struct Work<'w> {
    pub(super) plan: &'w Plan,
    pub(super) options: &'w Options,
    pub(super) told: &'w Told<'w>,
    /// Why this revision is, if it is not a new one.
    pub(super) note: Option<&'w str>,
}

impl Cluster {
    /// Puts `plan` in force, and waits until it is. Run again, it changes nothing; killed anywhere and run again, it
    /// comes to the same end.
    ///
    /// # Errors
    /// When it is not in force; then, if there was one, the last live revision is again.
    pub async fn deploy(
        &self,
        plan: &Plan,
        options: &Options,
        told: &Told<'_>,
    ) -> Result<Live, Fault> {
        self.open(plan.application.as_str(), options, told)?;
        self.deploy_there(plan, options, told).await
    }

    /// The same, where it was said already where that is.
    pub(crate) async fn deploy_there(
        &self,
        plan: &Plan,
        options: &Options,
        told: &Told<'_>,
    ) -> Result<Live, Fault> {
        Box::pin(self.put_in_force(Work { plan, options, told, note: None })).await
    }

    /// Says where it goes, and refuses what is called like a production cluster, unless it is meant.
    pub(crate) fn open(
        &self,
        application: &str,
        options: &Options,
        told: &Told<'_>,
    ) -> Result<(), Fault> {
        told(self.target(application));
        match &self.place.context {
            Some(context) if self.place.is_production() && !options.production => {
                Err(Fault::Production { context: context.clone() })
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn put_in_force(&self, work: Work<'_>) -> Result<Live, Fault> {
        let Work { plan, options, told, .. } = work;
        let begun = Instant::now();
        let application = plan.application.as_str();
        let opening = async {
            told(Event::Step { step: Step::Compare });
            let known = self.parent(application).await?.filter(|parent| !parent.going);
            let version = known.as_ref().and_then(|parent| parent.version.clone());
            let known = known.unwrap_or_else(|| Parent::new(application));
            tell(&self.preview(plan, &known).await?, options, told)?;
            told(Event::Step { step: Step::Lock });
            // Where it is somebody else's, nothing is written.
            self.leased(application).await?;
            Ok((version, self.ensure(application, options, told).await?))
        };
        let (version, parent) = tokio::select! {
            opened = opening => opened?,
            () = options.stop.cancelled() => return Err(Fault::Detached),
        };
        let live = self.locked(&parent, options, told, async {
            let parent = self.ensure(application, options, told).await?;
            if version.is_some() && parent.version != version {
                // Somebody else has deployed meanwhile.
                tell(&self.preview(plan, &parent).await?, options, told)?;
            }
            Box::pin(self.roll_out(work, parent)).await
        });
        let live = Box::pin(live).await?;
        let seconds = begun.elapsed().as_secs_f64();
        told(Event::Live { revision: live.revision, changed: live.changed, seconds });
        Ok(live)
    }

    async fn roll_out(&self, work: Work<'_>, mut parent: Parent) -> Result<Live, Fault> {
        let Work { plan, options, told, note } = work;
        told(Event::Step { step: Step::Record });
        let before = parent.clone();
        let at = Timestamp::now().to_string();
        let begun = parent.begin(plan, &at, &options.who, note.map(str::to_owned))?;
        parent.expect(&plan.objects.iter().map(Item::of).collect::<Vec<_>>());
        if parent != before {
            self.record(&mut parent).await?;
        }
        let applied = match self.establish(work, &parent).await {
            Ok(applied) => applied,
            Err(stuck) => return Err(Box::pin(self.recover(work, parent, begun, *stuck)).await),
        };
        told(Event::Step { step: Step::Prune });
        self.prune(plan, &parent, told).await?;
        told(Event::Step { step: Step::Mark });
        self.mark(&mut parent, begun, applied).await?;
        Ok(Live { revision: begun.number, changed: begun.changed })
    }

    /// Applies, and waits.
    pub(super) async fn establish(
        &self,
        work: Work<'_>,
        parent: &Parent,
    ) -> Result<Vec<Applied>, Box<Failure>> {
        let Work { plan, options, told, .. } = work;
        told(Event::Step { step: Step::Apply });
        let applied = async {
            let version = self.words_version().await?;
            Ok((version, self.apply(plan, parent, options, told).await?))
        };
        let (version, applied) = applied.await.map_err(|fault| Box::new(Failure::Fault(fault)))?;
        if options.wait {
            told(Event::Step { step: Step::Wait });
            let ready = self.ready(&applied, version, options, told).await;
            ready.map_err(|stuck| Box::new(Failure::Stuck(stuck)))?;
        }
        Ok(applied)
    }

    /// Writes down that it is in force, and what it is.
    async fn mark(
        &self,
        parent: &mut Parent,
        begun: Begun,
        applied: Vec<Applied>,
    ) -> Result<(), Fault> {
        let before = parent.clone();
        parent.inventory = applied.into_iter().map(|one| one.item).collect();
        parent.inventory.sort();
        if let Some(revision) = parent.revision_mut(begun.number) {
            revision.state = State::Live;
        }
        if *parent != before {
            self.record(parent).await?;
        }
        Ok(())
    }
}

/// Why it was not established.
pub(super) enum Failure {
    /// An object was not applied.
    Fault(Fault),
    /// All was applied, and did not become ready.
    Stuck(Box<Stuck>),
}

/// Tells what would change, and stops where somebody else manages it.
fn tell(differences: &[Difference], options: &Options, told: &Told<'_>) -> Result<(), Fault> {
    differences.iter().for_each(|difference| told(difference.event()));
    let conflicts = differences.iter().flat_map(|one| foreign(&one.conflicts)).collect::<Vec<_>>();
    if conflicts.is_empty() || options.force_conflicts {
        return Ok(());
    }
    Err(Fault::Conflicts { conflicts })
}
