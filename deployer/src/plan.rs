//! Which objects of Kubernetes is an application, and in which order are they applied?

pub mod object;

use self::object::Object;
use crate::application::{Application, Name};

/// An application as objects.
#[derive(Debug, Clone)]
#[must_use]
pub struct Plan {
    /// Whose they are.
    pub application: Name,
    /// In the order of applying: accounts and roles, services, workloads, budgets, routes.
    pub objects: Vec<Object>,
}

impl Application {
    /// The objects that this application is. An application that exists is a right one: this never fails.
    pub fn plan(&self) -> Plan {
        Plan { application: self.name().clone(), objects: Vec::new() }
    }
}
