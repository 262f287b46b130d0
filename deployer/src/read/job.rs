//! Which jobs does the file declare?

use metaparticle_gateway::yaml::Node;

use crate::application::{Count, Job, Name, Schedule};
use crate::read::Reader;
use crate::read::container::CONTAINER;

const JOB: &str = "a map such as { program: target/release/load, count: 8 }";

/// What a job says besides its container.
const OWN: [&str; 6] = ["count", "parallelism", "retries", "schedule", "time-zone", "locks"];

impl Reader {
    pub(super) fn jobs(&mut self, node: Node<'_>) -> Vec<Job> {
        let Some(fields) = node.fields("jobs", JOB, &mut self.mistakes) else {
            return Vec::new();
        };
        let named = fields.iter().map(|field| {
            let name = self.value::<Name>("jobs", field.key)?;
            self.job(&format!("jobs.{}", field.name), name, field.value)
        });
        named.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn job(&mut self, place: &str, name: Name, node: Node<'_>) -> Option<Job> {
        let fields = node.fields(place, JOB, &mut self.mistakes)?;
        let known: Vec<_> = OWN.iter().chain(&CONTAINER).copied().collect();
        fields.check_known(place, &known, &mut self.mistakes);
        let container = self.container(place, &name, &fields, None);
        let count = self.count(place, &fields, "count").unwrap_or(Count::ONE);
        let parallelism = self.count(place, &fields, "parallelism");
        let mut schedule = self.field::<Schedule>(place, &fields, "schedule");
        let zone = fields.text(place, "time-zone", "such as Europe/Zurich", &mut self.mistakes);
        match (&mut schedule, zone) {
            (Some(schedule), Some((_, zone))) => schedule.time_zone = Some(zone.into_owned()),
            (None, Some((node, _))) if fields.get("schedule").is_none() => {
                self.mistakes.add(&format!("{place}.time-zone"), node, "only beside a `schedule`");
            }
            _ => {}
        }
        let retries = self.retries(place, fields.get("retries"));
        let permissions = self.locks(place, &fields);
        let mut job = Job::of(name, container?, count);
        job.parallelism = parallelism;
        job.schedule = schedule;
        job.retries = retries.unwrap_or(job.retries);
        job.permissions = permissions;
        Some(job)
    }

    fn retries(&mut self, place: &str, node: Option<Node<'_>>) -> Option<u32> {
        let node = node?;
        let number = node.scalar().and_then(|text| text.parse().ok());
        if number.is_none() {
            self.mistakes.add(&format!("{place}.retries"), node, "a number, such as 6");
        }
        number
    }
}
