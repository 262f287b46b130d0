//! Is a bar told as met when it is, and only then?

use super::render;
use crate::contestants::Gateway;
use crate::machine::Machine;
use crate::measure::Run;
use crate::results::{Outcome, Results, Row, Table};
use crate::works;

/// A row of rounds that took so many microseconds a request.
fn row(gateway: Gateway, rounds: &[f64]) -> Row {
    let run = |micros: &f64| Run { micros: *micros, system_share: 0.7, per_second: 5e4, busy: 1.0 };
    let outcome = Outcome::Cpu(rounds.iter().map(run).collect());
    Row { gateway: gateway.name(), alike: None, outcome }
}

/// What is told of `spread`, measured so.
fn told(rows: Vec<Row>) -> String {
    let mut table = Table::new(works::find("spread").expect("a work"));
    table.rows = rows;
    let (rounds, seconds, took_seconds) = (3, 1.0, 60);
    let (versions, tables) = (Vec::new(), vec![table]);
    let machine = Machine::this();
    render(&Results { machine, rounds, seconds, versions, tables, took_seconds }).expect("text")
}

/// The line about nginx and HAProxy.
fn proxies(rows: Vec<Row>) -> String {
    let text = told(rows);
    text.lines().find(|line| line.contains("nginx or haproxy")).expect("a line").to_owned()
}

#[test]
fn the_better_of_two_is_the_one_to_beat() {
    let line = proxies(vec![
        row(Gateway::Ours, &[9.0, 9.0, 9.0]),
        row(Gateway::Nginx, &[10.0, 10.0, 10.0]),
        row(Gateway::Haproxy, &[9.1, 9.1, 9.1]),
    ]);
    assert!(line.contains("0.99 (0.99..0.99) × haproxy | **missed**"), "{line}");
}

#[test]
fn rounds_are_compared_with_their_own() {
    // The machine was three times as slow in one round, for both alike.
    let line = proxies(vec![
        row(Gateway::Ours, &[9.0, 27.0, 9.0]),
        row(Gateway::Nginx, &[10.0, 30.0, 10.0]),
    ]);
    assert!(line.contains("0.90 (0.90..0.90) × nginx | met"), "{line}");
}

#[test]
fn whoever_was_not_measured_is_no_bar_that_is_met() {
    let line = proxies(vec![row(Gateway::Ours, &[9.0])]);
    assert!(line.ends_with("| not measured |"), "{line}");
}
