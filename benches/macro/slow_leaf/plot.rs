//! What does it look like? Two drawings beside each other: how many answers take longer than a time,
//! and what a storm costs, second by second.

use std::fmt::{Display, Write};
use std::time::Duration;

use crate::table::Rows;
use crate::trial::{Run, second, share};

/// The size of a drawing, and where the two begin.
const SIZE: (f64, f64) = (380.0, 240.0);
const LEFT: [f64; 2] = [70.0, 540.0];
const TOP: f64 = 50.0;
/// Light enough for a dark page, dark enough for a light one.
const COLOURS: [(&str, &str); 7] = [
    ("off", "#c0392b"),
    ("p90", "#b7950b"),
    ("p95", "#2471a3"),
    ("p99", "#8e8e8e"),
    ("20ms", "#1e8449"),
    ("50ms", "#7d3c98"),
    ("100ms", "#ca6f1e"),
];
const INK: &str = "#7f8c8d";

/// The drawings of the first runs: of calm ones, and of those with a storm.
pub(crate) fn draw(calm: &Rows, storm: (Duration, Duration), stormy: &Rows) -> String {
    let mut text = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 940 350\" \
         font-family=\"sans-serif\" font-size=\"12\">\n",
    );
    slower(&mut text, calm);
    extra(&mut text, storm, stormy);
    text.push_str("</svg>\n");
    text
}

/// The share of answers that take longer than a time, from 10 ms to 3 s.
fn slower(text: &mut String, rows: &Rows) {
    let axis = Axis { left: LEFT[0], least: 10_f64.log10(), most: 3000_f64.log10(), high: 1.0 };
    axis.frame(text, "answers that take longer than …");
    for (millis, label) in
        [(10.0_f64, "10 ms"), (30.0, "30"), (100.0, "100"), (300.0, "300"), (1000.0, "1 s")]
    {
        axis.across(text, millis.log10(), label);
    }
    for percent in [0, 25, 50, 75, 100] {
        axis.up(text, share(percent, 100), &format!("{percent} %"));
    }
    for (place, (hedge, runs)) in rows.iter().enumerate() {
        let times = runs.first().map(Run::sorted).unwrap_or_default();
        // One point for each per cent, and finer where the last answers are.
        let points = (0..=400).map(|point| {
            let index = (times.len() * point / 400).min(times.len() - 1);
            let millis = times[index].as_secs_f64() * 1e3;
            (millis.max(10.0).log10(), 1.0 - share(point, 400))
        });
        axis.line(text, place, hedge, points);
    }
}

/// Requests to leaves beyond one each, in every second.
fn extra(text: &mut String, (from, until): (Duration, Duration), rows: &Rows) {
    let end = second(until) + 30;
    let axis = Axis { left: LEFT[1], least: 0.0, most: share(end, 1), high: 0.5 };
    axis.frame(text, "more requests to leaves, by the second (grey: all are slow)");
    let (x, width) = (axis.x(from.as_secs_f64()), axis.x(until.as_secs_f64()));
    let (width, height) = (width - x, SIZE.1);
    line(
        text,
        format_args!(
            "<rect x=\"{x}\" y=\"{TOP}\" width=\"{width}\" height=\"{height}\" fill=\"{INK}\" \
             opacity=\"0.2\"/>"
        ),
    );
    for at in (0..=end).step_by(10) {
        axis.across(text, share(at, 1), &format!("{at} s"));
    }
    for percent in [0, 10, 20, 30, 40, 50] {
        axis.up(text, share(percent, 100), &format!("{percent} %"));
    }
    for (place, (hedge, runs)) in rows.iter().enumerate() {
        let run = &runs[0];
        let points = (0..end).map(|at| (share(at, 1), run.extra_within(at..at + 1)));
        axis.line(text, place, hedge, points);
    }
}

/// Where values stand in a drawing.
struct Axis {
    left: f64,
    least: f64,
    most: f64,
    high: f64,
}

impl Axis {
    fn x(&self, value: f64) -> f64 {
        self.left + (value - self.least) / (self.most - self.least) * SIZE.0
    }

    fn y(&self, value: f64) -> f64 {
        TOP + SIZE.1 * (1.0 - value.clamp(0.0, self.high) / self.high)
    }

    fn frame(&self, text: &mut String, title: &str) {
        let (left, (width, height)) = (self.left, SIZE);
        words(text, (left, TOP - 14.0), "start", INK, title);
        line(
            text,
            format_args!(
                "<rect x=\"{left}\" y=\"{TOP}\" width=\"{width}\" height=\"{height}\" \
                 fill=\"none\" stroke=\"{INK}\"/>"
            ),
        );
    }

    fn across(&self, text: &mut String, value: f64, label: &str) {
        words(text, (self.x(value), TOP + SIZE.1 + 16.0), "middle", INK, label);
    }

    fn up(&self, text: &mut String, value: f64, label: &str) {
        words(text, (self.left - 6.0, self.y(value) + 4.0), "end", INK, label);
    }

    /// The line of one hedge, and its name below the drawing.
    fn line(
        &self,
        text: &mut String,
        place: usize,
        hedge: &str,
        points: impl Iterator<Item = (f64, f64)>,
    ) {
        let colour = COLOURS.iter().find(|(name, _)| *name == hedge).map_or(INK, |(_, is)| is);
        let points: Vec<_> =
            points.map(|(x, y)| format!("{:.1},{:.1}", self.x(x), self.y(y))).collect();
        let points = points.join(" ");
        line(
            text,
            format_args!(
                "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" \
                 stroke-width=\"1.5\"/>"
            ),
        );
        let x = self.left + 54.0 * share(place, 1);
        words(text, (x, TOP + SIZE.1 + 40.0), "start", colour, hedge);
    }
}

fn words(text: &mut String, (x, y): (f64, f64), anchor: &str, colour: &str, said: impl Display) {
    line(
        text,
        format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{said}</text>"
        ),
    );
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    writeln!(text, "{what}").expect("a string takes all");
}
