//! Which objects of Kubernetes is an application, and in which order are they applied?
//!
//! ```text
//!   instances alike      Deployment, Service            asked from outside   Ingress of the gateway
//!   instances numbered   StatefulSet, headless Service  more than one        PodDisruptionBudget
//!   done once            Job                            needs permissions    ServiceAccount, Role, RoleBinding
//!   done every night     CronJob                        another name         ExternalName Service, Ingress rule
//!   held by turns        Lease
//! ```
//!
//! Nothing is asked of a cluster here, and nothing of the deployer's own world gets into an object.

mod account;
mod budget;
mod job;
mod labels;
mod lease;
pub mod object;
mod pod;
mod route;
mod service;
mod workload;

#[cfg(test)]
mod tests;

pub use self::labels::MANAGER;
pub use self::object::{Kind, Object};
pub use self::route::CLASS;

use self::labels::Labels;
use crate::application::{Application, Exposure, Name};

/// An application as objects.
#[derive(Debug, Clone)]
#[must_use]
pub struct Plan {
    /// Whose they are.
    pub application: Name,
    /// In the order of applying: accounts and roles, config, services, workloads, budgets, routes.
    pub objects: Vec<Object>,
}

impl Application {
    /// The objects that this application is. An application that exists is a right one: this never fails.
    pub fn plan(&self) -> Plan {
        let mut objects = Vec::new();
        for service in self.services() {
            let labels = Labels::of_service(self.name(), service);
            objects.extend(account::objects(&labels, &service.permissions));
            objects.extend(service::object(&labels, service));
            objects.push(workload::object(&labels, service));
            objects.extend(budget::object(&labels, service));
            objects.extend(route::objects(&labels, service));
        }
        for job in self.jobs() {
            let labels = Labels::of_job(self.name(), job);
            objects.extend(account::objects(&labels, &job.permissions));
            objects.push(job::object(&labels, job));
        }
        objects.extend(self.leases().iter().map(|name| lease::object(self.name(), name)));
        objects.sort_by_key(turn);
        Plan { application: self.name().clone(), objects }
    }

    /// Whether anybody reaches it by the gateway, so that there must be one.
    #[must_use]
    pub fn needs_gateway(&self) -> bool {
        self.services().iter().any(|service| {
            !service.aliases.is_empty() || matches!(service.exposure, Exposure::Public(_))
        })
    }
}

/// When an object is applied: what others lean on first.
fn turn(object: &Object) -> usize {
    let order = [
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "ConfigMap",
        "Lease",
        "Service",
        "Deployment",
        "StatefulSet",
        "Job",
        "CronJob",
        "PodDisruptionBudget",
        "Ingress",
    ];
    order.iter().position(|kind| *kind == object.kind().kind).unwrap_or(order.len())
}
