//! What is told of it in a page that is about something else? A table of all works, between two marks
//! that the page has for it.

use std::fmt::{Error, Write};

use anyhow::Context;

use super::{bars, occasion};
use crate::contestants::Gateway;
use crate::results::{Outcome, Results};

const BEGIN: &str = "<!-- compare: begin -->\n";
const END: &str = "<!-- compare: end -->";

const COLUMNS: [Gateway; 9] = [
    Gateway::Ours,
    Gateway::Nginx,
    Gateway::Haproxy,
    Gateway::HaproxyTcp,
    Gateway::Envoy,
    Gateway::Pingora,
    Gateway::NginxLua,
    Gateway::Krakend,
    Gateway::Relay,
];

/// All works by gateway, the bars, and when and where it was.
pub(super) fn text(results: &Results) -> Result<String, Error> {
    let names = COLUMNS.map(Gateway::name).join(" | ");
    let mut text =
        format!("| µs of CPU a request | {names} |\n|---|{}\n", "---:|".repeat(COLUMNS.len()));
    for table in &results.tables {
        let cells = COLUMNS.map(|gateway| {
            let micros = table.row(gateway).and_then(|row| row.micros());
            micros.map_or_else(String::new, |micros| format!("{:.1}", micros.median))
        });
        if cells.iter().any(|cell| !cell.is_empty()) {
            writeln!(text, "| {} | {} |", table.work, cells.join(" | "))?;
        }
        let idle = COLUMNS.map(|gateway| match table.row(gateway).map(|row| &row.outcome) {
            Some(Outcome::Idle(runs)) => {
                runs.first().map_or_else(String::new, |run| format!("{:.1}", run.kib_each()))
            }
            _ => String::new(),
        });
        if idle.iter().any(|cell| !cell.is_empty()) {
            writeln!(text, "| {}, KiB each | {} |", table.work, idle.join(" | "))?;
        }
    }
    writeln!(text, "\n{}\n\n{}", bars::render(results)?, occasion(results))?;
    Ok(text)
}

/// `page` with `text` between the marks.
pub(super) fn inserted(page: &str, text: &str) -> anyhow::Result<String> {
    let marks = || format!("it needs the lines `{}` and `{END}`, in this order", BEGIN.trim_end());
    let (before, rest) = page.split_once(BEGIN).with_context(marks)?;
    let (_, after) = rest.split_once(END).with_context(marks)?;
    Ok(format!("{before}{BEGIN}{}\n{END}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::inserted;

    #[test]
    fn what_stood_between_the_marks_is_replaced_and_nothing_else() {
        let page = "a\n<!-- compare: begin -->\nold\n<!-- compare: end -->\nb\n";
        let new = inserted(page, "new\n").expect("a page with marks");
        assert_eq!(new, "a\n<!-- compare: begin -->\nnew\n<!-- compare: end -->\nb\n");
        assert_eq!(inserted(&new, "new\n").expect("its own work"), new);
    }

    #[test]
    fn a_page_without_marks_is_told_which() {
        let error = inserted("a\n", "new\n").expect_err("there is no place for it");
        assert!(error.to_string().contains("<!-- compare: begin -->"), "{error}");
    }
}
