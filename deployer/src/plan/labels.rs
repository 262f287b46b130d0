//! By what is an object known as ours, and a pod as a service's?

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use metaparticle_gateway::words::Pattern;

use crate::application::{Application, Instances, Job, Name, Service};

/// Who says that it manages an object: `app.kubernetes.io/managed-by`, and the name of our fields.
pub const MANAGER: &str = "metaparticle";

/// The labels of a service's, a job's, or a lease's objects.
#[derive(Debug, Clone)]
pub(super) struct Labels {
    application: Name,
    of: Name,
    component: &'static str,
}

impl Labels {
    pub(super) fn of_service(application: &Name, service: &Service) -> Self {
        let component = match (service.instances, service.policy.pattern) {
            (Instances::Alike(_), Pattern::Spread) => "replica",
            (_, Pattern::Scatter) => "leaf",
            (Instances::Numbered(_), _) | (_, Pattern::Shard) => "shard",
        };
        Self { application: application.clone(), of: service.name.clone(), component }
    }

    pub(super) fn of_job(application: &Name, job: &Job) -> Self {
        Self { application: application.clone(), of: job.name.clone(), component: "job" }
    }

    pub(super) fn of_lease(application: &Name, lease: &Name) -> Self {
        Self { application: application.clone(), of: lease.clone(), component: "lease" }
    }

    /// Whose objects they are.
    pub(super) fn of(&self) -> &str {
        self.of.as_str()
    }

    pub(super) fn all(&self) -> BTreeMap<String, String> {
        let labels = [
            ("app.kubernetes.io/name", self.of()),
            ("app.kubernetes.io/component", self.component),
            ("app.kubernetes.io/part-of", self.application.as_str()),
            ("app.kubernetes.io/managed-by", MANAGER),
        ];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.chosen().into_iter().chain(labels).collect()
    }

    /// Those by which pods are found: they can never be changed.
    fn chosen(&self) -> BTreeMap<String, String> {
        let labels =
            [("app", self.of()), ("app.kubernetes.io/instance", self.application.as_str())];
        labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    pub(super) fn selector(&self) -> LabelSelector {
        LabelSelector { match_labels: Some(self.chosen()), ..LabelSelector::default() }
    }

    pub(super) fn selecting(&self) -> Option<BTreeMap<String, String>> {
        self.selector().match_labels
    }

    /// The head of an object called `name`.
    pub(super) fn head(&self, name: impl Into<String>) -> ObjectMeta {
        ObjectMeta { name: Some(name.into()), labels: Some(self.all()), ..ObjectMeta::default() }
    }
}

impl Application {
    /// What finds all objects of this application, as `kubectl -l` reads it.
    #[must_use]
    pub fn selector(&self) -> String {
        let name = self.name();
        format!("app.kubernetes.io/part-of={name},app.kubernetes.io/managed-by={MANAGER}")
    }
}
