//! Who keeps a service's instances running?

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::labels::Labels;
use super::object::Object;
use super::pod::Pod;
use crate::application::{Instances, Service};

/// Where a pod of a StatefulSet is told its number.
const INDEX: &str = "metadata.labels['apps.kubernetes.io/pod-index']";

const SETTLE_SECONDS: i32 = 5;

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
    let template = pod.template();
    let settles = settles(&template);
    match service.instances {
        Instances::Alike(_) => Object::of(&apps::Deployment {
            metadata: labels.head(labels.of()),
            spec: Some(apps::DeploymentSpec {
                replicas: Some(count.signed()),
                selector: labels.selector(),
                strategy: Some(one_more_at_a_time()),
                min_ready_seconds: settles,
                template,
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
                min_ready_seconds: settles,
                template,
                ..apps::StatefulSetSpec::default()
            }),
            status: None,
        }),
    }
}

/// How long it must run before it counts, where nobody asks whether it is ready: else one that ends at once does.
fn settles(template: &PodTemplateSpec) -> Option<i32> {
    let mut containers = template.spec.iter().flat_map(|spec| &spec.containers);
    containers.all(|one| one.readiness_probe.is_none()).then_some(SETTLE_SECONDS)
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

#[cfg(test)]
mod tests {
    use crate::spec::{self, Setting};

    fn check(ports: &str, settles: Option<i64>) {
        for instances in [r#""replicas": 1"#, r#""shardSpec": { "shards": 2 }"#] {
            let spec = format!(
                r#"{{ "name": "a", "services": [{{ "name": "a", {instances}, "ports": [{ports}],
                    "containers": [{{ "image": "r/a" }}] }}] }}"#
            );
            let plan = spec::read(spec.as_bytes(), &Setting::default()).unwrap().application.plan();
            let workloads = plan.objects.iter().map(|one| one.body());
            let mut workloads = workloads.filter(|one| one["spec"]["template"].is_object());
            let workload = workloads.next().expect("a workload");
            assert_eq!(workload["spec"]["minReadySeconds"].as_i64(), settles, "{spec}");
        }
    }

    #[test]
    fn what_nobody_asks_whether_it_is_ready_must_run_for_a_while() {
        check("", Some(5));
        check(r#"{ "number": 8080 }"#, None);
    }
}
