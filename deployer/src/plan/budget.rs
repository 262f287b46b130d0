//! How many instances may be away at once, when nodes are emptied?

use k8s_openapi::api::policy::v1 as policy;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::labels::Labels;
use super::object::Object;
use crate::application::{Count, Service};

/// One, of several; of one, that one: a budget would stop its node from being emptied at all.
pub(super) fn object(labels: &Labels, service: &Service) -> Option<Object> {
    (service.instances.count() > Count::ONE).then(|| {
        Object::of(&policy::PodDisruptionBudget {
            metadata: labels.head(labels.of()),
            spec: Some(policy::PodDisruptionBudgetSpec {
                max_unavailable: Some(IntOrString::Int(1)),
                selector: Some(labels.selector()),
                // What is not healthy anyway holds nobody up.
                unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
                ..policy::PodDisruptionBudgetSpec::default()
            }),
            status: None,
        })
    })
}
