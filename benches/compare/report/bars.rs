//! Is it as cheap as it set out to be? Each bar is a share of what somebody else takes for the same.

use std::fmt::{Error, Write};

use crate::contestants::Gateway;
use crate::results::{Outcome, Results, Row, Spread};
use crate::works::Work;

/// What is to be reached: at most `share` of what the best of `others` takes.
struct Bar {
    work: &'static str,
    share: f64,
    others: &'static [Gateway],
    /// The work that the others do, where they cannot do this one.
    theirs: &'static str,
}

const fn bar(work: &'static str, share: f64, others: &'static [Gateway]) -> Bar {
    Bar { work, share, others, theirs: work }
}

const PROXIES: &[Gateway] = &[Gateway::Nginx, Gateway::Haproxy];
const ENVOYS: &[Gateway] = &[Gateway::Envoy, Gateway::EnvoyMaglev];
const TCP: &[Gateway] = &[Gateway::HaproxyTcp];
const LUA: &[Gateway] = &[Gateway::NginxLua, Gateway::NginxCjson];

const BARS: [Bar; 11] = [
    bar("spread", 0.95, PROXIES),
    bar("spread", 0.33, ENVOYS),
    bar("spread", 1.15, TCP),
    bar("shard-header", 0.95, PROXIES),
    bar("shard-header", 0.33, ENVOYS),
    Bar { theirs: "spread", ..bar("shard-header", 1.15, TCP) },
    bar("shard-path", 0.95, PROXIES),
    bar("shard-path", 0.33, ENVOYS),
    Bar { theirs: "spread", ..bar("shard-path", 1.15, TCP) },
    bar("scatter-4", 0.8, LUA),
    bar("scatter-4", 0.2, &[Gateway::Krakend]),
];

/// Whether a bar is about this work, or about what others do of it.
pub(crate) fn decide(work: &Work) -> bool {
    BARS.iter().any(|bar| bar.work == work.name || bar.theirs == work.name)
}

/// What connections that rest may take, for ten thousand.
const IDLE_MB: f64 = 100.0;

/// All bars, and whether they are met. Those whose works were not measured are not told.
pub(super) fn render(results: &Results) -> Result<String, Error> {
    let mut text = "| at most | measured | |\n|---|---:|---|\n".to_owned();
    for Bar { work, share, others, theirs } in &BARS {
        let Some(ours) = results.row(work, Gateway::Ours) else { continue };
        let names = others.iter().map(|other| other.name()).collect::<Vec<_>>().join(" or ");
        let elsewhere = if theirs == work { String::new() } else { format!(" at {theirs}") };
        let found =
            best(results, theirs, others).and_then(|other| Some((other, ours.times(other)?)));
        match found {
            Some((other, times)) => {
                let met = verdict(times.median <= *share);
                writeln!(
                    text,
                    "| {work}: {share} × {names}{elsewhere} | {times} × {} | {met} |",
                    other.gateway
                )?;
            }
            None => writeln!(text, "| {work}: {share} × {names}{elsewhere} | | not measured |")?,
        }
    }
    if let Some(Outcome::Idle(runs)) =
        results.row("idle-10000", Gateway::Ours).map(|row| &row.outcome)
        && let Some(used) = Spread::of(runs.iter().map(|run| run.mb_for_ten_thousand()))
    {
        let met = verdict(used.median <= IDLE_MB);
        writeln!(
            text,
            "| 10 000 idle connections: {IDLE_MB} MB | {:.1} MB | {met} |",
            used.median
        )?;
    }
    Ok(text)
}

/// Who of `others` takes the least.
fn best<'a>(results: &'a Results, work: &str, others: &[Gateway]) -> Option<&'a Row> {
    let rows = others.iter().filter_map(|other| results.row(work, *other));
    let measured = rows.filter_map(|row| Some((row, row.micros()?.median)));
    measured.min_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(row, _)| row)
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "**missed**" }
}

#[cfg(test)]
mod tests;
