//! How is it told? A table a work for people, all rounds for programs, and a plot.

use std::fmt::Write;
use std::io::Write as _;

use anyhow::Context;

use crate::results::{Outcome, Results, Row, Spread, Table};
use crate::settings::Settings;

/// Prints the tables, and writes what is asked for into files.
pub(crate) fn write(results: &Results, settings: &Settings) -> anyhow::Result<()> {
    let text = markdown(results);
    std::io::stdout().write_all(text.as_bytes())?;
    if let Some(folder) = &settings.out {
        std::fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(results)? + "\n";
        for (name, text) in [("compare.md", &text), ("compare.json", &json)] {
            let file = folder.join(name);
            std::fs::write(&file, text)
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    Ok(())
}

fn markdown(results: &Results) -> String {
    let mut text = String::new();
    for table in &results.tables {
        render(&mut text, table).expect("a string takes all");
    }
    text
}

fn render(text: &mut String, table: &Table) -> std::fmt::Result {
    writeln!(text, "\n### {}\n\n{}\n", table.work, table.about)?;
    writeln!(text, "| | µs a request | min..max | to ours | kernel's | requests/s | core busy |")?;
    writeln!(text, "|---|---:|---:|---:|---:|---:|---:|")?;
    for row in &table.rows {
        line(text, row, table)?;
    }
    Ok(())
}

fn line(text: &mut String, row: &Row, table: &Table) -> std::fmt::Result {
    let ours = table.micros(crate::contestants::Gateway::Ours);
    match &row.outcome {
        Outcome::Cpu(runs) => {
            let of = |value: fn(&crate::measure::Run) -> f64| {
                Spread::of(runs.iter().map(value)).map_or(f64::NAN, |spread| spread.median)
            };
            let Some(micros) = row.micros() else { return Ok(()) };
            let ratio = ours.map_or(f64::NAN, |ours| micros.median / ours);
            writeln!(
                text,
                "| {} | {:.2} | {:.2}..{:.2} | {ratio:.2} | {:.0} % | {:.0} | {:.0} % |",
                row.gateway,
                micros.median,
                micros.least,
                micros.most,
                of(|run| run.system_share) * 100.0,
                of(|run| run.per_second),
                of(|run| run.busy) * 100.0
            )
        }
        Outcome::Idle(runs) => writeln!(
            text,
            "| {} | {} |",
            row.gateway,
            runs.first().map_or_else(String::new, ToString::to_string)
        ),
        Outcome::Latency(runs) => writeln!(
            text,
            "| {} | {} |",
            row.gateway,
            runs.first().map_or_else(String::new, ToString::to_string)
        ),
        Outcome::Left(why) => writeln!(text, "| {} | {why} |", row.gateway),
    }
}
