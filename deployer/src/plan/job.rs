//! Who sees to it that work is done?
//!
//! A Job cannot be changed, so its name has a hash of all that it says: the same job, deployed again, is the
//! one that ran; another one is a new Job. It stays until no plan has it: one that went by itself would run again.

use k8s_openapi::api::batch::v1 as batch;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::labels::Labels;
use super::object::Object;
use super::pod::Pod;
use crate::application::{Job, short_hash};

/// Where a pod of an indexed Job is told its number.
const INDEX: &str = "metadata.annotations['batch.kubernetes.io/job-completion-index']";

/// A Job, or a CronJob.
pub(super) fn object(labels: &Labels, job: &Job) -> Object {
    let spec = spec(labels, job);
    let Some(schedule) = &job.schedule else {
        let said = serde_json::to_vec(&spec).expect("a Job is JSON");
        let name = format!("{}-{}", labels.of(), short_hash(&said));
        return Object::of(&batch::Job {
            metadata: labels.head(name),
            spec: Some(spec),
            status: None,
        });
    };
    Object::of(&batch::CronJob {
        metadata: labels.head(labels.of()),
        spec: Some(batch::CronJobSpec {
            schedule: schedule.cron().to_owned(),
            time_zone: schedule.time_zone.clone(),
            concurrency_policy: Some("Forbid".to_owned()),
            job_template: batch::JobTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(labels.all()), ..ObjectMeta::default() }),
                spec: Some(spec),
            },
            ..batch::CronJobSpec::default()
        }),
        status: None,
    })
}

fn spec(labels: &Labels, job: &Job) -> batch::JobSpec {
    let pod = Pod {
        labels,
        containers: &job.containers,
        ports: &[],
        permissions: &job.permissions,
        count: job.count,
        index: INDEX,
        ends: true,
    };
    let at_once = job.parallelism.unwrap_or(job.count).min(job.count);
    batch::JobSpec {
        completion_mode: Some("Indexed".to_owned()),
        completions: Some(job.count.signed()),
        parallelism: Some(at_once.signed()),
        backoff_limit: Some(i32::try_from(job.retries).unwrap_or(i32::MAX)),
        template: pod.template(),
        ..batch::JobSpec::default()
    }
}
