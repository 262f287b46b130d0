//! What came of it? Tables for people, in Markdown: the median of all seeds, the least and the most.

use std::fmt::Write;
use std::ops::Range;
use std::process::Command;
use std::time::Duration;

use crate::leaves::{LEAVES, REPLICAS};
use crate::trial::{Run, second};

/// What came of each hedge, all seeds.
pub(crate) type Rows = Vec<(&'static str, Vec<Run>)>;

/// When this was, and how.
pub(crate) fn heading(rate: f64, seeds: u64, answers: usize) -> String {
    let (date, commit) = (said("date", &["-I"]), said("git", &["describe", "--always", "--dirty"]));
    format!(
        "# The tail at scale\n\n\
         An answer needs {LEAVES} leaves of {REPLICAS} replicas each. {rate} answers are asked for a \
         second, at random times, from a cold start that counts. Slow is a second or more. Numbers are \
         the median of {seeds} seeds (least..most) of {answers} answers each; made by `make tail`, \
         {date}, commit {commit}.\n\n\
         Times and chances: Dean and Barroso, *The Tail at Scale*, CACM 56(2), 2013: the example of a \
         server that \"typically responds in 10 ms but with a 99th-percentile latency of one second\", \
         and the width of one leaf's times in its table 1.\n"
    )
}

fn said(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// What the numbers mean, where they do not say it themselves.
pub(crate) const READING: &str = "
![Two drawings: how many answers take longer than a time, and the requests that a storm adds](tail.svg)

## How to read it

* *Without hedging* 1 - 0.99^100 = 63 % of the answers wait for a slow leaf. *With a hedge* an answer is
  slow when a leaf is slow twice: 1 - 0.9999^100 = 1 %. To that come the first answers after a start,
  which are not hedged: a percentile is known after a hundred leaves.
* *`pN` hedges a little less than (100 - N) % of the requests*, whatever the times are: the percentile is
  one of the first requests of each pair alone, over the last ten to twenty seconds, rounded up to the
  end of its bucket (an eighth of an octave). A slow one that was given up for its hedge counts with the
  time it had taken, which is above the percentile, but may be less than its answer would have. Where as
  many are slow as the percentile leaves out (`p99` here) that shows: a little more than 1 % are hedged.
* *In the first second after a start* `p95` hedges up to 6 %: the first hundred that are known are the
  fastest of those under way.
* *Over sockets* the times of a busy machine, two cores for replicas, gateway and clients, are among those
  of the leaves: in bursts, which raise the percentile and leave fewer to hedge.
* *Where no time is between usual and slow* (10 ms, or a second more) only the slow ones are hedged: 1 %.
* *A fixed time below what is usual costs more than it gives.* With `20ms` a quarter of the requests ask
  for a hedge; the budget grants a fifth of the requests and ten a second, in the order in which they
  ask, and slow ones are among those that it denies. Choose a percentile, or a time beyond the usual.
* *In a storm a hedge cannot help*: the other replica is slow too. The budget, which retries share,
  bounds the load at once: a fifth more, ten a second, and a hundred that were saved, at the most. A
  percentile has learned the new times a second or two later, and goes back to one in twenty.
* *After a storm* a percentile remembers the slow times for ten to twenty seconds. Until then it hedges
  nearly nothing, and answers are as slow as without. A fixed time has no memory, and no such gap.
";

/// The title of what was measured in real time.
pub(crate) fn over_sockets(answers: usize, seeds: u64) -> String {
    format!("The same over sockets, in real time: {seeds} runs of {answers} answers")
}

/// How long answers took, and what it cost.
pub(crate) fn answers(title: &str, rows: &Rows) -> String {
    let mut text = format!(
        "\n## {title}\n\n\
         | `scatter-hedge` | slow answers | p50 | p95 | p99 | more requests | denied by the budget |\n\
         |---|---:|---:|---:|---:|---:|---:|\n"
    );
    for (hedge, runs) in rows {
        let time = |percent| {
            all(
                runs,
                |run| run.percentile(percent).as_secs_f64(),
                |time| format!("{:.0} ms", time * 1e3),
            )
        };
        let slow = all(runs, Run::slow, percent);
        let extra = all(runs, Run::extra, percent);
        let denied = all(runs, Run::denied, percent);
        let (p50, p95, p99) = (time(50), time(95), time(99));
        line(
            &mut text,
            format_args!("| `{hedge}` | {slow} | {p50} | {p95} | {p99} | {extra} | {denied} |"),
        );
    }
    text
}

/// Seconds before, in and after a storm.
pub(crate) fn storm((from, until): (Duration, Duration), rows: &Rows) -> String {
    let (from, until) = (second(from), second(until));
    let phases =
        [5..from, from..from + 2, from + 2..until, until..until + 20, until + 20..until + 30];
    let mut text = format!(
        "\n## A storm: all leaves are slow at once, from second {from} to {until}\n\n\
         By the second: of hedges in which they were sent, of answers in which they were asked for.\n\n\
         | `scatter-hedge` | |"
    );
    for Range { start, end } in &phases {
        write!(text, " {start}–{end} s |").expect("a string takes all");
    }
    text.push_str("\n|---|---|---:|---:|---:|---:|---:|\n");
    for (hedge, runs) in rows {
        let cells = |of: fn(&Run, Range<usize>) -> f64| -> String {
            let cell = |phase: &Range<usize>| all(runs, |run| of(run, phase.clone()), percent);
            phases.iter().map(|phase| format!(" {} |", cell(phase))).collect()
        };
        let (extra, slow) = (cells(Run::extra_within), cells(Run::slow_within));
        line(&mut text, format_args!("| `{hedge}` | more requests |{extra}"));
        line(&mut text, format_args!("| | slow answers |{slow}"));
    }
    let denied = rows.iter().map(|(hedge, runs)| {
        let denied = all(runs, Run::denied, percent);
        format!("`{hedge}` {denied}")
    });
    let denied: Vec<_> = denied.collect();
    line(
        &mut text,
        format_args!("\nDenied by the budget, of all requests: {}.", denied.join(", ")),
    );
    text
}

/// `median (least..most)`.
fn all(runs: &[Run], of: impl Fn(&Run) -> f64, said: impl Fn(f64) -> String) -> String {
    let mut found: Vec<_> = runs.iter().map(of).collect();
    found.sort_by(f64::total_cmp);
    let (least, most) = (said(found[0]), said(found[found.len() - 1]));
    let median = said(found[found.len() / 2]);
    let bare = |said: String| said.trim_end_matches([' ', '%', 'm', 's']).to_owned();
    if least == most { median } else { format!("{median} ({}..{})", bare(least), bare(most)) }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    writeln!(text, "{what}").expect("a string takes all");
}
