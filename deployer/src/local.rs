//! How does a whole application run on one machine? In one process: each replica at a port of its own on
//! loopback, the gateway in front of them, and a door to kill a replica and see what becomes of it.

mod control;
mod crew;
#[cfg(test)]
mod tests;
mod text;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metaparticle_gateway::app::{Gateway, Running};
use metaparticle_gateway::send::Network;
use metaparticle_gateway::snapshot;
use metaparticle_gateway::tasks::{Clock, Tasks};
use metaparticle_sync::Sync as Locks;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::DropGuard;

use crate::context::{Caller, Settings, Tools};
use crate::pattern::{App, Mistakes, Setting};
use crate::reply::{Reply, fetch, request};
use crate::road::{Colleague, Door, Inside, world};
use crate::scope::{Memory, Scope, Store};
use crate::settings;
use crate::wire::{Error, Result};

use self::crew::Crew;
pub use self::crew::Unknown;

/// How long what is in flight may take at the end.
const END: Duration = Duration::from_secs(5);

/// Where a local application listens, and what it remembers.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it is asked.
    pub listen: SocketAddr,
    /// Where the gateway tells what it does.
    pub admin: SocketAddr,
    /// Where replicas are killed and revived.
    pub control: SocketAddr,
    /// Where scopes are.
    pub scopes: Arc<dyn Store>,
}

/// Ports that are free, and scopes in memory: for tests.
impl Default for Options {
    fn default() -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { listen: free, admin: free, control: free, scopes: Arc::new(Memory::default()) }
    }
}

/// Why an application does not start here.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// It is not right.
    #[error("the application is not right:\n{0}")]
    Wrong(#[from] Mistakes),
    /// Secrets are not there.
    #[error("secrets are read from the environment here, and these are not there: {0}")]
    Secrets(String),
    /// An address cannot be had.
    #[error(
        "cannot listen: {0} (other addresses: --listen, --admin, --control; port 0 is a free one)"
    )]
    Address(String),
}

/// An application that runs in this process, on loopback.
#[derive(Debug)]
#[must_use = "a local application that is dropped ends at once"]
pub struct Local {
    gateway: Running,
    control: SocketAddr,
    crew: Arc<Crew>,
    inside: Arc<Inside<Network>>,
    locks: Locks,
    scopes: Arc<dyn Store>,
    tasks: Tasks,
    text: String,
    #[expect(dead_code, reason = "it is held, not read")]
    end: DropGuard,
}

impl App {
    /// Starts all of it in this process, at ports that are free. Call it in a tokio runtime.
    ///
    /// # Errors
    /// When it is not right, or there is no port to be had.
    pub async fn start(&self) -> Result<Local, NotStarted> {
        self.start_with(Options::default()).await
    }

    /// The same, with `options`.
    ///
    /// # Errors
    /// When it is not right, or an address cannot be had.
    pub async fn start_with(&self, options: Options) -> Result<Local, NotStarted> {
        self.check()?;
        let (tasks, clock, locks) = (Tasks::default(), Clock::start(), Locks::memory());
        let (mut inner, latest) = snapshot::channel();
        let inside = Arc::new(Inside::new(latest, Network::new(tasks.clone(), clock), clock));
        let tools = Tools {
            locks: Some(locks.clone()),
            scopes: Arc::clone(&options.scopes),
            settings: settings_of(self)?,
            declared: self.declared(),
        };
        let caller: Arc<dyn Caller> = Arc::<Inside<Network>>::clone(&inside);
        let crew = Crew::bind(self, Arc::new(tools), caller, tasks.clone()).await;
        let crew = Arc::new(crew.map_err(no_address)?);
        let services: Vec<_> = self.services.iter().collect();
        let address = |replica: &str| crew.address(replica);
        inner.publish(&world(self, &services, Door::Inside, address));
        let (mut outer, latest) = snapshot::channel();
        outer.publish(&world(self, &services, Door::Outside, address));
        let gateway = Gateway::new(latest)
            .listen(options.listen)
            .admin(options.admin)
            .drain(Duration::ZERO, END);
        let carrier = |tasks, clock| Colleague(Network::new(tasks, clock));
        let gateway = gateway.start_with(carrier);
        let gateway = gateway.map_err(|why| NotStarted::Address(format!("{why:#}")))?;
        let control = control::serve(&crew, &locks, options.control, &tasks).await;
        let control = control.map_err(|why| {
            NotStarted::Address(format!("{} (--control): {why}", options.control))
        })?;
        crew.begin(&locks);
        gateway.ready();
        let text = text::introduction(self, &gateway, control, &crew);
        let scopes = options.scopes;
        let end = crew.ending().drop_guard();
        Ok(Local { gateway, control, crew, inside, locks, scopes, tasks, text, end })
    }
}

fn no_address(why: std::io::Error) -> NotStarted {
    NotStarted::Address(why.to_string())
}

fn settings_of(app: &App) -> Result<Settings, NotStarted> {
    let mut found = Settings::default();
    let mut missing = Vec::new();
    for (owner, name, setting) in app.settings() {
        let value = match setting {
            Setting::Value(value) => Some(value.clone()),
            Setting::Secret(_) => settings::variable(name),
        };
        match value {
            Some(value) => found.insert(owner, name, value),
            None => missing.push(name),
        }
    }
    if missing.is_empty() { Ok(found) } else { Err(NotStarted::Secrets(missing.join(", "))) }
}

impl Local {
    /// Where it is asked.
    ///
    /// # Panics
    /// Never: it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.gateway.address().expect("it listens")
    }

    /// Where replicas are killed and revived.
    #[must_use]
    pub fn control(&self) -> SocketAddr {
        self.control
    }

    /// What runs where, and what to try.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Asks from outside, as a browser does.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn get(&self, path: &str) -> Result<Reply> {
        self.ask("GET", path, &[], "").await
    }

    /// Asks from outside, with a body.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Result<Reply> {
        self.ask("POST", path, &[], body).await
    }

    /// Asks from outside, with headers: `host` is one of them.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Result<Reply> {
        let body = body.into().into();
        fetch(self.address(), request(method, path, headers, body)?).await
    }

    /// Asks a service from inside, public or not, as its handlers do.
    ///
    /// # Errors
    /// When it does not answer, or not with what is expected.
    pub async fn call<A, R>(&self, service: &str, ask: &A) -> Result<R>
    where
        A: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        crate::reply::call(&*self.inside, service, ask).await
    }

    /// What the application remembers under this name.
    pub fn scope<T>(&self, name: &str) -> Scope<T>
    where
        T: Serialize + DeserializeOwned + Default,
    {
        Scope::new(name, Arc::clone(&self.scopes))
    }

    /// Ends `replica` as a crash does: its connections break, its state is gone, nobody listens there.
    ///
    /// # Errors
    /// When there is no such replica.
    pub fn kill(&self, replica: &str) -> Result<(), Unknown> {
        self.crew.kill(replica)
    }

    /// Starts `replica` again, with a new state.
    ///
    /// # Errors
    /// When there is no such replica, or its port was taken.
    pub async fn revive(&self, replica: &str) -> Result<()> {
        self.crew.revive(replica, &self.locks).await
    }

    /// Waits until all jobs have ended.
    ///
    /// # Errors
    /// When a part of one failed: each is named.
    pub async fn finished(&self) -> Result<()> {
        match self.crew.finished().await {
            failed if failed.is_empty() => Ok(()),
            failed => Err(Error::unavailable(format!("failed: {}", failed.join(", ")))),
        }
    }

    /// Ends all of it: what is in flight is finished.
    pub async fn stop(self) {
        self.gateway.stop().await;
        self.crew.end();
        self.locks.shutdown().await;
        // A handler may go on for ever: it ends with the runtime.
        tokio::time::timeout(END, self.tasks.wait()).await.ok();
    }
}
