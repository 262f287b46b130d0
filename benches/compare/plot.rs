//! How does it look? A drawing in SVG: a block of bars a work, ours the dark one, with a line from the
//! least to the most of all rounds. Each block has its own scale.

use std::fmt::{Error, Write};

use crate::contestants::Gateway;
use crate::results::{Outcome, Results, Row, Spread, Table};

const WIDTH: f64 = 1040.0;
const COLUMN: f64 = 520.0;
const MARGIN: f64 = 16.0;
/// Where bars begin, and how long the longest may be.
const NAMES: f64 = 108.0;
const LONGEST: f64 = 250.0;
const ROW: f64 = 19.0;
const BAR: f64 = 13.0;
const TITLE: f64 = 26.0;
const GAP: f64 = 18.0;
const TOP: f64 = 62.0;

/// A bar: whose it is, how long, and what stands beside it.
struct Bar {
    name: &'static str,
    spread: Spread,
    said: String,
}

/// The whole drawing.
pub(crate) fn svg(results: &Results) -> Result<String, Error> {
    let blocks: Vec<(&Table, Vec<Bar>)> = results
        .tables
        .iter()
        .map(|table| (table, bars(table)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    let total: f64 = blocks.iter().map(|(_, bars)| height(bars)).sum();
    let (mut body, mut x, mut y, mut lowest) = (String::new(), 0.0, TOP, TOP);
    for (table, bars) in &blocks {
        // The second column begins once the first has half of it all.
        if x == 0.0 && y - TOP + height(bars) / 2.0 >= total / 2.0 {
            (x, y) = (COLUMN, TOP);
        }
        block(&mut body, table, bars, (x + MARGIN, y))?;
        y += height(bars);
        lowest = f64::max(lowest, y);
    }
    let machine = &results.machine;
    let occasion = format!("{} · commit {} · {}", machine.date, machine.commit, machine.processor);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {lowest}\" width=\"{WIDTH}\" \
         height=\"{lowest}\" font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#1c2430\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    writeln!(
        text,
        "<text x=\"{MARGIN}\" y=\"26\" font-size=\"18\" font-weight=\"600\">What a request costs: CPU \
         time, less is better</text>"
    )?;
    writeln!(text, "<text x=\"{MARGIN}\" y=\"46\" fill=\"#4a5565\">{}</text>", escaped(&occasion))?;
    writeln!(text, "{body}</svg>")?;
    Ok(text)
}

fn height(bars: &[Bar]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "there are a dozen")]
    let rows = bars.len() as f64;
    TITLE + ROW * rows + GAP
}

fn block(text: &mut String, table: &Table, bars: &[Bar], (x, y): (f64, f64)) -> Result<(), Error> {
    let unit = match table
        .rows
        .iter()
        .map(|row| &row.outcome)
        .find(|one| !matches!(one, Outcome::Left(_)))
    {
        Some(Outcome::Idle(_)) => "KiB a connection",
        Some(Outcome::Latency(_)) => "p99 added, µs",
        _ => "µs a request",
    };
    writeln!(
        text,
        "<text x=\"{x}\" y=\"{}\"><tspan font-weight=\"600\">{}</tspan> <tspan fill=\"#4a5565\">{unit}</tspan></text>",
        y + 15.0,
        escaped(table.work)
    )?;
    let most = bars.iter().map(|bar| bar.spread.most).fold(f64::MIN_POSITIVE, f64::max);
    let long = |value: f64| (value / most).clamp(0.0, 1.0) * LONGEST;
    let (mut y, start) = (y + TITLE, x + NAMES);
    for Bar { name, spread, said } in bars {
        let fill = if *name == Gateway::Ours.name() { "#1f5fa8" } else { "#a9b8cc" };
        let (middle, low) = (y + BAR / 2.0, y + BAR - 2.0);
        writeln!(
            text,
            "<text x=\"{}\" y=\"{low}\" text-anchor=\"end\">{}</text>",
            start - 6.0,
            escaped(name)
        )?;
        writeln!(
            text,
            "<rect x=\"{start}\" y=\"{y}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{fill}\"/>",
            long(spread.median)
        )?;
        writeln!(
            text,
            "<path d=\"M{:.1} {middle}H{:.1}\" stroke=\"#1c2430\"/>",
            start + long(spread.least),
            start + long(spread.most)
        )?;
        let beside = start + long(spread.most) + 6.0;
        writeln!(text, "<text x=\"{beside:.1}\" y=\"{low}\">{}</text>", escaped(said))?;
        y += ROW;
    }
    Ok(())
}

fn bars(table: &Table) -> Vec<Bar> {
    let ours = table.row(Gateway::Ours);
    table.rows.iter().filter_map(|row| bar(row, ours)).collect()
}

fn bar(row: &Row, ours: Option<&Row>) -> Option<Bar> {
    let name = row.gateway;
    match &row.outcome {
        Outcome::Cpu(_) => {
            let spread = row.micros()?;
            let times = ours.filter(|ours| ours.gateway != name).and_then(|ours| row.times(ours));
            let times = times.map_or_else(String::new, |times| format!(" ({:.2} ×)", times.median));
            Some(Bar { name, spread, said: format!("{:.1}{times}", spread.median) })
        }
        Outcome::Idle(runs) => {
            let spread = Spread::of(runs.iter().map(crate::idle::Idle::kib_each))?;
            Some(Bar { name, spread, said: format!("{:.1}", spread.median) })
        }
        Outcome::Latency(runs) => {
            let spread = Spread::of(runs.iter().map(|run| run.added().p99))?;
            Some(Bar { name, spread, said: format!("{:.0}", spread.median) })
        }
        Outcome::Left(_) => None,
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
