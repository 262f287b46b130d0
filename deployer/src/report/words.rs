//! How is an event said to people? In lines; most in one, some in none.

use serde_json::Value;

use super::event::{Change, Event, Field, Outcome, PodLine, Step};

/// What people see of a value that is long.
const VALUE_MOST: usize = 60;

impl Event {
    /// The lines that people read, without line feeds.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let one = |line: String| vec![line];
        match self {
            Self::Target { application, context, server, namespace } => {
                let context = context.as_deref().map_or_else(
                    || "in the cluster of this pod".to_owned(),
                    |context| format!("context {context}"),
                );
                one(format!("{application} → namespace {namespace}, {context}, {server}"))
            }
            Self::Built { digest, platform, seconds } => {
                one(format!("built {} for {platform} ({seconds:.1} s)", short(digest)))
            }
            Self::Uploading { digest, sent, size } => {
                one(format!("  {}  {}", short(digest), bar(*sent, *size)))
            }
            Self::Pushed { reference, uploaded_bytes, seconds } => {
                let sent = bytes(*uploaded_bytes);
                one(format!("pushed {reference}: {sent} sent ({seconds:.1} s)"))
            }
            Self::Step { step } => step.line().map(str::to_owned).into_iter().collect(),
            Self::Locked { holder } => one(format!(
                "{holder} deploys this application, or did until a moment ago: waiting for it"
            )),
            Self::Compared { object, change } => compared(&object.to_string(), change),
            Self::Took { conflict } => one(format!("! took {conflict}")),
            Self::Applied { object, outcome } => one(format!("{} {object}", outcome.sign())),
            Self::Waits { object, why } => one(format!("… {object}: {why}")),
            Self::Ready { object } => one(format!("✓ {object} is ready")),
            Self::Pod { pod, line } => one(format!("  {pod}  {line}")),
            Self::PodGone { pod } => one(format!("  {pod}  gone")),
            Self::Happened { about, reason, message, count } => {
                let times = if *count > 1 { format!(" (× {count})") } else { String::new() };
                one(format!("  {about}: {reason}: {message}{times}"))
            }
            Self::Said { pod, container, previous, lines } => {
                let life = if *previous { ", before its last restart" } else { "" };
                let head = format!("  the last lines of {pod} {container}{life}:");
                let said = lines.iter().map(|line| format!("    {line}"));
                std::iter::once(head).chain(said).collect()
            }
            Self::Pruned { object } => one(format!("- {object} is not wanted any more: deleted")),
            Self::RollingBack { to } => one(format!("rolling back to revision {to}")),
            Self::RolledBack { to } => one(format!("✓ revision {to} is in force again")),
            Self::Live { revision, changed, seconds } => {
                let same = if *changed { "" } else { ", as before" };
                one(format!("✓ revision {revision} is live{same} ({seconds:.1} s)"))
            }
            Self::Deleted { found: true } => one("✓ deleted".to_owned()),
            Self::Deleted { found: false } => one("✓ there is nothing to delete".to_owned()),
            Self::Warning { what } => one(format!("! {what}")),
            Self::Failed { why } => one(format!("✗ {why}")),
            Self::Detached {} => {
                one("detached: the cluster goes on by itself; run it again to see how it ends"
                    .to_owned())
            }
        }
    }
}

impl Step {
    fn line(self) -> Option<&'static str> {
        match self {
            Self::Compare => Some("comparing with what is there"),
            Self::Apply => Some("applying"),
            Self::Wait => Some("waiting until it is ready"),
            Self::Lock | Self::Record | Self::Prune | Self::Mark => None,
        }
    }
}

impl Outcome {
    fn sign(self) -> char {
        match self {
            Self::Created => '+',
            Self::Configured => '~',
            Self::Unchanged => '=',
        }
    }
}

impl std::fmt::Display for PodLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.ready { "ready" } else { &self.state })?;
        if self.restarts > 0 {
            write!(f, ", {} restarts", self.restarts)?;
        }
        match &self.why {
            Some(why) => write!(f, ": {why}"),
            None => Ok(()),
        }
    }
}

/// As much of a digest as people compare.
fn short(digest: &str) -> &str {
    let hex = digest.split_once(':').map_or(digest, |(_, hex)| hex);
    hex.get(..12).unwrap_or(hex)
}

fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} bytes"),
        1024..1_048_576 => format!("{} KiB", count >> 10),
        _ => format!("{} MiB", count >> 20),
    }
}

const BAR: u64 = 20;

fn bar(sent: u64, size: u64) -> String {
    let full = (sent.min(size) * BAR).checked_div(size).unwrap_or(BAR);
    let signs: String = (0..BAR).map(|place| if place < full { '█' } else { '░' }).collect();
    format!("{signs} {} of {}", bytes(sent), bytes(size))
}

fn compared(object: &str, change: &Change) -> Vec<String> {
    match change {
        Change::Create => vec![format!("+ {object}")],
        Change::Delete => vec![format!("- {object}")],
        Change::Same => Vec::new(),
        Change::Update { fields } => {
            let head = format!("~ {object}");
            std::iter::once(head).chain(fields.iter().map(field)).collect()
        }
    }
}

fn field(field: &Field) -> String {
    let Field { path, before, after } = field;
    match (before, after) {
        (Some(before), Some(after)) => format!("    {path}: {} → {}", value(before), value(after)),
        (None, Some(after)) => format!("  + {path}: {}", value(after)),
        (Some(before), None) => format!("  - {path}: {}", value(before)),
        (None, None) => format!("    {path}"),
    }
}

fn value(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= VALUE_MOST {
        return text;
    }
    let begin: String = text.chars().take(VALUE_MOST - 12).collect();
    let end: Vec<char> = text.chars().rev().take(11).collect();
    format!("{begin}…{}", end.into_iter().rev().collect::<String>())
}
