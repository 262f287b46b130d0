//! What did a request take? CPU time of the proxy's processes over a window in which a load runs that
//! was running before and runs on, divided by the answers that the replicas gave in it.

use std::fmt;
use std::time::Duration;

use anyhow::ensure;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::contestants::Contestant;
use crate::load::Load;
use crate::origin::Origins;
use crate::works::Work;

/// One measurement.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Run {
    /// CPU time of a request, in microseconds.
    pub(crate) micros: f64,
    /// The part of it that the kernel took, as exact as its ticks of 10 ms are.
    pub(crate) system_share: f64,
    pub(crate) per_second: f64,
    /// How busy the proxy's core was with it: below 1 it waited for the load.
    pub(crate) busy: f64,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { micros, per_second, busy, system_share: _ } = self;
        write!(f, "{micros:.2} µs, {per_second:.0}/s, {:.0} % busy", busy * 100.0)
    }
}

/// Loads `contestant` and measures it for `window`.
pub(crate) async fn run(
    contestant: &Contestant,
    work: &Work,
    load: &Load<'_>,
    origins: &Origins,
    window: Duration,
) -> anyhow::Result<Run> {
    let running = load.start(contestant.address, window)?;
    running.warm(work, origins).await?;
    let (cpu, answered, start) = (contestant.process.cpu()?, origins.answered(), Instant::now());
    sleep(window).await;
    let (cpu_end, answered_end) = (contestant.process.cpu()?, origins.answered());
    let took = start.elapsed();
    running.stop().await?;
    ensure!(answered_end > answered, "nothing was answered in {window:?}");
    #[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
    let requests = (answered_end - answered) as f64 / work.leaves() as f64;
    let total = (cpu_end.total - cpu.total).as_secs_f64();
    let (user, system) = (cpu_end.user - cpu.user, cpu_end.system - cpu.system);
    Ok(Run {
        micros: total * 1e6 / requests,
        system_share: system.as_secs_f64() / (user + system).as_secs_f64().max(1e-3),
        per_second: requests / took.as_secs_f64(),
        busy: total / took.as_secs_f64(),
    })
}
