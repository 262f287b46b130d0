//! What is done once, or every night?

use std::fmt;
use std::str::FromStr;

use super::mistakes::Wrong;
use super::{Container, Count, Name, Permission};

/// Work that ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// What it is called.
    pub name: Name,
    /// What runs; the first container is the job's own.
    pub containers: Vec<Container>,
    /// How many pods must end well; each has a number from 0.
    pub count: Count,
    /// How many of them run at once; all, where nothing is said.
    pub parallelism: Option<Count>,
    /// How often a pod may fail before the job has.
    pub retries: u32,
    /// When it is done again and again; at once and once, where nothing is said.
    pub schedule: Option<Schedule>,
    /// What its pods may do in the cluster.
    pub permissions: Vec<Permission>,
}

impl Job {
    /// A job of one container, done once.
    #[must_use]
    pub fn of(name: Name, container: Container, count: Count) -> Self {
        Self {
            name,
            containers: vec![container],
            count,
            parallelism: None,
            retries: 6,
            schedule: None,
            permissions: Vec::new(),
        }
    }
}

/// When a job is begun: five fields of cron, or a word such as `@daily`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The fields.
    cron: Box<str>,
    /// Where the clock hangs; where nothing is said, with the controller.
    pub time_zone: Option<String>,
}

impl Schedule {
    /// As cron writes it.
    #[must_use]
    pub fn cron(&self) -> &str {
        &self.cron
    }
}

/// Each field's name, its bounds, and the words that stand for numbers from the first bound on.
const FIELDS: [(u32, u32, &str); 5] = [
    (0, 59, ""),
    (0, 23, ""),
    (1, 31, ""),
    (1, 12, "jan feb mar apr may jun jul aug sep oct nov dec"),
    (0, 7, "sun mon tue wed thu fri sat"),
];

const WORDS: [&str; 7] =
    ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

impl FromStr for Schedule {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let fields: Vec<_> = text.split_whitespace().collect();
        let five = fields.len() == FIELDS.len()
            && fields.iter().zip(FIELDS).all(|(field, bounds)| is_field(field, bounds));
        if five || WORDS.contains(&text) {
            return Ok(Self { cron: text.into(), time_zone: None });
        }
        Err(Wrong::new(
            text,
            "five fields of cron (minute, hour, day, month, weekday), such as `*/5 * * * *`, or a word such as `@daily`",
        ))
    }
}

fn is_field(field: &str, (least, most, words): (u32, u32, &str)) -> bool {
    let number = |text: &str| {
        let word = words.split_whitespace().zip(least..);
        let known = word.clone().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, n)| n);
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        known.or_else(|| text.parse().ok().filter(|n| digits && (least..=most).contains(n)))
    };
    let range = |range: &str| match range.split_once('-') {
        _ if range == "*" || range == "?" => true,
        Some((from, to)) => number(from).zip(number(to)).is_some_and(|(from, to)| from <= to),
        None => number(range).is_some(),
    };
    field.split(',').all(|part| match part.split_once('/') {
        Some((from, step)) => {
            range(from) && step.parse().is_ok_and(|step: u32| (1..=most).contains(&step))
        }
        None => range(part),
    })
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cron)
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn a_schedule_is_what_cron_understands() {
        for right in
            ["*/5 * * * *", "0 3 1,15 * mon-fri", "59 23 31 dec 7", "0-30/10 * ? * *", "@daily"]
        {
            assert!(right.parse::<Schedule>().is_ok(), "{right}");
        }
        for wrong in [
            "",
            "* * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 8",
            "*/0 * * * *",
            "5-1 * * * *",
            "a * * * *",
            "+5 * * * *",
            "@never",
            "TZ=UTC 0 * * * *",
        ] {
            assert!(wrong.parse::<Schedule>().is_err(), "{wrong}");
        }
    }
}
