//! What is to run?
//!
//! An [`Application`] that exists is a right one: its parts are checked when they are read, each as a type of
//! its own, and what must fit together in [`Application::new`]. All mistakes are told at once, so whoever
//! reads collects them in [`Mistakes`].

mod container;
mod env;
mod job;
mod mistakes;
mod name;
mod port;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;

use metaparticle_gateway::words::{Hedge, Pattern, Policy};

pub use self::container::{Container, Image, Mount, Quantity, Readiness, Resources};
pub use self::env::{Field, Value, Variable, VariableName};
pub use self::job::{Job, Schedule};
pub use self::mistakes::{Mistakes, Wrong};
pub(crate) use self::name::short_hash;
pub use self::name::{LONGEST, Name};
pub use self::port::{Alias, Exposure, Host, Path, Port, Public, Transport};

/// Services and jobs that belong together: they are deployed, shown and deleted as one.
#[derive(Debug, Clone)]
pub struct Application {
    name: Name,
    services: Vec<Service>,
    jobs: Vec<Job>,
    leases: Vec<Name>,
}

/// A program that is asked, in as many instances as are needed.
#[derive(Debug, Clone)]
pub struct Service {
    /// What it is called.
    pub name: Name,
    /// How many there are, and whether each is somebody.
    pub instances: Instances,
    /// What runs in each; the first container is the service's own.
    pub containers: Vec<Container>,
    /// Where it listens; the gateway asks at the first.
    pub ports: Vec<Port>,
    /// Who may ask.
    pub exposure: Exposure,
    /// How requests find an instance, in the gateway's words.
    pub policy: Policy,
    /// Other names that lead to it by the gateway.
    pub aliases: Vec<Alias>,
    /// What its pods may do in the cluster.
    pub permissions: Vec<Permission>,
}

impl Service {
    /// A service of one container that is asked from inside the cluster; spread over its instances.
    #[must_use]
    pub fn of(name: Name, instances: Instances, container: Container) -> Self {
        Self {
            name,
            instances,
            containers: vec![container],
            ports: Vec::new(),
            exposure: Exposure::default(),
            policy: Policy::default(),
            aliases: Vec::new(),
            permissions: Vec::new(),
        }
    }
}

/// How many instances a service has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instances {
    /// So many, and one is as good as another: a Deployment.
    Alike(Count),
    /// So many, each with a number that it keeps: a StatefulSet.
    Numbered(Count),
}

impl Instances {
    /// How many.
    #[must_use]
    pub fn count(self) -> Count {
        match self {
            Self::Alike(count) | Self::Numbered(count) => count,
        }
    }
}

/// How many: from 1 to 10 000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Count(NonZeroU32);

impl Count {
    /// One.
    pub const ONE: Self = Self(NonZeroU32::MIN);
    /// The most.
    pub const MOST: u32 = 10_000;

    /// So many.
    ///
    /// # Errors
    ///
    /// None, or too many.
    pub fn new(count: u32) -> Result<Self, Wrong> {
        let right = NonZeroU32::new(count).filter(|_| count <= Self::MOST);
        right.map(Self).ok_or_else(|| Wrong::new(count, "a number from 1 to 10000"))
    }

    /// As a number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// As Kubernetes counts.
    pub(crate) fn signed(self) -> i32 {
        i32::try_from(self.get()).expect("at most 10 000")
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What pods may do in their namespace: a rule of a Role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The group of the resources; empty for the core's.
    pub group: &'static str,
    /// The resources, in the plural.
    pub resource: &'static str,
    /// What may be done with them.
    pub verbs: &'static [&'static str],
    /// With which of them; with all, where none is named. `create` cannot be limited so.
    pub names: Vec<String>,
}

impl Permission {
    /// What locks and elections of `metaparticle-sync` need.
    #[must_use]
    pub fn leases() -> Self {
        Self {
            group: "coordination.k8s.io",
            resource: "leases",
            verbs: &["get", "list", "watch", "create", "update"],
            names: Vec::new(),
        }
    }

    /// The same for these Leases alone, which the application has: whoever uses them makes none.
    #[must_use]
    pub fn these_leases(names: Vec<String>) -> Self {
        Self { verbs: &["get", "list", "watch", "update"], names, ..Self::leases() }
    }
}

impl Application {
    /// Services and jobs that fit together.
    ///
    /// # Errors
    ///
    /// All that does not.
    pub fn new(name: Name, services: Vec<Service>, jobs: Vec<Job>) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::none();
        let mut taken = BTreeMap::new();
        let whole = Self { name, services, jobs, leases: Vec::new() };
        for (place, name) in whole.names() {
            if let Some(first) = taken.insert(name.to_string(), place.clone()) {
                let allowed = format!("a name of its own: {first} has it");
                mistakes.push(Wrong::new(name, allowed).at(format_args!("{place}.name")));
            }
        }
        for service in &whole.services {
            check_service(&format!("services.{}", service.name), service, &mut mistakes);
        }
        for job in &whole.jobs {
            check_containers(&format!("jobs.{}", job.name), &job.containers, &mut mistakes);
        }
        mistakes.or(whole)
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Its services.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// Its jobs.
    #[must_use]
    pub fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// The Leases that its programs hold by turns: they come and go with the application.
    #[must_use]
    pub fn leases(&self) -> &[Name] {
        &self.leases
    }

    /// The same with these Leases.
    #[must_use]
    pub fn with_leases(self, leases: Vec<Name>) -> Self {
        Self { leases, ..self }
    }

    /// The same with other images, such as ones with digests; what `change` does not name stays.
    #[must_use]
    pub fn with_images(mut self, change: impl Fn(&Image) -> Option<Image>) -> Self {
        let services = self.services.iter_mut().flat_map(|service| &mut service.containers);
        let jobs = self.jobs.iter_mut().flat_map(|job| &mut job.containers);
        for container in services.chain(jobs) {
            if let Some(image) = change(&container.image) {
                container.image = image;
            }
        }
        self
    }

    /// All images, each once.
    #[must_use]
    pub fn images(&self) -> Vec<&Image> {
        let services = self.services.iter().flat_map(|service| &service.containers);
        let jobs = self.jobs.iter().flat_map(|job| &job.containers);
        let mut images: Vec<_> = services.chain(jobs).map(|container| &container.image).collect();
        images.sort_by_key(|image| image.as_str());
        images.dedup();
        images
    }

    /// All names that become objects, with their places.
    fn names(&self) -> impl Iterator<Item = (String, &Name)> {
        let services = self.services.iter().flat_map(|Service { name, aliases, .. }| {
            let aliases =
                aliases.iter().map(move |one| (format!("services.{name}.aliases"), &one.name));
            std::iter::once((format!("services.{name}"), name)).chain(aliases)
        });
        services.chain(self.jobs.iter().map(|Job { name, .. }| (format!("jobs.{name}"), name)))
    }
}

fn check_service(place: &str, service: &Service, mistakes: &mut Mistakes) {
    check_containers(place, &service.containers, mistakes);
    mistakes.take(format_args!("{place}.scatter-hedge"), check_hedge(&service.policy));
    let mut taken = Vec::new();
    for (number, port) in service.ports.iter().enumerate() {
        let place = format_args!("{place}.ports[{number}]").to_string();
        if taken.contains(&(port.number, port.transport)) {
            let allowed = "a number that no other port of the service has";
            mistakes.push(Wrong::new(port.number, allowed).at(place));
        }
        taken.push((port.number, port.transport));
    }
    let asked = !matches!(service.exposure, Exposure::Inside) || !service.aliases.is_empty();
    if asked && !service.ports.iter().any(|port| port.transport == Transport::Tcp) {
        let allowed = "at least one TCP port, so that the service can be asked";
        mistakes.push(Wrong::new("none", allowed).at(format_args!("{place}.ports")));
    }
    if let Exposure::Public(public) = &service.exposure
        && public.hosts.is_empty()
        && !public.any_host
    {
        let allowed = "at least one host, or any";
        mistakes.push(Wrong::new("none", allowed).at(format_args!("{place}.hosts")));
    }
}

/// A hedge asks a second replica of the same shard: here each shard is one pod, so that it would do nothing.
pub(crate) fn check_hedge(policy: &Policy) -> Result<(), Wrong> {
    if policy.pattern == Pattern::Spread || policy.hedge == Hedge::Off {
        return Ok(());
    }
    let allowed = "`off`, but for a spread: a shard is one pod, and no second one of it can be asked; \
                   `scatter-require` and `scatter-timeout` bound what a slow one costs";
    Err(Wrong::new(policy.hedge, allowed))
}

fn check_containers(place: &str, containers: &[Container], mistakes: &mut Mistakes) {
    if containers.is_empty() {
        let allowed = "at least one container, with an image";
        mistakes.push(Wrong::new("none", allowed).at(format_args!("{place}.containers")));
    }
    for (number, container) in containers.iter().enumerate() {
        let mut taken = Vec::new();
        for variable in &container.env {
            if taken.contains(&&variable.name) {
                let place = format_args!("{place}.containers[{number}].env").to_string();
                let allowed = "each variable once";
                mistakes.push(Wrong::new(&variable.name, allowed).at(place));
            }
            taken.push(&variable.name);
        }
    }
}
