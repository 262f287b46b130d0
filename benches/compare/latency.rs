//! How much later do answers come through a gateway than without it, when it is half busy?
//!
//! First it is found out what it can do at most; then it is asked for half of that, and a replica is
//! asked for as much without it, in turn. Requests leave when they are due (open loop).

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::contestants::Contestant;
use crate::load::{Load, open};
use crate::origin::Origins;
use crate::works::Work;

/// How long it is loaded to find out what it can do.
const CALIBRATION: Duration = Duration::from_millis(500);

/// One measurement.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Latency {
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) through: Percentiles,
    /// The same without a gateway.
    pub(crate) direct: Percentiles,
}

/// In microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
}

impl Latency {
    /// What the gateway adds.
    pub(crate) fn added(&self) -> Percentiles {
        let Self { rate: _, through, direct } = self;
        let (p50, p99) = (through.p50 - direct.p50, through.p99 - direct.p99);
        Percentiles { p50, p99, p999: through.p999 - direct.p999 }
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, through, direct } = self;
        write!(f, "at {rate:.0}/s {through} µs, direct {direct} µs")
    }
}

impl Percentiles {
    /// Of nanoseconds.
    pub(crate) fn of(all: &Histogram<u64>) -> Self {
        let at =
            |quantile| Duration::from_nanos(all.value_at_quantile(quantile)).as_secs_f64() * 1e6;
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p99, p999 } = self;
        write!(f, "{p50:.0} / {p99:.0} / {p999:.0}")
    }
}

/// Measures `contestant` for `window`, as fast as it was asked the first time.
pub(crate) async fn run(
    contestant: &Contestant,
    work: &Work,
    load: &Load<'_>,
    origins: &Origins,
    window: Duration,
    first: Option<&Latency>,
) -> anyhow::Result<Latency> {
    let rate = match first {
        Some(first) => first.rate,
        None => most(contestant, work, load, origins).await? / 2.0,
    };
    let replicas: Vec<SocketAddr> =
        origins.replicas.iter().map(|replica| replica.address).collect();
    let direct = open::run(work, &replicas, rate, window).await.context("without a gateway")?;
    let through = open::run(work, &[contestant.address], rate, window).await?;
    Ok(Latency { rate, through, direct })
}

/// Answers a second that it can give.
async fn most(
    contestant: &Contestant,
    work: &Work,
    load: &Load<'_>,
    origins: &Origins,
) -> anyhow::Result<f64> {
    let running = load.start(contestant.address, CALIBRATION)?;
    running.warm(work, origins).await?;
    let (answered, start) = (origins.answered(), Instant::now());
    sleep(CALIBRATION).await;
    let answered = u32::try_from(origins.answered() - answered)?;
    let took = start.elapsed().as_secs_f64();
    running.stop().await?;
    ensure!(answered > 0, "nothing was answered");
    Ok(f64::from(answered) / took)
}
