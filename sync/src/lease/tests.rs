//! What does a contender do next, whatever it saw and when? Each case is a story: at this second that
//! happened, and so this is next.

use std::sync::Arc;
use std::time::Duration;

use super::{BadTiming, Draft, Lease, Marks, Next, Record, Rest, Timing, Why};
use crate::moment::Moment;
use crate::name::{Identity, Name};
use crate::term::{Term, Version};

use self::Event::{Beaten, Fails, GivesBack, Hears, Nothing, Reads, Writes};
use super::Next::{Acquire, Renew, Wait, Yield};

/// What happens to contender `me`. Its Lease lasts 15 s: renewed after 5, lost after 13.25, deadline 14.25.
enum Event {
    Nothing,
    Reads(Option<Record>),
    Hears(Record),
    /// A write was accepted that was sent so many milliseconds ago.
    Writes(u64, Record),
    Beaten,
    Fails,
    GivesBack,
}

fn timing() -> Timing {
    Timing::of(Duration::from_secs(15)).expect("a timing")
}

fn identity(text: &str) -> Identity {
    Identity::of(text).expect("somebody")
}

fn at(millis: u64) -> Moment {
    Moment::at(Duration::from_millis(millis))
}

fn until(millis: u64) -> Next {
    Wait(Some(at(millis)))
}

/// A record of version `version`, of `holder` for 15 s.
fn of(holder: &str, version: u64) -> Record {
    Record {
        name: Name::of("lock"),
        version: Version::from(version),
        holder: Identity::of(holder),
        duration: Some(Duration::from_secs(15)),
        transitions: 7,
        strategy: None,
        preferred: None,
        marks: Marks::default(),
        rest: Rest::default(),
    }
}

fn lasting(seconds: u64, record: Record) -> Record {
    Record { duration: Some(Duration::from_secs(seconds)), ..record }
}

fn coordinated(preferred: &str, record: Record) -> Record {
    let strategy = Some("OldestEmulationVersion".into());
    Record { strategy, preferred: Identity::of(preferred), ..record }
}

/// Tells the story to a contender, and compares what is next after every line; the times are milliseconds.
fn check(timing: Timing, story: Vec<(u64, Event, Next)>) -> Lease {
    let mut lease = Lease::new(identity("me"), timing);
    for (line, (now, event, next)) in story.into_iter().enumerate() {
        match event {
            Nothing => {}
            Reads(record) => lease.observe(record.map(Arc::new), at(now)),
            Hears(record) => drop(lease.hear(&Arc::new(record), at(now))),
            Writes(ago, record) => lease.wrote(Arc::new(record), at(now - ago)),
            Beaten => lease.beaten(at(now)),
            Fails => lease.failed(at(now)),
            GivesBack => lease.end(),
        }
        assert_eq!(lease.next(at(now)), next, "line {line}, at {now} ms: {lease:?}");
    }
    lease
}

fn story(lines: Vec<(u64, Event, Next)>) -> Lease {
    check(timing(), lines)
}

#[test]
fn what_nobody_ever_had_is_taken_at_once() {
    story(vec![(0, Nothing, Acquire), (100, Reads(None), Acquire)]);
}

#[test]
fn what_was_given_back_is_taken_at_once() {
    story(vec![(0, Reads(Some(of("", 5))), Acquire)]);
    story(vec![(0, Reads(Some(of("a", 5))), until(15_000)), (10, Hears(of("", 6)), Acquire)]);
}

#[test]
fn a_holder_is_waited_for_as_long_as_it_says_from_when_it_was_seen() {
    story(vec![
        (1000, Reads(Some(of("a", 5))), until(16_000)),
        (15_999, Nothing, until(16_000)),
        (16_000, Nothing, Acquire),
    ]);
    story(vec![(0, Reads(Some(lasting(137, of("a", 5)))), until(137_000))]);
    story(vec![(0, Reads(Some(lasting(1, of("a", 5)))), until(1000))]);
    let silent = Record { duration: None, ..of("a", 5) };
    story(vec![(0, Reads(Some(silent)), until(15_000))]);
}

#[test]
fn only_a_record_that_changed_is_a_sign_of_life() {
    story(vec![
        (0, Reads(Some(of("a", 5))), until(15_000)),
        (4000, Reads(Some(of("a", 5))), until(15_000)),
        (5000, Hears(of("a", 5)), until(15_000)),
        (6000, Hears(of("a", 6)), until(21_000)),
        (7000, Hears(of("b", 7)), until(22_000)),
    ]);
}

#[test]
fn late_news_of_the_past_are_no_news() {
    story(vec![
        (0, Reads(Some(of("a", 50))), until(15_000)),
        (1000, Hears(of("", 49)), until(15_000)),
        (2000, Hears(of("b", 9)), until(15_000)),
        // What is read is believed, also when versions began again.
        (3000, Reads(Some(of("b", 9))), until(18_000)),
    ]);
}

#[test]
fn what_was_deleted_may_still_have_a_holder_who_does_not_know() {
    story(vec![
        (0, Reads(Some(of("a", 5))), until(15_000)),
        (9000, Reads(None), until(24_000)),
        (10_000, Reads(None), until(24_000)),
        (24_000, Nothing, Acquire),
    ]);
    story(vec![(0, Reads(Some(of("", 5))), Acquire), (1000, Reads(None), until(16_000))]);
    let long = lasting(100, of("a", 5));
    story(vec![(0, Reads(Some(long)), until(100_000)), (1000, Reads(None), until(101_000))]);
}

#[test]
fn who_was_beaten_to_it_knows_that_there_is_a_holder() {
    story(vec![
        (0, Reads(None), Acquire),
        (1000, Beaten, until(16_000)),
        (2000, Reads(None), until(16_000)),
        (3000, Hears(of("", 5)), Acquire),
    ]);
    story(vec![(0, Reads(Some(of("", 5))), Acquire), (1000, Beaten, Acquire)]);
}

#[test]
fn a_lock_delay_is_for_holders_who_did_not_give_it_back() {
    let delayed = timing().with_lock_delay(Duration::from_secs(10));
    check(
        delayed,
        vec![(0, Reads(Some(of("a", 5))), until(25_000)), (1000, Hears(of("", 6)), Acquire)],
    );
}

#[test]
fn a_holder_counts_from_before_it_sent_the_write() {
    let lease = story(vec![
        (0, Reads(None), Acquire),
        (2000, Writes(1500, of("me", 10)), until(5500)),
        (5500, Nothing, Renew),
    ]);
    assert_eq!(lease.lost_at(), Some(at(13_750)));
    assert_eq!(lease.deadline(), Some(at(14_750)));
}

#[test]
fn a_term_is_the_version_of_the_write_that_acquired() {
    let lease = story(vec![
        (0, Writes(0, of("me", 10)), until(5000)),
        (5000, Writes(0, of("me", 12)), until(10_000)),
    ]);
    assert_eq!(lease.term(), Some(&Term::from(10)));
    let lease = story(vec![
        (0, Writes(0, of("me", 10)), until(5000)),
        (1000, GivesBack, Acquire),
        (2000, Writes(0, of("me", 30)), until(7000)),
    ]);
    assert_eq!(lease.term(), Some(&Term::from(30)));
}

#[test]
fn a_write_that_failed_gives_no_time_and_is_tried_again_soon() {
    story(vec![
        (0, Writes(0, of("me", 10)), until(5000)),
        (5000, Fails, until(5625)),
        (5625, Nothing, Renew),
        (12_900, Fails, until(13_250)),
        (13_249, Nothing, until(13_250)),
        (13_250, Nothing, Yield(Why::Expired)),
    ]);
}

#[test]
fn who_lost_it_steps_down_and_says_why() {
    let mine = || (0, Writes(0, of("me", 10)), until(5000));
    story(vec![mine(), (1000, Hears(of("a", 11)), Yield(Why::Taken))]);
    story(vec![mine(), (1000, Reads(Some(of("", 11))), Yield(Why::Taken))]);
    story(vec![mine(), (1000, Reads(None), Yield(Why::Deleted))]);
    story(vec![mine(), (13_250, Nothing, Yield(Why::Expired))]);
    // What came first counts.
    story(vec![
        mine(),
        (1000, Reads(None), Yield(Why::Deleted)),
        (1500, Reads(Some(of("a", 20))), Yield(Why::Deleted)),
        (20_000, Nothing, Yield(Why::Deleted)),
    ]);
}

#[test]
fn what_others_wrote_beside_the_holder_is_no_loss() {
    story(vec![
        (0, Writes(0, of("me", 10)), until(5000)),
        (1000, Hears(of("me", 11)), until(5000)),
        (5000, Nothing, Renew),
    ]);
}

#[test]
fn who_finds_itself_named_writes_again_instead_of_believing_it() {
    story(vec![(0, Reads(Some(of("me", 10))), Acquire)]);
    story(vec![(0, Reads(Some(coordinated("", of("me", 10)))), Acquire)]);
}

#[test]
fn whoever_coordinates_decides() {
    story(vec![
        (0, Reads(Some(coordinated("", of("a", 5)))), Wait(None)),
        (100_000, Nothing, Wait(None)),
        (100_000, Hears(coordinated("", of("", 6))), Wait(None)),
        (100_000, Hears(coordinated("b", of("me", 7))), Wait(None)),
        (100_000, Hears(coordinated("me", of("me", 8))), Acquire),
        (100_000, Writes(0, coordinated("", of("me", 9))), until(105_000)),
        (101_000, Hears(coordinated("me", of("me", 10))), until(105_000)),
        (102_000, Hears(coordinated("b", of("me", 11))), Yield(Why::Preferred)),
    ]);
}

#[test]
fn a_claim_counts_changes_of_the_holder() {
    let mut lease = Lease::new(identity("me"), timing());
    let claim = |lease: &Lease| {
        let Draft { holder, duration, transitions, begins, .. } = lease.claim();
        assert_eq!((holder, duration), (Some(identity("me")), Duration::from_secs(15)));
        (transitions, begins)
    };
    assert_eq!(claim(&lease), (0, true), "created");
    lease.observe(Some(Arc::new(of("a", 5))), at(0));
    assert_eq!(claim(&lease), (8, true), "taken over");
    lease.wrote(Arc::new(Record { transitions: 8, ..of("me", 6) }), at(0));
    assert_eq!(claim(&lease), (8, false), "renewed");
    let most = Record { transitions: i32::MAX, ..of("a", 9) };
    lease.observe(Some(Arc::new(most)), at(0));
    assert_eq!(claim(&lease), (i32::MAX, true), "never begins again");
}

#[test]
fn a_farewell_is_as_client_go_writes_it() {
    let mut lease = Lease::new(identity("me"), timing());
    lease.wrote(Arc::new(of("me", 6)), at(0));
    let Draft { holder, duration, transitions, begins, .. } = lease.farewell();
    assert_eq!((holder, duration), (None, Duration::from_secs(1)));
    assert_eq!((transitions, begins), (7, true));
}

#[test]
fn who_looks_on_believes_a_holder_until_it_expires() {
    let mut lease = Lease::new(identity("-"), timing());
    assert_eq!(lease.holder(at(0)), None);
    lease.observe(Some(Arc::new(lasting(30, of("a", 5)))), at(1000));
    assert_eq!(lease.holder(at(30_999)), Some(&identity("a")));
    assert_eq!(lease.expires(), Some(at(31_000)));
    assert_eq!(lease.holder(at(31_000)), None);
    lease.observe(Some(Arc::new(of("", 6))), at(1000));
    assert_eq!((lease.holder(at(1000)), lease.expires()), (None, None));
}

#[test]
fn times_fit_into_each_other_or_are_refused() {
    for (millis, whole) in [(2000, 2), (2001, 3), (15_000, 15), (86_400_000, 86_400)] {
        let ttl = Duration::from_millis(millis);
        let timing = Timing::of(ttl).unwrap_or_else(|error| panic!("{ttl:?}: {error}"));
        assert_eq!(timing.ttl(), Duration::from_secs(whole));
        let latest = timing.renew_every() + timing.request();
        assert!(at(0) + latest <= timing.lost_after(at(0)), "{ttl:?} leaves time to renew");
    }
    let second = Duration::from_secs(1);
    assert_eq!(Timing::of(second), Err(BadTiming::Short(second)));
    assert!(matches!(Timing::of(Duration::MAX), Err(BadTiming::Long(_))));
    let crowded = timing().with_grace(Duration::from_secs(7)).expect_err("no time is left");
    assert!(crowded.to_string().contains("no time to renew"), "{crowded}");
    assert!(timing().with_margin(Duration::from_secs(12)).is_err());
    assert!(timing().with_grace(Duration::from_secs(5)).is_ok());
}

/// Two clocks whose rates differ by less than the margin allows, at worst: the holder's is slow.
#[test]
fn a_holder_stops_before_others_take_over_whatever_the_rates() {
    for seconds in [2, 3, 5, 10, 15, 30, 137, 3600] {
        let timing = Timing::of(Duration::from_secs(seconds)).expect("a timing");
        let stops = timing.deadline_after(at(0)).since_beginning();
        let taken = timing.ttl();
        let real = |duration: Duration, rate: f64| duration.as_secs_f64() / rate;
        for (holder, waiter) in
            [(1.0, 1.05), (0.9757, 1.0243), (0.96, 1.0), (1.0, 1.0), (1.05, 1.0)]
        {
            assert!(
                real(stops, holder) <= real(taken, waiter),
                "{seconds} s, rates {holder} and {waiter}"
            );
        }
    }
}
