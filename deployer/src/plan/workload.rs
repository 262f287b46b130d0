//! Who keeps a service's instances running?

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::labels::Labels;
use super::object::Object;
use super::pod::Pod;
use crate::application::{Instances, Service};

/// Where a pod of a StatefulSet is told its number.
const INDEX: &str = "metadata.labels['apps.kubernetes.io/pod-index']";

/// A Deployment, or a StatefulSet.
pub(super) fn object(labels: &Labels, service: &Service) -> Object {
    let count = service.instances.count();
    let pod = Pod {
        labels,
        containers: &service.containers,
        ports: &service.ports,
        permissions: &service.permissions,
        count,
        index: INDEX,
        ends: false,
    };
    match service.instances {
        Instances::Alike(_) => Object::of(&apps::Deployment {
            metadata: labels.head(labels.of()),
            spec: Some(apps::DeploymentSpec {
                replicas: Some(count.signed()),
                selector: labels.selector(),
                strategy: Some(one_more_at_a_time()),
                template: pod.template(),
                ..apps::DeploymentSpec::default()
            }),
            status: None,
        }),
        Instances::Numbered(_) => Object::of(&apps::StatefulSet {
            metadata: labels.head(labels.of()),
            spec: Some(apps::StatefulSetSpec {
                replicas: Some(count.signed()),
                service_name: Some(labels.of().to_owned()),
                selector: labels.selector(),
                // In order, a set whose first pod is broken could never be mended.
                pod_management_policy: Some("Parallel".to_owned()),
                template: pod.template(),
                ..apps::StatefulSetSpec::default()
            }),
            status: None,
        }),
    }
}

/// Nobody ends before another is ready.
fn one_more_at_a_time() -> apps::DeploymentStrategy {
    apps::DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(apps::RollingUpdateDeployment {
            max_unavailable: Some(IntOrString::Int(0)),
            max_surge: Some(IntOrString::Int(1)),
        }),
    }
}
