//! How is a result shown to people? As a table that fits a terminal, without anything that must be known before.

use std::fmt::Write as _;

use crate::cluster::{Check, Difference, Revision, Status, Verdict};
use crate::report::Change;

/// Lines of columns, each as wide as its widest.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// What a deploy would change; of what stays, only how much it is.
pub(super) fn differences(all: &[Difference]) -> String {
    let mut text = String::new();
    for one in all.iter().filter(|one| one.change.is_any()) {
        for line in one.event().lines() {
            text += &(line + "\n");
        }
        for conflict in &one.conflicts {
            let _always = writeln!(text, "  ! {conflict}");
        }
    }
    let same = all.iter().filter(|one| one.change == Change::Same).count();
    match (text.is_empty(), same) {
        (true, same) => format!("{same} objects, all as they should be\n"),
        (false, 0) => text,
        (false, same) => text + &format!("{same} more as they should be\n"),
    }
}

/// What of an application runs.
pub(super) fn status(status: &Status) -> String {
    let live =
        status.live.map_or_else(|| "nothing live".to_owned(), |live| format!("revision {live}"));
    let mut text = format!("{}: {live}\n", status.application);
    if let Some(last) = status.last.as_ref().filter(|last| Some(last.number) != status.live) {
        let note = last.note.as_deref().unwrap_or("not finished");
        let _always = writeln!(text, "revision {} after it: {note}", last.number);
    }
    let mut rows = Vec::new();
    for one in &status.objects {
        let sign = if one.ready { "✓" } else { "✗" };
        let why = one.why.clone().unwrap_or_default();
        rows.push(vec![format!("{sign} {}", one.object), why]);
        for (pod, line) in &one.pods {
            rows.push(vec![format!("    {pod}"), line.to_string()]);
        }
    }
    text + &table(&rows)
}

/// The revisions, the newest first.
pub(super) fn history(revisions: &[Revision]) -> String {
    let head = ["REVISION", "STATE", "BEGUN", "BY", "NOTE"].map(str::to_owned).to_vec();
    let row = |one: &Revision| {
        let state = format!("{:?}", one.state).to_lowercase();
        let note = one.note.clone().unwrap_or_default();
        vec![one.number.to_string(), state, one.at.clone(), one.by.clone(), note]
    };
    let rows: Vec<_> = std::iter::once(head).chain(revisions.iter().rev().map(row)).collect();
    table(&rows)
}

/// What keeps a deploy from working, and what does not.
pub(super) fn checks(all: &[Check]) -> String {
    let row = |check: &Check| {
        let sign = match check.verdict {
            Verdict::Right => '✓',
            Verdict::Unknown => '?',
            Verdict::Doubtful => '!',
            Verdict::Wrong => '✗',
        };
        vec![format!("{sign} {}", check.what), check.words.clone()]
    };
    table(&all.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_have_no_end() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["long".to_owned(), String::new()]];
        assert_eq!(table(&rows), "a     b\nlong\n");
    }
}
