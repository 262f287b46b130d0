//! What does a work's table say?

use std::fmt::{Error, Write};

use crate::contestants::Gateway;
use crate::idle::Idle;
use crate::latency::{Latency, Percentiles};
use crate::measure::Run;
use crate::results::{Outcome, Row, Spread, Table};
use crate::verify::Alike;

/// The table, with the heading of what was measured.
pub(super) fn render(table: &Table) -> Result<String, Error> {
    let mut text = String::new();
    let measured = table.rows.iter().find(|row| !matches!(row.outcome, Outcome::Left(_)));
    let heading = match measured.map(|row| &row.outcome) {
        Some(Outcome::Idle(_)) => {
            "| | KiB a connection | MB for 10 000 | MiB before |\n|---|---:|---:|---:|"
        }
        Some(Outcome::Latency(_)) => {
            "| | requests/s | direct, p50 / p99 / p99.9 µs | through it | added |\n\
             |---|---:|---:|---:|---:|"
        }
        Some(Outcome::Cpu(_) | Outcome::Left(_)) | None => {
            "| | µs a request | × ours | in the kernel | requests/s | core busy | answers |\n\
             |---|---:|---:|---:|---:|---:|---|"
        }
    };
    writeln!(text, "{heading}")?;
    for row in &table.rows {
        match &row.outcome {
            Outcome::Cpu(_) => cpu(&mut text, row, table.row(Gateway::Ours))?,
            Outcome::Idle(runs) => idle(&mut text, row, runs)?,
            Outcome::Latency(runs) => latency(&mut text, row, runs)?,
            Outcome::Left(_) => {}
        }
    }
    // Whoever is not in the table stands below it, with the reason.
    for row in &table.rows {
        if let Outcome::Left(why) = &row.outcome {
            let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
            writeln!(text, "\n`{}` is left out: {why}", row.gateway)?;
        }
    }
    Ok(text)
}

fn cpu(text: &mut String, row: &Row, ours: Option<&Row>) -> Result<(), Error> {
    let Some(micros) = row.micros() else { return Ok(()) };
    let times = ours.and_then(|ours| row.times(ours));
    let times = times.map_or_else(String::new, |times| format!("{:.2}", times.median));
    let of = |value: fn(&Run) -> f64| middle(row.runs(), value);
    let answers = match row.alike {
        Some(Alike::Bytes) => "byte for byte",
        Some(Alike::Json) => "alike as JSON",
        None => "",
    };
    writeln!(
        text,
        "| {} | {micros} | {times} | {:.0} % | {:.0} | {:.0} % | {answers} |",
        row.gateway,
        of(|run| run.system_share) * 100.0,
        of(|run| run.per_second),
        of(|run| run.busy) * 100.0
    )
}

fn idle(text: &mut String, row: &Row, runs: &[Idle]) -> Result<(), Error> {
    let before = middle(runs, Idle::mib_before);
    let (each, all) = (middle(runs, Idle::kib_each), middle(runs, Idle::mb_for_ten_thousand));
    writeln!(text, "| {} | {each:.2} | {all:.1} | {before:.1} |", row.gateway)
}

fn latency(text: &mut String, row: &Row, runs: &[Latency]) -> Result<(), Error> {
    let middles = |of: fn(&Latency) -> Percentiles| Percentiles {
        p50: middle(runs, |run| of(run).p50),
        p99: middle(runs, |run| of(run).p99),
        p999: middle(runs, |run| of(run).p999),
    };
    let (direct, through) = (middles(|run| run.direct), middles(|run| run.through));
    let (rate, added) = (middle(runs, |run| run.rate), middles(Latency::added));
    writeln!(text, "| {} | {rate:.0} | {direct} | {through} | {added} |", row.gateway)
}

/// The median of a value of each.
fn middle<T>(all: &[T], value: impl Fn(&T) -> f64) -> f64 {
    Spread::of(all.iter().map(value)).map_or(f64::NAN, |spread| spread.median)
}
