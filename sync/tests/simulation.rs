//! Does it hold when everything goes wrong that can? Nodes whose clocks differ in offset and rate contend for
//! one Lease of an API server that delays, forgets, repeats and falls over; time is paused, and everything
//! follows from a seed. `SEED=17 cargo test --test simulation -- --nocapture` shows one again.

#[path = "simulation/faults.rs"]
mod faults;
#[path = "simulation/judge.rs"]
mod judge;
#[path = "simulation/node.rs"]
mod node;
#[path = "simulation/server.rs"]
mod server;
#[path = "simulation/world.rs"]
mod world;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use self::judge::{Verdict, Violation};
use self::world::Rules;

/// How many worlds are tried.
const SEEDS: u64 = 10_000;

#[test]
#[expect(clippy::print_stdout, reason = "a test's output is what its reader has")]
fn no_two_hold_it_tokens_grow_work_ends_first_and_somebody_leads_in_the_end() {
    if let Some(seed) = seed() {
        let verdict = world::run(seed, &Rules::default(), true);
        panic!("seed {seed}: {verdict:?}");
    }
    let begun = tokio::time::Instant::now();
    let total = many(0..SEEDS, &Rules::default()).unwrap_or_else(|(seed, violation)| {
        panic!("{violation}\nSEED={seed} cargo test --test simulation -- --nocapture")
    });
    let Verdict { holds, requests, faults } = total;
    let took = begun.elapsed();
    println!(
        "simulation: {SEEDS} seeds, {holds} times held, {requests} requests, {faults} of them at fault, \
         {took:.1?}"
    );
    assert!(holds > SEEDS && faults > SEEDS, "hardly anything happened");
}

#[test]
fn a_seed_replays() {
    let once = world::run(4711, &Rules::default(), false);
    assert_eq!(once, world::run(4711, &Rules::default(), false));
    assert_ne!(once, world::run(4712, &Rules::default(), false));
}

/// The guards of the first test, tried on worlds in which something is broken.
#[test]
fn a_server_that_does_not_compare_before_it_swaps_is_found_out() {
    let blind = Rules { compares: false, ..Rules::default() };
    let (_, violation) = many(0..1000, &blind).expect_err("two hold it");
    assert!(
        matches!(violation, Violation::Overlap { .. } | Violation::SameTerm { .. }),
        "{violation}"
    );
}

#[test]
fn a_lease_without_a_margin_is_found_out() {
    let greedy = Rules { margin: false, ..Rules::default() };
    let (_, violation) = many(0..SEEDS, &greedy).expect_err("two hold it");
    assert!(matches!(violation, Violation::Overlap { .. }), "{violation}");
}

#[test]
fn clocks_that_differ_more_than_the_margin_allows_are_found_out() {
    let drifting = Rules { drift: 0.1, ..Rules::default() };
    let (_, violation) = many(0..SEEDS, &drifting).expect_err("two hold it");
    assert!(matches!(violation, Violation::Overlap { .. }), "{violation}");
}

/// Runs all seeds, on two threads; the first world in which something is wrong.
fn many(seeds: std::ops::Range<u64>, rules: &Rules) -> Result<Verdict, (u64, Violation)> {
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
