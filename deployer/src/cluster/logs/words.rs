//! How does a line of a pod look?

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::Serialize;

/// What is heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Line {
    /// A container that is heard from now on.
    Detected {
        /// Its pod.
        pod: String,
        /// Its name.
        container: String,
    },
    /// A container said a line.
    Said {
        /// Its pod.
        pod: String,
        /// Its name.
        container: String,
        /// When, as the cluster says it.
        time: String,
        /// What.
        text: String,
    },
    /// Something that passes.
    Trouble {
        /// What.
        what: String,
    },
}

/// For whom it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// People who read a file.
    Plain,
    /// People before a terminal: a pod has a colour.
    Colour,
    /// Whoever expects what the first Metaparticle wrote: `pod:container text`.
    Compatible,
    /// Machines: an object of JSON.
    Json,
}

/// The colours of pods: those that are read well on black and on white.
const COLOURS: [u8; 6] = [31, 32, 33, 34, 35, 36];

impl Line {
    /// What a container said, as it came: with its time before it.
    pub(super) fn of(pod: &str, container: &str, line: &str) -> Self {
        let (time, text) = line.split_once(' ').unwrap_or(("", line));
        let word = str::to_owned;
        Self::Said {
            pod: word(pod),
            container: word(container),
            time: word(time),
            text: word(text),
        }
    }

    /// Whether it is part of what was asked for; else it is about it, and belongs beside it.
    #[must_use]
    pub fn is_said(&self) -> bool {
        matches!(self, Self::Said { .. })
    }

    /// As it is written, without a line feed.
    #[must_use]
    pub fn written(&self, style: Style) -> String {
        match (self, style) {
            (_, Style::Json) => serde_json::to_string(self).unwrap_or_default(),
            (Self::Said { pod, container, text, .. }, Style::Compatible) => {
                format!("{pod}:{container} {text}")
            }
            (Self::Said { pod, container, text, .. }, Style::Plain) => {
                format!("{pod} {container} │ {text}")
            }
            (Self::Said { pod, container, text, .. }, Style::Colour) => {
                format!("\x1b[{}m{pod} {container} │\x1b[0m {text}", colour(pod))
            }
            (Self::Detected { pod, container }, Style::Compatible) => {
                format!("==> Detected container {pod}:{container}")
            }
            (Self::Detected { pod, container }, _) => format!("+ {pod} {container}"),
            (Self::Trouble { what }, _) => format!("! {what}"),
        }
    }
}

fn colour(pod: &str) -> u8 {
    let mut hasher = DefaultHasher::new();
    pod.hash(&mut hasher);
    let place = usize::try_from(hasher.finish() % COLOURS.len() as u64).unwrap_or_default();
    COLOURS[place]
}

#[cfg(test)]
mod tests {
    use super::{Line, Style};

    #[test]
    fn a_line_is_written_for_whom_it_is() {
        let line = Line::of("web-1", "web-0", "2026-01-01T00:00:00Z a <b> & c");
        let expected = [
            (Style::Plain, "web-1 web-0 │ a <b> & c"),
            (Style::Compatible, "web-1:web-0 a <b> & c"),
            (
                Style::Json,
                "{\"event\":\"said\",\"pod\":\"web-1\",\"container\":\"web-0\",\
                \"time\":\"2026-01-01T00:00:00Z\",\"text\":\"a <b> & c\"}",
            ),
        ];
        for (style, expected) in expected {
            assert_eq!(line.written(style), expected);
        }
        assert!(line.written(Style::Colour).ends_with("web-1 web-0 │\x1b[0m a <b> & c"));
    }

    #[test]
    fn a_new_container_is_told_as_the_first_metaparticle_told_it() {
        let line = Line::Detected { pod: "a".to_owned(), container: "b".to_owned() };
        assert_eq!(line.written(Style::Compatible), "==> Detected container a:b");
        assert!(!line.is_said());
    }

    #[test]
    fn a_pod_keeps_its_colour() {
        let said = |text| Line::of("web-1", "web-0", text).written(Style::Colour);
        assert_eq!(said("t a").split('w').next(), said("t b").split('w').next());
    }
}
