//! What runs without being asked? A job, which ends; and a leader, of whom there is one at a time.

use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use metaparticle_sync::holder::Held;

use crate::context::{Context, Seat, Trip};
use crate::pattern::Setting;
use crate::pattern::said::say_settings;
use crate::wire::{Result, caught};

/// Does one part of a job.
pub(crate) type Working = Arc<dyn Fn(Arc<Seat>) -> BoxFuture<'static, Result<()>> + Send + Sync>;
/// Leads, while it holds.
pub(crate) type Leading =
    Arc<dyn Fn(Held, Arc<Seat>) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// Work that ends, in as many parts as it has.
#[derive(Clone)]
#[must_use = "a job is not done until it is a job of an app"]
pub struct Indexed {
    pub(crate) name: String,
    pub(crate) count: u32,
    pub(crate) parallelism: u32,
    pub(crate) schedule: Option<String>,
    pub(crate) settings: Vec<(String, Setting)>,
    pub(crate) work: Working,
}

/// A job of `parts` parts: each is told its own number by [`Context::index`].
pub fn indexed<F, Fut>(parts: u32, work: F) -> Indexed
where
    F: Fn(Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let work = Arc::new(work);
    let work = move |seat| {
        let (work, context) =
            (Arc::clone(&work), Context::new(seat, Arc::new(()), Trip::default()));
        caught(async move { work(context).await }).map(Result::flatten).boxed()
    };
    Indexed {
        name: String::new(),
        count: parts,
        parallelism: parts,
        schedule: None,
        settings: Vec::new(),
        work: Arc::new(work),
    }
}

impl Indexed {
    /// At most so many parts at a time; all of them where nothing is said.
    pub fn parallelism(self, parallelism: u32) -> Self {
        Self { parallelism, ..self }
    }

    /// Again and again, as cron writes it: `"0 3 * * *"` is every night at three.
    pub fn schedule(self, schedule: &str) -> Self {
        Self { schedule: Some(schedule.to_owned()), ..self }
    }
}

impl fmt::Debug for Indexed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Indexed").field("name", &self.name).field("count", &self.count).finish()
    }
}

/// What may be a job: an [`indexed`] one, or a function of a [`Context`], which is one part. `M` is the
/// compiler's business.
pub trait Job<M> {
    #[doc(hidden)]
    fn job(self) -> Indexed;
}

impl Job<Self> for Indexed {
    fn job(self) -> Self {
        self
    }
}

impl<F, Fut> Job<fn(Context) -> Fut> for F
where
    F: Fn(Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    fn job(self) -> Indexed {
        indexed(1, self)
    }
}

/// Replicas of which one leads.
#[derive(Clone)]
#[must_use = "nobody stands until it is a leader of an app"]
pub struct Candidates {
    pub(crate) name: String,
    pub(crate) count: u32,
    pub(crate) settings: Vec<(String, Setting)>,
    pub(crate) lead: Leading,
}

/// `replicas` stand; who leads does `lead`, until it ends or is lost. Then it stands again.
pub fn candidates<F, Fut>(replicas: u32, lead: F) -> Candidates
where
    F: Fn(Held, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let lead = Arc::new(lead);
    let lead = move |held, seat| {
        let (lead, context) =
            (Arc::clone(&lead), Context::new(seat, Arc::new(()), Trip::default()));
        caught(async move { lead(held, context).await }).map(Result::flatten).boxed()
    };
    let (name, settings) = (String::new(), Vec::new());
    Candidates { name, count: replicas, settings, lead: Arc::new(lead) }
}

say_settings!(Indexed: settings; Candidates: settings;);

impl fmt::Debug for Candidates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidates").field("name", &self.name).field("count", &self.count).finish()
    }
}

/// What may be a leader: [`candidates`], or a function of what it holds and a [`Context`], for which two
/// stand. `M` is the compiler's business.
pub trait Leader<M> {
    #[doc(hidden)]
    fn leader(self) -> Candidates;
}

impl Leader<Self> for Candidates {
    fn leader(self) -> Self {
        self
    }
}

impl<F, Fut> Leader<fn(Held, Context) -> Fut> for F
where
    F: Fn(Held, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    fn leader(self) -> Candidates {
        candidates(2, self)
    }
}
