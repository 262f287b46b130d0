//! How is a page of metrics written? Families of samples, each family once and in one piece.

use std::fmt::{Display, Write as _};

/// What stands before every name.
const PREFIX: &str = "metaparticle_";

/// What a family counts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Only grows.
    Counter,
    /// Comes and goes.
    Gauge,
    /// Counts by upper bound.
    Histogram,
}

/// A page, as far as it is written.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    /// The name of the family that is being written.
    name: &'static str,
}

impl Page {
    /// Begins a family.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.name = name;
        self.line(format_args!("# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n"));
    }

    /// A sample of the family that was begun; a histogram's has a `suffix`.
    pub(super) fn sample(
        &mut self,
        suffix: &str,
        labels: &[(&'static str, &str)],
        value: impl Display,
    ) {
        let name = self.name;
        self.line(format_args!("{PREFIX}{name}{suffix}"));
        for (count, (label, text)) in labels.iter().enumerate() {
            let before = if count == 0 { '{' } else { ',' };
            self.line(format_args!("{before}{label}=\""));
            self.escaped(text);
            self.text.push('"');
        }
        let after = if labels.is_empty() { "" } else { "}" };
        self.line(format_args!("{after} {value}\n"));
    }

    /// A family of one sample without labels.
    pub(super) fn alone(
        &mut self,
        name: &'static str,
        kind: Kind,
        help: &str,
        value: impl Display,
    ) {
        self.family(name, kind, help);
        self.sample("", &[], value);
    }

    /// All of it.
    pub(super) fn text(self) -> String {
        self.text
    }

    /// A label's value: three characters must not stand as they are.
    fn escaped(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '\\' => self.text.push_str("\\\\"),
                '"' => self.text.push_str("\\\""),
                '\n' => self.text.push_str("\\n"),
                _ => self.text.push(letter),
            }
        }
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("a String takes all");
    }
}
