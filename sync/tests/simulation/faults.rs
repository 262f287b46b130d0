//! What goes wrong, when, and for whom? Drawn once from the seed.

use std::time::Duration;

use fastrand::Rng;

/// When faults end: after it, everything must come right again.
pub(crate) const CALM: Duration = Duration::from_secs(60);

/// What is wrong in one world.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    /// How likely each request goes wrong in some way.
    request: f64,
    /// How likely each event comes late, twice, or breaks the watch.
    event: f64,
    outages: Vec<Outage>,
    /// When somebody deletes a Lease.
    pub(crate) deletions: Vec<Duration>,
    /// When which machine's process falls silent for ever, and another is started in its place.
    pub(crate) crashes: Vec<(usize, Duration)>,
}

/// From when to when the requests of which machine come to nothing, or everybody's.
#[derive(Debug, Clone)]
struct Outage {
    machine: Option<usize>,
    from: Duration,
    to: Duration,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Well,
    /// It does not arrive.
    Lost,
    /// It arrives, and its answer does not.
    Unanswered,
    /// It arrives long after whoever asked has given up.
    Late(Duration),
    /// The server says 409, 429, 410 or 500, and does nothing.
    Refused(u16),
    /// The server says 500, and did it.
    DoneAndFailed,
}

impl Faults {
    pub(crate) fn draw(rng: &mut Rng, machines: usize) -> Self {
        let likely = |rng: &mut Rng| if rng.u8(..3) == 0 { 0.0 } else { rng.f64() * 0.3 };
        let moment = |rng: &mut Rng| CALM.mul_f64(rng.f64());
        let (request, event) = (likely(rng), likely(rng));
        let outages = (0..rng.usize(..3)).map(|_| {
            let from = moment(rng);
            let to = (from + Duration::from_secs(20).mul_f64(rng.f64())).min(CALM);
            Outage { machine: rng.bool().then(|| rng.usize(..machines)), from, to }
        });
        let outages = outages.collect();
        // Who comes after a Lease was deleted cannot know that it had a holder: not both in one world.
        let deletes = rng.u8(..3) == 0;
        let count = rng.usize(..3);
        let deletions = (0..if deletes { count } else { 0 }).map(|_| moment(rng)).collect();
        let crashes = (0..if deletes { 0 } else { count })
            .map(|_| (rng.usize(..machines), moment(rng)))
            .collect();
        Self { request, event, outages, deletions, crashes }
    }

    /// What becomes of a request that `machine` sends at `now`.
    pub(crate) fn fate(&self, rng: &mut Rng, machine: usize, now: Duration) -> Fate {
        let concerns = |outage: &&Outage| outage.machine.is_none_or(|one| one == machine);
        let out = |outage: &Outage| outage.from <= now && now < outage.to;
        if self.outages.iter().filter(concerns).any(out) {
            return Fate::Lost;
        }
        if now >= CALM || rng.f64() >= self.request {
            return Fate::Well;
        }
        match rng.u8(..6) {
            0 => Fate::Lost,
            1 => Fate::Unanswered,
            2 => Fate::Late(Duration::from_secs(20).mul_f64(rng.f64())),
            3 => Fate::DoneAndFailed,
            _ => Fate::Refused([409, 410, 429, 500][rng.usize(..4)]),
        }
    }

    /// How long something is on its way, one way.
    pub(crate) fn delay(&self, rng: &mut Rng, now: Duration) -> Duration {
        let slow = now < CALM && rng.f64() < self.request;
        Duration::from_millis(if slow { rng.u64(..4000) } else { rng.u64(1..20) })
    }

    /// How late an event comes, whether it comes twice, and whether the watch breaks instead.
    pub(crate) fn event(&self, rng: &mut Rng, now: Duration) -> (Duration, bool, bool) {
        let well = now >= CALM || rng.f64() >= self.event;
        let delay = if well { rng.u64(1..20) } else { rng.u64(..10_000) };
        (Duration::from_millis(delay), !well && rng.bool(), !well && rng.u8(..4) == 0)
    }
}
