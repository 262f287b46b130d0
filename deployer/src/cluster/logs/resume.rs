//! Which lines are new? After a break the log is asked for again from the last second on, because it is asked for by
//! seconds: the lines of that second that were told already are left out, each as often as it was told; pure.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use k8s_openapi::jiff::Timestamp;

/// How far a container's log was heard.
#[derive(Debug, Default)]
pub(super) struct Resume {
    /// The last second, and how often each of its lines was told.
    second: Option<i64>,
    told: BTreeMap<u64, u32>,
    /// Lines that come again.
    again: BTreeMap<u64, u32>,
}

impl Resume {
    /// From when on the log is asked for after a break; nothing when nothing was heard.
    pub(super) fn again(&mut self) -> Option<Timestamp> {
        self.again = self.told.clone();
        self.second.and_then(|second| Timestamp::from_second(second).ok())
    }

    /// Whether a line, as it came with its timestamp, is new.
    pub(super) fn is_new(&mut self, line: &str) -> bool {
        // What has no time is no line of the container, and comes once.
        let Some(second) = second(line) else { return true };
        let key = key(line);
        if let Some(left) = self.again.get_mut(&key)
            && *left > 0
        {
            *left -= 1;
            return false;
        }
        if self.second < Some(second) {
            self.second = Some(second);
            self.told.clear();
        }
        if self.second == Some(second) {
            *self.told.entry(key).or_default() += 1;
        }
        true
    }
}

fn second(line: &str) -> Option<i64> {
    let time = line.split(' ').next()?;
    time.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

fn key(line: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::Resume;

    fn new<'l>(resume: &mut Resume, lines: &[&'l str]) -> Vec<&'l str> {
        lines.iter().copied().filter(|line| resume.is_new(line)).collect()
    }

    const LOG: [&str; 5] = [
        "2026-01-01T00:00:01.1Z a",
        "2026-01-01T00:00:02.1Z b",
        "2026-01-01T00:00:02.2Z c",
        "2026-01-01T00:00:02.2Z c",
        "2026-01-01T00:00:02.3Z d",
    ];

    #[test]
    fn after_a_break_the_last_second_comes_again_and_no_line_is_told_twice_or_lost() {
        for broken in 1..=LOG.len() {
            let mut resume = Resume::default();
            let mut told = new(&mut resume, &LOG[..broken]);
            let since = resume.again().unwrap().as_second();
            let rest = LOG.iter().copied().filter(|line| super::second(line) >= Some(since));
            told.extend(new(&mut resume, &rest.collect::<Vec<_>>()));
            assert_eq!(told, LOG, "broken after {broken}");
        }
    }

    #[test]
    fn breaks_one_after_the_other_are_no_worse() {
        let mut resume = Resume::default();
        let mut told = new(&mut resume, &LOG[..3]);
        for _ in 0..3 {
            assert!(resume.again().is_some());
            told.extend(new(&mut resume, &LOG[1..3]));
        }
        resume.again();
        told.extend(new(&mut resume, &LOG[1..]));
        assert_eq!(told, LOG);
    }

    #[test]
    fn lines_that_are_alike_are_told_as_often_as_they_were_said() {
        let mut resume = Resume::default();
        assert_eq!(new(&mut resume, &[LOG[2], LOG[3]]).len(), 2);
    }

    #[test]
    fn nothing_is_asked_for_again_when_nothing_was_heard() {
        assert_eq!(Resume::default().again(), None);
    }
}
