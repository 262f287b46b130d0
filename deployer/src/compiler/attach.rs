//! What do the pods say? Of services as long as anybody listens: the Java library deletes a deployment when this
//! ends. Of jobs until they have ended.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use super::{say, tell};
use crate::application::Application;
use crate::cluster::{Cluster, Line, Logs, Style};

/// Tells what the pods of `application` say.
pub(super) async fn attach(
    cluster: &Cluster,
    application: &Application,
    stop: &CancellationToken,
) -> Result<(), Fault> {
    let name = application.name().as_str();
    let printed = Printed::default();
    let heard = move |line: Line| printed.hear(&line);
    let follow = Logs::of_application(name).followed();
    let ended = async {
        let endless = application.jobs().iter().any(|job| job.schedule.is_some());
        if !application.services().is_empty() || application.jobs().is_empty() || endless {
            std::future::pending::<()>().await;
        }
        cluster.jobs_ended(&application.selector()).await
    };
    let well = tokio::select! {
        done = cluster.logs(&follow, &heard) => return Ok(done?),
        ended = ended => ended?,
        () = stop.cancelled() => return Ok(()),
    };
    // What was said last may not have been heard yet.
    cluster.logs(&Logs::of_application(name), &heard).await?;
    if well { Ok(()) } else { Err(Fault::Job) }
}

/// What was printed last of each container: nothing is printed twice.
#[derive(Default)]
struct Printed(Mutex<BTreeMap<(String, String), String>>);

impl Printed {
    fn hear(&self, line: &Line) {
        if self.is_new(line) {
            let written = line.written(Style::Compatible);
            if line.is_said() { say(&mut io::stdout(), &written) } else { tell(&written) }
        }
    }

    fn is_new(&self, line: &Line) -> bool {
        let Line::Said { pod, container, time, .. } = line else { return true };
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.entry((pod.clone(), container.clone())).or_default();
        let new = *time > *last;
        if new {
            last.clone_from(time);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::Printed;
    use crate::cluster::Line;

    #[test]
    fn what_was_printed_is_not_printed_again_when_all_is_read_at_the_end() {
        let printed = Printed::default();
        let check = |pod: &str, second: u32, new: bool| {
            let line = Line::Said {
                pod: pod.to_owned(),
                container: "a-0".to_owned(),
                time: format!("2026-11-21T18:00:{second:02}Z"),
                text: "it".to_owned(),
            };
            assert_eq!(printed.is_new(&line), new, "{pod} {second}");
        };
        check("a", 1, true);
        check("b", 1, true);
        check("a", 2, true);
        for (second, new) in [(1, false), (2, false), (3, true)] {
            check("a", second, new);
        }
    }
}
