//! Which replica is the best one, of several that would do?

use std::time::Duration;

use crate::snapshot::{Replica, Service};
use crate::words::Balance;

/// The places already tried for one request. Retries are few: past six, the first are forgotten.
#[derive(Debug, Default)]
pub(super) struct Tried {
    places: [u32; 6],
    count: usize,
}

impl Tried {
    pub(super) fn add(&mut self, place: u32) {
        self.places[self.count % self.places.len()] = place;
        self.count += 1;
    }

    /// The place added last; 0 where none was.
    pub(super) fn last(&self) -> u32 {
        self.places[self.count.wrapping_sub(1) % self.places.len()]
    }

    fn has(&self, place: u32) -> bool {
        self.places[..self.count.min(self.places.len())].contains(&place)
    }
}

/// The best of `among` that was not tried, and, where `healthy_at` is given, not ejected then.
/// `chance` is 64 random bits.
pub(super) fn best(
    service: &Service,
    balance: Balance,
    among: &[u32],
    tried: &Tried,
    healthy_at: Option<Duration>,
    chance: u64,
) -> Option<u32> {
    let usable = |place: u32| {
        let replica = &service.replicas[place as usize];
        !tried.has(place) && healthy_at.is_none_or(|now| !replica.live.is_ejected(now))
    };
    let first = match (balance, among) {
        (_, []) => return None,
        (_, [only]) => return usable(*only).then_some(*only),
        (Balance::RoundRobin, _) => {
            among.iter().find(|place| usable(**place))?;
            turn(service, among, tried) as usize % among.len()
        }
        (Balance::Random, _) => draw(chance, among.len()),
        (Balance::LeastRequest, _) => {
            let load = |replica: &Replica| f64::from(replica.live.in_flight());
            two_choices(service, among, chance, usable, load)
        }
        (Balance::PeakEwma, _) => {
            let now = healthy_at.unwrap_or_default();
            two_choices(service, among, chance, usable, |replica| replica.live.cost(now))
        }
    };
    // Usually the first; where it is not usable, the next one round.
    let (before, from) = among.split_at(first);
    from.iter().chain(before).copied().find(|place| usable(*place))
}

/// Whose turn it is of `among`. Each shard has its own count: were it one for the service, a scatter
/// to as many shards as they have replicas would ask the same replica of each shard every time.
fn turn(service: &Service, among: &[u32], tried: &Tried) -> u32 {
    let turn = match among {
        [first, ..] if among.len() < service.ready.len() => {
            &service.replicas[*first as usize].live.turn
        }
        _ => &service.live.turn,
    };
    // A second choice for the same request is no turn: with every request hedged there would be two
    // to each, and of two replicas one would always be the first.
    if tried.count == 0 { turn.take() } else { turn.look() }
}

/// Of two different ones drawn at random the one with the lower `load`: an index into `among`.
fn two_choices(
    service: &Service,
    among: &[u32],
    chance: u64,
    usable: impl Fn(u32) -> bool,
    load: impl Fn(&Replica) -> f64,
) -> usize {
    let one = draw(chance, among.len());
    let step = 1 + draw(chance.rotate_left(32), among.len() - 1);
    let other = (one + step) % among.len();
    let load_of = |index: usize| load(&service.replicas[among[index] as usize]);
    let other_is_better = !usable(among[one]) || load_of(other) < load_of(one);
    if usable(among[other]) && other_is_better { other } else { one }
}

/// A number below `count`, from the upper half of `chance` (Lemire's multiplication, without the
/// rejection: the bias is below count / 2³²).
#[allow(clippy::cast_possible_truncation, reason = "the product's upper half is below `count`")]
fn draw(chance: u64, count: usize) -> usize {
    (((chance >> 32) * count as u64) >> 32) as usize
}
