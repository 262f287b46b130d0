//! What is tried, and what came of it? Answers are asked for when chance says, whether those before
//! them are there or not: who waits for a slow one does not ask less (open loop).

use std::ops::Range;
use std::time::Duration;

use anyhow::ensure;
use fastrand::Rng;
use futures::future::try_join_all;
use metaparticle_gateway::snapshot::ServiceLive;
use tokio::time::{Instant, sleep_until};

use crate::leaves::{LEAVES, Leaves, SLOW, Times};

/// What is tried.
#[derive(Debug, Clone)]
pub(crate) struct Trial {
    pub(crate) times: Times,
    /// The word `scatter-hedge`.
    pub(crate) hedge: &'static str,
    pub(crate) answers: usize,
    /// Answers a second.
    pub(crate) rate: f64,
    pub(crate) seed: u64,
    /// From when until when all leaves are slow.
    pub(crate) storm: Option<(Duration, Duration)>,
}

/// One answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    /// When it was asked for, since the start.
    pub(crate) at: Duration,
    pub(crate) took: Duration,
}

/// What came of a trial.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) answers: Vec<Answer>,
    /// Requests to leaves, by second.
    pub(crate) asked: Vec<usize>,
    hedges: usize,
    /// Hedges that the budget forbade.
    denied: usize,
}

impl Run {
    /// What `answers` and `leaves` saw. The gateway's own count of hedges must agree with it; on a
    /// network some are given up before they have arrived, and are counted nevertheless.
    pub(crate) fn of(
        answers: Vec<Answer>,
        leaves: &Leaves,
        live: &ServiceLive,
    ) -> anyhow::Result<Self> {
        let asked = leaves.asked();
        let (retries, hedges, denied) = live.extras();
        let (hedges, denied) = (usize::try_from(hedges)?, usize::try_from(denied)?);
        let (all, first) = (asked.iter().sum::<usize>(), answers.len() * LEAVES);
        ensure!(retries == 0, "{retries} requests were sent again, and none failed");
        ensure!(
            (first..=first + hedges).contains(&all),
            "leaves saw {all} requests of {first} and {hedges} hedges"
        );
        Ok(Self { answers, asked, hedges, denied })
    }

    /// The share of answers that took a second or more.
    pub(crate) fn slow(&self) -> f64 {
        self.slow_within(0..usize::MAX)
    }

    /// The same of those that were asked for in these seconds.
    pub(crate) fn slow_within(&self, seconds: Range<usize>) -> f64 {
        let slow = self.within(seconds.clone()).filter(|answer| answer.took >= SLOW);
        share(slow.count(), self.within(seconds).count())
    }

    /// Requests to leaves beyond one each, as a share of those.
    pub(crate) fn extra(&self) -> f64 {
        share(self.hedges, self.answers.len() * LEAVES)
    }

    /// The same in these seconds, as the leaves saw it.
    pub(crate) fn extra_within(&self, seconds: Range<usize>) -> f64 {
        let asked = self.asked.iter().take(seconds.end).skip(seconds.start).sum();
        share(asked, self.within(seconds).count() * LEAVES) - 1.0
    }

    fn within(&self, seconds: Range<usize>) -> impl Iterator<Item = &Answer> {
        self.answers.iter().filter(move |answer| seconds.contains(&second(answer.at)))
    }

    /// Hedges that were denied, as a share of the requests that leaves get anyway.
    pub(crate) fn denied(&self) -> f64 {
        share(self.denied, self.answers.len() * LEAVES)
    }

    /// The time within which so many per cent of the answers were there.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let times = self.sorted();
        times[(times.len() * percent).div_ceil(100).max(1) - 1]
    }

    /// How long all answers took, the shortest first.
    pub(crate) fn sorted(&self) -> Vec<Duration> {
        let mut times: Vec<_> = self.answers.iter().map(|answer| answer.took).collect();
        times.sort_unstable();
        times
    }
}

/// `part` of `whole`, for people.
#[expect(clippy::cast_precision_loss, reason = "counts of requests, far below 2^53")]
pub(crate) fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

/// The second that `at` lies in.
pub(crate) fn second(at: Duration) -> usize {
    usize::try_from(at.as_secs()).unwrap_or(usize::MAX)
}

/// Asks for all answers of `trial`, each when its time has come.
pub(crate) async fn ask_all<F: Future<Output = anyhow::Result<()>>>(
    trial: &Trial,
    ask: impl Fn() -> F,
) -> anyhow::Result<Vec<Answer>> {
    // Another chance than that of the leaves.
    let mut chance = Rng::with_seed(trial.seed + 1_000_000);
    let start = Instant::now();
    let mut next = Duration::ZERO;
    let answers = (0..trial.answers).map(|_| {
        // Independent clients: the time between two is exponential.
        next += Duration::from_secs_f64(-(1.0 - chance.f64()).ln() / trial.rate);
        let at = next;
        let ask = &ask;
        async move {
            sleep_until(start + at).await;
            ask().await?;
            let took = start.elapsed() - at;
            anyhow::Ok(Answer { at, took })
        }
    });
    try_join_all(answers).await
}
