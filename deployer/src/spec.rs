//! What do the seven published Metaparticle libraries ask for?
//!
//! Each writes the same JSON a little differently, and some write what no JSON reader takes. It is read as
//! kindly as its meaning allows: keys in any letters, numbers as texts, `null` for nothing, keys that nobody
//! knows passed over, escapes that JSON does not have repaired. What was made of it differently than it
//! says is told in [`Note`]s; what cannot be meant is a mistake, and all of them are told at once.

mod container;
mod node;
mod repair;
mod service;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde_json::Value;
use thiserror::Error;

use self::node::Node;
use crate::application::{Application, Host, Mistakes, Name, Wrong};

/// What is known of the place where a spec is deployed.
#[derive(Debug, Clone)]
pub struct Setting {
    /// How the public reaches a service.
    pub door: Door,
    /// The namespace, where it is known: then the long forms of other names lead to services, too.
    pub namespace: Option<String>,
}

/// How the public reaches a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// By the gateway, whose Service has this name.
    Gateway(Host),
    /// By a load balancer for each service: there is no gateway, and therefore no shards.
    LoadBalancer,
}

/// Where `deploy/base` has the gateway.
const GATEWAY: &str = "metaparticle-gateway.metaparticle.svc.cluster.local";

impl Default for Setting {
    fn default() -> Self {
        let gateway = GATEWAY.parse().expect("a host's name");
        Self { door: Door::Gateway(gateway), namespace: None }
    }
}

/// A spec that was read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// What it asks for.
    pub application: Application,
    /// What else its author should know.
    pub notes: Vec<Note>,
}

/// What the author of a spec should know, though nothing is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It asks for nothing that runs.
    Nothing {
        /// What does: a service's name, or the whole.
        of: String,
    },
    /// What cannot be a name in a cluster became the nearest that can.
    Renamed {
        /// As it was written.
        from: String,
        /// As it is deployed.
        to: Name,
    },
    /// The text was no JSON until its escapes were repaired.
    Repaired,
    /// The pattern has no group, so that the whole path is the key.
    NoGroup {
        /// The pattern.
        pattern: String,
    },
    /// Something that is written there has no effect.
    Unused {
        /// What.
        place: String,
        /// Why.
        because: &'static str,
    },
    /// There is no gateway, so nobody chooses among shards.
    NoGateway {
        /// Whose shards.
        name: Name,
    },
    /// A name that leads to the gateway leads there with the gateway's port.
    OtherPort {
        /// The name.
        name: Name,
        /// The port that the original answered at.
        port: u16,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing { of } => write!(
                f,
                "nothing to deploy: {of} asks for no replicas, shards or jobs; give it `replicas`, or \
                 `shardSpec.shards`, of at least 1"
            ),
            Self::Renamed { from, to } => {
                write!(f, "`{from}` is called `{to}` in the cluster, where names are DNS labels")
            }
            Self::Repaired => f.write_str(
                "the spec has escapes that JSON does not have, such as `\\d`; they were read as a \
                 backslash and what follows",
            ),
            Self::NoGroup { pattern } => write!(
                f,
                "the pattern `{pattern}` has no group, so the whole path is the key; put what names the \
                 key in parentheses: `^/users/([^/]+)`"
            ),
            Self::Unused { place, because } => write!(f, "{place} has no effect: {because}"),
            Self::NoGateway { name } => write!(
                f,
                "nobody chooses among the shards of `{name}`: that does the gateway, which is not \
                 installed; `kubectl apply -k deploy/base`, and deploy again"
            ),
            Self::OtherPort { name, port } => write!(
                f,
                "`{name}` leads to the gateway, which answers at its own ports (80), not at {port}"
            ),
        }
    }
}

/// Why a spec cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// There is nothing in it.
    #[error(
        "the spec is {0}: the library wrote nothing (the Ruby gem does where no option was left out: \
         `compact!` in metaparticle_runner.rb is then nil); give the options one that is nil"
    )]
    Empty(&'static str),
    /// It is no JSON.
    #[error("the spec is no JSON: {0}")]
    NotJson(String),
    /// It says what cannot be meant.
    #[error("{0}")]
    Mistakes(Mistakes),
}

/// Reads a spec.
///
/// # Errors
///
/// When it is empty, no JSON, or has mistakes: then all of them.
pub fn read(text: &[u8], setting: &Setting) -> Result<Reading, Fault> {
    let (document, repaired) = parse(text)?;
    let mut reading = read_value(&document, setting)?;
    if repaired {
        reading.notes.insert(0, Note::Repaired);
    }
    Ok(reading)
}

/// The document that a text is, and whether its escapes had to be repaired.
///
/// # Errors
///
/// When it is empty, or beyond repair.
pub fn parse(text: &[u8]) -> Result<(Value, bool), Fault> {
    repair::parse(text)
}

/// Reads a spec that is JSON already.
///
/// # Errors
///
/// When it is empty, or has mistakes: then all of them.
pub fn read_value(document: &Value, setting: &Setting) -> Result<Reading, Fault> {
    let mut reader = Reader { setting, mistakes: Mistakes::none(), notes: Vec::new() };
    let root = Node::root(document);
    if root.is_nothing() {
        return Err(Fault::Empty("`null`"));
    }
    let parts = reader.application(&root);
    let Reader { mut mistakes, notes, .. } = reader;
    let built = parts.map(|(name, services, jobs)| Application::new(name, services, jobs));
    match built {
        Some(Ok(application)) => {
            let application = mistakes.or(application).map_err(Fault::Mistakes)?;
            Ok(Reading { application, notes })
        }
        Some(Err(more)) => {
            mistakes.extend(more);
            Err(Fault::Mistakes(mistakes))
        }
        None => Err(Fault::Mistakes(mistakes)),
    }
}

/// Something to go on with, when what stands there is a mistake: the rest is looked at, too.
fn unread<T: FromStr<Err: fmt::Debug>>() -> T {
    "unread".parse().expect("a name of anything")
}

/// What collects mistakes and notes.
struct Reader<'s> {
    setting: &'s Setting,
    mistakes: Mistakes,
    notes: Vec<Note>,
}

type Parts = (Name, Vec<crate::application::Service>, Vec<crate::application::Job>);

impl Reader<'_> {
    fn application(&mut self, root: &Node<'_>) -> Option<Parts> {
        if !root.is_object() {
            self.mistakes.push(root.wrong("an object with `name` and `services` or `jobs`"));
            return None;
        }
        let name = self.name(root);
        let serve = root.field("serve");
        let public = self.public(serve.as_ref());
        let listed = self.list(root, "services");
        let services: Vec<_> =
            listed.iter().filter_map(|one| self.service(one, public.as_deref())).collect();
        let listed = self.list(root, "jobs");
        let jobs: Vec<_> = listed.iter().filter_map(|one| self.job(one)).collect();
        let told = self.notes.iter().any(|note| matches!(note, Note::Nothing { .. }));
        if services.is_empty() && jobs.is_empty() && !told {
            self.notes.push(Note::Nothing { of: "the spec".to_owned() });
        }
        // What stands for what was misread is never seen: the mistake is told.
        Some((name.unwrap_or_else(unread), services, jobs))
    }

    /// The name of the service that the public may ask.
    fn public(&mut self, serve: Option<&Node<'_>>) -> Option<String> {
        let serve = serve?;
        // The Java library writes the second.
        let public = serve.field("public").or_else(|| serve.field("publicProperty"))?;
        let public = self.mistakes.take(public.place(), public.boolean()).unwrap_or_default();
        let name = serve.field("name")?;
        self.mistakes.take(name.place(), name.text()).filter(|_| public)
    }

    /// The name that stands in `node`, as a cluster takes it.
    fn name(&mut self, node: &Node<'_>) -> Option<Name> {
        let Some(name) = node.field("name") else {
            let place = format!("{}name", node.inner());
            self.mistakes.push(Wrong::new("nothing", "a name").at(place));
            return None;
        };
        let text = self.mistakes.take(name.place(), name.text())?;
        let near = self.mistakes.take(name.place(), Name::near(&text))?;
        if near.as_str() != text {
            let note = Note::Renamed { from: text, to: near.clone() };
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        Some(near)
    }

    /// The items of the list called `name`; none where there is none.
    fn list<'n>(&mut self, node: &Node<'n>, name: &str) -> Vec<Node<'n>> {
        let Some(list) = node.field(name) else { return Vec::new() };
        self.mistakes.take(list.place(), list.list()).unwrap_or_default()
    }
}
