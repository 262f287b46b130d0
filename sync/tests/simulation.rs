//! Does it hold when everything goes wrong that can? Processes whose clocks differ in offset and rate contend for
//! Leases of an API server that delays, forgets, repeats and falls over; time is paused, and everything
//! follows from a seed. `SEED=17 cargo test --test simulation shards -- --nocapture` shows one again.

#[path = "simulation/faults.rs"]
mod faults;
#[path = "simulation/journal.rs"]
mod journal;
#[path = "simulation/judge.rs"]
mod judge;
#[path = "simulation/linear.rs"]
mod linear;
#[path = "simulation/node.rs"]
mod node;
#[path = "simulation/register.rs"]
mod register;
#[path = "simulation/server.rs"]
mod server;
#[path = "simulation/share.rs"]
mod share;
#[path = "simulation/world.rs"]
mod world;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use metaparticle_testbed::figures;

use self::judge::{Verdict, Violation};
use self::linear::{Exclusive, Operation, Use, is_linearizable};
use self::world::{Kind, Rules};

/// How many worlds are tried, of each kind.
const LOCKS: u64 = 10_000;
const SEMAPHORES: u64 = 1000;
const SHARES: u64 = 1000;

/// Runs all worlds of a kind; in none is anything wrong.
fn check(name: &str, seeds: u64, kind: Kind) {
    let rules = Rules::of(kind);
    if let Some(seed) = seed() {
        let verdict = world::run(seed, &rules, true);
        panic!("seed {seed}: {verdict:?}");
    }
    let begun = tokio::time::Instant::now();
    let total = many(0..seeds, &rules).unwrap_or_else(|(seed, violation)| {
        panic!("{violation}\nSEED={seed} cargo test --test simulation {name} -- --nocapture")
    });
    let Verdict { holds, requests, faults, histories, operations } = total;
    figures::tell(
        &format!("simulation-{name}"),
        &format!(
            "simulation of {name}: {seeds} seeds, {holds} times held, {requests} requests, {faults} of them at \
             fault; {histories} histories of {operations} operations checked; {:.1?}",
            begun.elapsed()
        ),
    );
    assert!(holds > seeds && faults > seeds && histories > seeds, "hardly anything happened");
}

#[test]
fn locks_have_one_holder_tokens_grow_work_ends_first_and_somebody_leads_in_the_end() {
    check("locks", LOCKS, Kind::Lock);
}

#[test]
fn semaphores_have_no_more_holders_than_permits_and_no_two_of_one_permit() {
    check("semaphores", SEMAPHORES, Kind::Semaphore(2));
}

#[test]
fn shards_have_one_owner_and_all_of_them_have_one_in_the_end() {
    check("shards", SHARES, Kind::Shards(5));
}

#[test]
fn a_seed_replays() {
    for kind in [Kind::Lock, Kind::Semaphore(2), Kind::Shards(5)] {
        let rules = Rules::of(kind);
        let once = world::run(4711, &rules, false);
        assert_eq!(once, world::run(4711, &rules, false), "{kind:?}");
        assert_ne!(once, world::run(4712, &rules, false), "{kind:?}");
    }
}

/// The guards of the first tests, tried on worlds in which something is broken: it is found out, and so.
fn find_out(what: &str, rules: &Rules, is_so: impl Fn(&Violation) -> bool) {
    let (seed, violation) = many(0..LOCKS, rules).expect_err(what);
    assert!(is_so(&violation), "seed {seed}: {violation}");
    let name = what.replace(' ', "-");
    figures::tell(
        &format!("simulation-with-{name}"),
        &format!("  {what}: found out by seed {seed}"),
    );
}

fn is_overlap(violation: &Violation) -> bool {
    matches!(violation, Violation::Overlap { .. })
}

#[test]
fn a_server_that_does_not_compare_before_it_swaps_is_found_out() {
    for kind in [Kind::Lock, Kind::Semaphore(2), Kind::Shards(5)] {
        let blind = Rules { compares: false, ..Rules::of(kind) };
        find_out(&format!("no compare and swap, {kind:?}"), &blind, |violation| {
            !matches!(violation, Violation::NobodyLeads { .. })
        });
    }
}

#[test]
fn a_lease_without_a_margin_is_found_out() {
    find_out("no margin", &Rules { margin: false, ..Rules::default() }, is_overlap);
}

#[test]
fn clocks_that_differ_more_than_the_margin_allows_are_found_out() {
    find_out("clocks that drift by a tenth", &Rules { drift: 0.1, ..Rules::default() }, is_overlap);
}

#[test]
fn others_judged_by_the_clock_on_the_wall_are_found_out() {
    find_out(
        "judging by the clock on the wall",
        &Rules { wall: true, ..Rules::default() },
        is_overlap,
    );
}

#[test]
fn a_lock_that_is_given_back_before_the_work_ended_is_found_out() {
    let early =
        |violation: &Violation| matches!(violation, Violation::GivenBackBeforeTheWorkEnded { .. });
    find_out("given back before the work ended", &Rules { hasty: true, ..Rules::default() }, early);
}

#[test]
fn a_register_without_a_fence_is_found_out_by_its_history() {
    let unexplained =
        |violation: &Violation| matches!(violation, Violation::NotLinearizable { .. });
    find_out("no fence", &Rules { fences: false, ..Rules::default() }, unexplained);
}

#[test]
fn a_lock_that_two_use_at_the_same_time_has_no_history_in_order() {
    let operation = |from, to, call| Operation { from, to, call };
    let one = [
        operation(1, Some(2), Use::Acquire(5)),
        operation(3, Some(4), Use::Act(5)),
        operation(5, None, Use::End(5)),
    ];
    let with =
        |more: &[Operation<Use>]| is_linearizable(Exclusive::default(), &[&one[..], more].concat());
    assert!(with(&[]) && with(&[operation(1, Some(6), Use::Acquire(6))]), "one after the other");
    assert!(with(&[operation(0, Some(9), Use::Acquire(6)), operation(10, Some(11), Use::Act(6))]));
    assert!(!with(&[operation(1, Some(3), Use::Acquire(6))]), "it had not ended");
    assert!(!with(&[operation(6, Some(7), Use::Acquire(4))]), "terms grow");
    let late = [operation(6, Some(7), Use::Acquire(6)), operation(8, Some(9), Use::Act(5))];
    assert!(!with(&late), "it was over");
}

/// Runs all seeds, on two threads; the first world found in which something is wrong.
fn many(seeds: Range<u64>, rules: &Rules) -> Result<Verdict, (u64, Violation)> {
    let next = AtomicU64::new(seeds.start);
    let run = || {
        let mut total = Verdict::default();
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= seeds.end {
                return Ok(total);
            }
            match world::run(seed, rules, false) {
                Ok(verdict) => total += verdict,
                Err(violation) => {
                    next.store(seeds.end, Relaxed);
                    return Err((seed, violation));
                }
            }
        }
    };
    thread::scope(|scope| {
        let threads = [scope.spawn(run), scope.spawn(run)];
        let mut total = Verdict::default();
        for thread in threads {
            total += thread.join().expect("a simulation does not panic")?;
        }
        Ok(total)
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a seed that failed is given to a test by its environment"
)]
fn seed() -> Option<u64> {
    std::env::var("SEED").ok()?.parse().ok()
}
