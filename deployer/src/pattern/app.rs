//! What is the whole? An application: services, jobs and leaders under names of their own, and what they share.

use std::collections::BTreeMap;
use std::time::Duration;

use metaparticle_gateway::words::{Hedge, Mistake, Pattern as Shape, ShardCount};

use crate::application::{
    Application, Container, Count, Exposure, Host, Image, Instances, Job as PlannedJob, Name, Path,
    Permission, Port, Public, Readiness, Service as Planned, Value, Variable, Wrong, check_hedge,
};
use crate::cluster::{Parent, scope_name};
use crate::context::Declared;
use crate::pattern::job::{Candidates, Indexed, Job, Leader};
use crate::pattern::service::{Front, Pattern, Service, Setting};
use crate::plan::Plan;

pub use crate::application::Mistakes;

/// Where replicas listen for asks, and where for operators, in pods.
pub(crate) const PORT: u16 = 8080;
/// The port that says whether a replica is ready.
pub(crate) const ADMIN: u16 = 9900;
/// Which part of the program a pod is.
pub(crate) const ROLE: &str = "MP_ROLE";
/// What the pod is called.
pub(crate) const POD: &str = "MP_POD";
/// Which part of a job a pod is: Kubernetes says it.
pub(crate) const INDEX: &str = "JOB_COMPLETION_INDEX";
/// The longest time that the gateway's words allow.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// How many pods stand for code that no gateway has: a second one while the first is replaced.
const ROOTS: u32 = 2;

/// A program and how it is distributed.
#[derive(Debug, Clone)]
#[must_use = "an app does nothing until `main` runs it"]
pub struct App {
    pub(crate) name: String,
    pub(crate) services: Vec<Service>,
    pub(crate) jobs: Vec<Indexed>,
    pub(crate) leaders: Vec<Candidates>,
    locks: Vec<String>,
    scopes: Vec<String>,
}

/// An application without anything yet. Names are in small letters, with digits and `-`.
pub fn app(name: &str) -> App {
    App {
        name: name.to_owned(),
        services: Vec::new(),
        jobs: Vec::new(),
        leaders: Vec::new(),
        locks: Vec::new(),
        scopes: Vec::new(),
    }
}

impl App {
    /// Has a service: a [`spread`](crate::pattern::spread), a [`shard`](crate::pattern::shard), a
    /// [`scatter`](crate::pattern::scatter), or a handler, of which there is one replica.
    pub fn service<M>(mut self, name: &str, pattern: impl Pattern<M>) -> Self {
        self.services.push(pattern.service().named(name));
        self
    }

    /// Has a public service that any tower service of HTTP answers (an axum router, say). For more than one
    /// replica, or for shards: [`http`](crate::pattern::http) in their place for a handler.
    pub fn http<M, S>(self, name: &str, service: S) -> Self
    where
        crate::pattern::Http<S>: crate::pattern::Handler<M>,
    {
        self.service(name, crate::pattern::spread(1, crate::pattern::http(service)).public())
    }

    /// Has a job: an [`indexed`](crate::pattern::indexed) one, or a function.
    pub fn job<M>(mut self, name: &str, job: impl Job<M>) -> Self {
        self.jobs.push(Indexed { name: name.to_owned(), ..job.job() });
        self
    }

    /// Has somebody who leads: [`candidates`](crate::pattern::candidates), or a function, for which two stand.
    pub fn leader<M>(mut self, name: &str, leader: impl Leader<M>) -> Self {
        self.leaders.push(Candidates { name: name.to_owned(), ..leader.leader() });
        self
    }

    /// Has a lock, for [`Context::lock`](crate::context::Context::lock).
    pub fn lock(mut self, name: &str) -> Self {
        self.locks.push(name.to_owned());
        self
    }

    /// Has a scope, for [`Context::scope`](crate::context::Context::scope).
    pub fn scope(mut self, name: &str) -> Self {
        self.scopes.push(name.to_owned());
        self
    }

    /// Whether all of it is right.
    ///
    /// # Errors
    /// All that is not: names that two have, words that the gateway does not know, numbers out of bounds.
    pub fn check(&self) -> Result<(), Mistakes> {
        self.application().map(drop)
    }

    /// The objects of Kubernetes that this is: pure, so that tests can look at them.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn plan(&self) -> Result<Plan, Mistakes> {
        Ok(self.application()?.plan())
    }

    /// What is to run: all of it in one image, which is called as the application until it has a digest.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn application(&self) -> Result<Application, Mistakes> {
        let mut mistakes = Mistakes::none();
        let name = mistakes.take("app.name", self.name.parse::<Name>());
        let image = mistakes.take("app.name", self.name.parse::<Image>());
        let leases = self.check_shared(&mut mistakes);
        let (Some(name), Some(image)) = (name, image) else { return Err(mistakes) };
        let mut draft = Draft { app: self, image, mistakes };
        let mut services = Vec::new();
        for service in &self.services {
            services.extend(draft.service(service));
        }
        for leader in &self.leaders {
            services.extend(draft.leader(leader));
        }
        let jobs: Vec<_> = self.jobs.iter().filter_map(|job| draft.job(job)).collect();
        draft.check_fronts();
        let mut mistakes = draft.mistakes;
        match Application::new(name, services, jobs) {
            Ok(application) => mistakes.or(application.with_leases(leases)),
            Err(more) => {
                mistakes.extend(more);
                Err(mistakes)
            }
        }
    }

    /// The names that handlers may use.
    pub(crate) fn declared(&self) -> Declared {
        Declared {
            services: self.services.iter().map(|service| service.name.clone()).collect(),
            locks: self.locks.iter().cloned().collect(),
            scopes: self.scopes.iter().cloned().collect(),
        }
    }

    /// All settings: whose each is, what it is called, and what it is.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&str, &str, &Setting)> {
        let services = self.services.iter().map(|one| (&one.name, &one.settings));
        let jobs = self.jobs.iter().map(|one| (&one.name, &one.settings));
        let leaders = self.leaders.iter().map(|one| (&one.name, &one.settings));
        services.chain(jobs).chain(leaders).flat_map(|(owner, settings)| {
            settings.iter().map(|(name, setting)| (owner.as_str(), name.as_str(), setting))
        })
    }

    /// The path at which a public service is asked.
    pub(crate) fn path(&self, service: &Service, front: &Front) -> String {
        let alone = self.services.iter().filter(|one| one.front.is_some()).count() == 1;
        let own = || if alone { "/".to_owned() } else { format!("/{}", service.name) };
        front.path.clone().unwrap_or_else(own)
    }

    /// Locks and scopes have names of their own, too. Gives the Leases of locks and leaders.
    fn check_shared(&self, mistakes: &mut Mistakes) -> Vec<Name> {
        // What else is wrong with a leader's name is found where it is planned.
        let mut held: Vec<_> =
            self.leaders.iter().filter_map(|one| one.name.parse().ok()).collect();
        for lock in &self.locks {
            let place = format_args!("lock `{lock}`").to_string();
            let Some(name) = mistakes.take(&place, lock.parse::<Name>()) else { continue };
            if held.contains(&name) {
                let wrong = Wrong::new(lock, "a name that no other lock has, nor a leader");
                mistakes.push(wrong.at(place));
            } else {
                held.push(name);
            }
        }
        let deployer = Parent::name_of(&self.name);
        if let Some(name) = held.iter().find(|name| name.as_str() == deployer) {
            let wrong = Wrong::new(name, "a name that the deployer's own lock does not have");
            mistakes.push(wrong.at(format_args!("lock or leader `{name}`")));
        }
        for (number, scope) in self.scopes.iter().enumerate() {
            let place = format_args!("scope `{scope}`").to_string();
            mistakes.take(&place, scope.parse::<Name>());
            if self.scopes[..number].contains(scope) {
                mistakes.push(Wrong::new(scope, "a name that no other scope has").at(place));
            }
        }
        held
    }
}

/// Reads `SECRET/KEY`.
fn secret(from: &str) -> Result<Value, Wrong> {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let plain = |text: &&str| !text.is_empty() && text.bytes().all(sign);
    let (name, key) = from.split_once('/').unwrap_or_default();
    let (Some(name), Some(key)) = (Some(name).filter(plain), Some(key).filter(plain)) else {
        let allowed = "the name of a Secret and its key, such as `db/password`";
        return Err(Wrong::new(from, allowed));
    };
    Ok(Value::Secret { name: name.to_owned(), key: key.to_owned() })
}

/// An application on the way to being planned.
struct Draft<'a> {
    app: &'a App,
    image: Image,
    mistakes: Mistakes,
}

impl Draft<'_> {
    /// A service's pods; where its code stands between, also those of the root.
    fn service(&mut self, service: &Service) -> Vec<Planned> {
        let place = format!("service `{}`", service.name);
        let (mut policy, mistakes) = service.policy();
        let at =
            |mistake: Mistake| Mistake { place: format!("{place}.{}", mistake.place), ..mistake };
        self.mistakes.extend(mistakes.into_iter().chain(service.mistakes(&policy)).map(at));
        if let Err(wrong) = check_hedge(&policy) {
            self.mistakes.push(wrong.at(format_args!("{place}.scatter-hedge")));
            policy.hedge = Hedge::Off;
        }
        let name = self.mistakes.take(&place, service.name.parse::<Name>());
        let stem = self.mistakes.take(&place, service.stem().parse::<Name>());
        let count = self.mistakes.take(&place, Count::new(service.count));
        let exposure = self.exposure(&place, service);
        let settings = self.settings(&place, &service.settings);
        let (Some(name), Some(stem), Some(count)) = (name, stem, count) else { return Vec::new() };
        let instances = match service.pattern {
            Shape::Spread => Instances::Alike(count),
            Shape::Shard | Shape::Scatter => Instances::Numbered(count),
        };
        if service.pattern != Shape::Spread {
            policy.shard_count = ShardCount::StatefulSet;
        }
        let mut replicas = self.asked(stem, instances, settings.clone());
        if !service.has_root() {
            (replicas.policy, replicas.exposure) = (policy, exposure);
            return vec![replicas];
        }
        let roots = Count::new(ROOTS).expect("a right number");
        let mut root = self.asked(name, Instances::Alike(roots), settings);
        // The root's own deadline comes first: what it says then is worth more than silence.
        let deadline = policy.timeout.max(policy.scatter_timeout) + Duration::from_secs(1);
        root.policy.timeout = deadline.min(LONGEST);
        root.policy.max_body = policy.max_body;
        root.exposure = exposure;
        // Neither a key's function nor a merge has a context to use a lock or a scope with.
        root.permissions.clear();
        vec![replicas, root]
    }

    fn leader(&mut self, leader: &Candidates) -> Option<Planned> {
        let place = format!("leader `{}`", leader.name);
        let name = self.mistakes.take(&place, leader.name.parse::<Name>());
        let count = self.mistakes.take(&place, Count::new(leader.count));
        let settings = self.settings(&place, &leader.settings);
        let (name, count) = (name?, count?);
        let container = self.container(name.as_str(), settings);
        let mut planned = Planned::of(name, Instances::Alike(count), container);
        planned.permissions = self.permissions(Some(&leader.name));
        Some(planned)
    }

    fn job(&mut self, job: &Indexed) -> Option<PlannedJob> {
        let place = format!("job `{}`", job.name);
        let name = self.mistakes.take(&place, job.name.parse::<Name>());
        let count = self.mistakes.take(&place, Count::new(job.count));
        let parallelism = self.mistakes.take(&place, Count::new(job.parallelism));
        let schedule = job.schedule.as_ref().map(|schedule| schedule.parse());
        let schedule = schedule.and_then(|schedule| self.mistakes.take(&place, schedule));
        let settings = self.settings(&place, &job.settings);
        let (name, count) = (name?, count?);
        let container = self.container(name.as_str(), settings);
        let mut planned = PlannedJob::of(name, container, count);
        planned.parallelism = parallelism;
        planned.schedule = schedule;
        planned.permissions = self.permissions(None);
        Some(planned)
    }

    /// A service that listens, and says when it is ready.
    fn asked(&self, name: Name, instances: Instances, settings: Vec<Variable>) -> Planned {
        let mut container = self.container(name.as_str(), settings);
        let number = |port: u16| port.try_into().expect("no port is 0");
        let path = Some("/readyz".to_owned());
        container.readiness = Some(Readiness { path, port: number(ADMIN) });
        let mut planned = Planned::of(name, instances, container);
        planned.ports = vec![Port::http(number(PORT))];
        planned.permissions = self.permissions(None);
        planned
    }

    fn container(&self, role: &str, settings: Vec<Variable>) -> Container {
        let mut container = Container::of(self.image.clone());
        container.args = vec!["serve".to_owned()];
        let role = Variable::plain(ROLE, role).expect("a right name");
        let pod = Variable::field(POD, crate::application::Field::PodName).expect("a right name");
        container.env = [role, pod].into_iter().chain(settings).collect();
        container
    }

    /// Whoever may use a lock or a scope, or stands for an election, may do with it what that needs, and
    /// nothing else.
    fn permissions(&self, election: Option<&str>) -> Vec<Permission> {
        let App { name, locks, scopes, .. } = self.app;
        let held = locks.iter().map(String::as_str).chain(election).map(str::to_owned);
        let leases = Permission::these_leases(held.collect());
        let maps = |verbs, names| Permission { group: "", resource: "configmaps", verbs, names };
        let kept = scopes.iter().map(|scope| scope_name(name, scope)).collect();
        // Whose a scope is stands in the parent.
        let owner = scopes.first().map(|_| Parent::name_of(name)).into_iter().collect();
        let all = [leases, maps(&["get", "create", "update"], kept), maps(&["get"], owner)];
        all.into_iter().filter(|one| !one.names.is_empty()).collect()
    }

    fn settings(&mut self, place: &str, settings: &[(String, Setting)]) -> Vec<Variable> {
        let variable = |(name, setting): &(String, Setting)| {
            let value = match setting {
                Setting::Value(value) => Value::Plain(value.clone()),
                Setting::Secret(from) => secret(from)?,
            };
            Ok(Variable { name: name.parse()?, value })
        };
        let mut right = Vec::new();
        for setting in settings {
            let place = format_args!("{place}.setting `{}`", setting.0).to_string();
            right.extend(self.mistakes.take(place, variable(setting)));
        }
        right
    }

    fn exposure(&mut self, place: &str, service: &Service) -> Exposure {
        let Some(front) = &service.front else { return Exposure::Inside };
        let host = front.host.as_ref().map(|host| host.parse::<Host>());
        let host = host.and_then(|host| self.mistakes.take(format_args!("{place}.host"), host));
        let path = self.app.path(service, front).parse::<Path>();
        let path = self.mistakes.take(format_args!("{place}.at"), path).unwrap_or_default();
        Exposure::Public(Public {
            any_host: host.is_none(),
            hosts: host.into_iter().collect(),
            path,
        })
    }

    /// No two public services are asked at the same place.
    fn check_fronts(&mut self) {
        let mut taken = BTreeMap::new();
        for service in &self.app.services {
            let Some(front) = &service.front else { continue };
            let path = self.app.path(service, front);
            let before = taken.insert((front.host.clone(), path.clone()), &service.name);
            if let Some(before) = before {
                let wrong = Wrong::new(path, format!("a path that `{before}` does not have"));
                self.mistakes.push(wrong.at(format_args!("service `{}`.at", service.name)));
            }
        }
    }
}
