//! How does it look? On a terminal a pod has one line, which changes in place, below all that was said; elsewhere
//! every change is a line. For machines every event is an object of JSON, in a line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use super::event::Event;

/// For whom it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// People who read a file.
    Plain,
    /// People before a terminal that is so many columns wide.
    Live {
        /// Longer lines are cut: they would be two.
        columns: usize,
    },
    /// Machines.
    Json,
}

/// Writes what is told.
pub struct Report<W> {
    state: Mutex<State<W>>,
}

struct State<W> {
    to: W,
    page: Page,
    /// Whoever does not read any more is told nothing more.
    broken: bool,
}

impl<W> std::fmt::Debug for Report<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Report").finish_non_exhaustive()
    }
}

impl<W: Write> Report<W> {
    /// Tells it to `to`.
    pub fn new(to: W, format: Format) -> Self {
        Self { state: Mutex::new(State { to, page: Page::new(format), broken: false }) }
    }

    /// Writes an event.
    pub fn tell(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.broken {
            return;
        }
        let text = state.page.write(event);
        // A deploy does not fail because nobody reads of it.
        state.broken = put(&mut state.to, &text).is_err();
    }
}

fn put(to: &mut impl Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.flush()
}

/// What is to be written for each event; pure.
#[derive(Debug)]
struct Page {
    format: Format,
    /// How each pod and each workload is; on a terminal, what stands in the last lines.
    live: BTreeMap<String, String>,
    shown: usize,
}

impl Page {
    fn new(format: Format) -> Self {
        Self { format, live: BTreeMap::new(), shown: 0 }
    }

    fn write(&mut self, event: &Event) -> String {
        match self.format {
            Format::Json => {
                let line = serde_json::to_string(event).unwrap_or_default();
                line + "\n"
            }
            Format::Plain => self.plain(event),
            Format::Live { columns } => self.redraw(event, columns),
        }
    }

    /// Says nothing twice.
    fn plain(&mut self, event: &Event) -> String {
        // Only a terminal wants to see it move.
        if matches!(event, Event::Pushing { .. }) {
            return String::new();
        }
        let lines = event.lines().iter().fold(String::new(), |all, line| all + line + "\n");
        match place(event) {
            Some(place) if self.live.get(&place) == Some(&lines) => String::new(),
            Some(place) => {
                self.live.insert(place, lines.clone());
                lines
            }
            None => lines,
        }
    }

    fn redraw(&mut self, event: &Event, columns: usize) -> String {
        let mut out = String::new();
        if self.shown > 0 {
            // To the first of the lines that change, and away with them.
            let _always = write!(out, "\x1b[{}A\x1b[J", self.shown);
        }
        match (place(event), event) {
            (None, Event::Pushed { .. }) => {
                self.live.retain(|place, _| !place.starts_with('c'));
                event.lines().iter().for_each(|line| out += &format!("{line}\n"));
            }
            (Some(place), Event::PodGone { .. }) => drop(self.live.remove(&place)),
            (Some(place), _) => drop(self.live.insert(place, event.lines().join(" "))),
            (None, _) => {
                if ends(event) {
                    // What was last seen of them stays.
                    self.live.values().for_each(|line| out += &(cut(line, columns) + "\n"));
                    self.live.clear();
                }
                event.lines().iter().for_each(|line| out += &format!("{line}\n"));
            }
        }
        self.live.values().for_each(|line| out += &(cut(line, columns) + "\n"));
        self.shown = self.live.len();
        out
    }
}

/// Events of one place replace each other.
fn place(event: &Event) -> Option<String> {
    match event {
        Event::Pushing { program, .. } => Some(format!("c {program}")),
        Event::Waits { object, .. } | Event::Ready { object } => Some(format!("a {object}")),
        Event::Pod { pod, .. } | Event::PodGone { pod } => Some(format!("b {pod}")),
        _ => None,
    }
}

/// Whether what came before it will not change any more.
fn ends(event: &Event) -> bool {
    matches!(
        event,
        Event::Live { .. }
            | Event::Pushed { .. }
            | Event::Failed { .. }
            | Event::RollingBack { .. }
            | Event::RolledBack { .. }
            | Event::Detached {}
            | Event::Deleted { .. }
    )
}

fn cut(line: &str, columns: usize) -> String {
    if line.chars().count() <= columns {
        return line.to_owned();
    }
    line.chars().take(columns.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::{Format, Page};
    use crate::report::{Event, PodLine, Thing};

    fn pod(name: &str, state: &str) -> Event {
        let line = PodLine { ready: false, state: state.to_owned(), why: None, restarts: 0 };
        Event::Pod { pod: name.to_owned(), line }
    }

    fn all(format: Format, events: &[Event]) -> String {
        let mut page = Page::new(format);
        events.iter().map(|event| page.write(event)).collect()
    }

    #[test]
    fn without_a_terminal_every_change_is_a_line_and_nothing_is_said_twice() {
        let events = [pod("a", "Pending"), pod("a", "Pending"), pod("a", "Running")];
        assert_eq!(all(Format::Plain, &events), "  a  Pending\n  a  Running\n");
    }

    #[test]
    fn on_a_terminal_a_pod_has_one_line() {
        let format = Format::Live { columns: 12 };
        let events = [pod("a", "Pending"), pod("b", "ImagePullBackOff"), pod("a", "Running")];
        let expected = "  a  Pending\n\
                        \x1b[1A\x1b[J  a  Pending\n  b  ImageP…\n\
                        \x1b[2A\x1b[J  a  Running\n  b  ImageP…\n";
        assert_eq!(all(format, &events), expected);
    }

    #[test]
    fn what_ends_stays_above_what_comes() {
        let format = Format::Live { columns: 80 };
        let events =
            [pod("a", "Pending"), Event::Failed { why: "no".to_owned() }, pod("b", "Running")];
        let expected = "  a  Pending\n\x1b[1A\x1b[J  a  Pending\n✗ no\n  b  Running\n";
        assert_eq!(all(format, &events), expected);
    }

    #[test]
    fn for_machines_an_event_is_an_object_in_a_line() {
        let events =
            [Event::Ready { object: Thing::new("Deployment", "web") }, pod("a", "Pending")];
        let expected = "{\"event\":\"ready\",\"object\":{\"kind\":\"Deployment\",\"name\":\"web\"}}\n\
                        {\"event\":\"pod\",\"pod\":\"a\",\"ready\":false,\"state\":\"Pending\",\"why\":null,\"restarts\":0}\n";
        assert_eq!(all(Format::Json, &events), expected);
    }
}
